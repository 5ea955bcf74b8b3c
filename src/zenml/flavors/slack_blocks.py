"""The layout of a message in Slack: a header, and beside a bar of colour the text, facts, log and button.

What users wrote goes into elements that Slack shows as they are (`plain_text`, and `text` inside `rich_text`), so there is
nothing to escape and no mention to be smuggled in. Only the text of notifications knows markup; it is escaped.
"""

from __future__ import annotations

from typing import Any

from zenml.components.alert_layout import cleaned, is_web_link
from zenml.components.alert_text import keep_begin, keep_end, one_line, readable
from zenml.components.alerter import Alert

COLOURS = {"info": "#3b73af", "success": "#2e8b57", "failure": "#c0392b"}
LONGEST_HEADER = 150
"""As the reference of Block Kit says; so is the length of a URL."""
LONGEST_URL = 3000
LONGEST_TEXT = 3000
"""Letters of a text or log. Slack names no limit for `rich_text`; it refuses messages of more than some 12,000."""
MOST_FIELDS = 20
_LONGEST_NAME = 75
_LONGEST_VALUE = 200

Block = dict[str, Any]


def message_of(message: str | Alert) -> dict[str, Any]:
    """Return the arguments of `chat.postMessage` that show a message."""
    if isinstance(message, str):
        text = keep_begin(readable(message), LONGEST_TEXT) or " "
        return {"text": escaped(text), "blocks": [_rich([_section(_text(text))])]}
    alert = cleaned(message, LONGEST_TEXT)
    headline = alert.title or alert.text or " "
    shown: dict[str, Any] = {"text": escaped(headline)}
    if alert.title:
        title = keep_begin(alert.title, LONGEST_HEADER)
        shown["blocks"] = [{"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}]
    blocks = _body(alert)
    if blocks:
        shown["attachments"] = [
            {"color": COLOURS[alert.level], "fallback": escaped(headline), "blocks": blocks}
        ]
    return shown


def escaped(text: str) -> str:
    """Return a text for notifications: nothing in it is a mention or link."""

    def escape(part: str) -> str:
        return part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    return escape(keep_begin(one_line(text), LONGEST_TEXT, lambda part: len(escape(part))))


def _body(alert: Alert) -> list[Block]:
    blocks, elements = [], []
    if alert.text:
        elements.append(_section(_text(alert.text)))
    if alert.fields:
        elements.append(_section(*_facts(alert.fields)))
    if alert.log_tail:
        log = keep_end(alert.log_tail, LONGEST_TEXT)
        elements.append({"type": "rich_text_preformatted", "elements": [_text(log)]})
    if alert.link and is_web_link(alert.link) and len(alert.link) <= LONGEST_URL:
        button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": alert.link}
        blocks.append({"type": "actions", "elements": [button]})
    elif alert.link:
        elements.append(_section(_text(alert.link)))
    return [_rich(elements), *blocks] if elements else blocks


def _facts(fields: dict[str, str]) -> list[Block]:
    parts: list[Block] = []
    for name, value in list(fields.items())[:MOST_FIELDS]:
        line_end = "\n" if parts else ""
        parts += [
            _text(f"{line_end}{keep_begin(name, _LONGEST_NAME)}: ", is_bold=True),
            _text(keep_begin(value, _LONGEST_VALUE) or " "),
        ]
    if len(fields) > MOST_FIELDS:
        parts.append(_text(f"\n… and {len(fields) - MOST_FIELDS} more"))
    return parts


def _rich(elements: list[Block]) -> Block:
    return {"type": "rich_text", "elements": elements}


def _section(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def _text(text: str, *, is_bold: bool = False) -> Block:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if is_bold else {})}
