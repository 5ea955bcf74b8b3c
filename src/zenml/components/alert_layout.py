"""A message made ready for a medium: every part readable, and no longer than the medium takes."""

from __future__ import annotations

import msgspec

from zenml.components.alert_text import keep_begin, keep_end, one_line, readable
from zenml.components.alerter import Alert

_SMALLEST_SHARE = 8
"""A title gets an eighth of a message that is too long; fields and text get a quarter each, the log the rest."""


def cleaned(message: str | Alert, longest: int) -> Alert:
    """Return a message in parts that people can read; none is longer than `longest`, of a log the end is kept.

    A plain text becomes an alert without a title.
    """
    alert = message if isinstance(message, Alert) else Alert(title="", text=message)
    return msgspec.structs.replace(
        alert,
        title=keep_begin(one_line(alert.title), longest),
        text=keep_begin(readable(alert.text), longest),
        fields={
            keep_begin(one_line(name), longest): keep_begin(readable(value), longest)
            for name, value in alert.fields.items()
        },
        log_tail=keep_end(readable(alert.log_tail), longest),
        link=alert.link and one_line(alert.link),
        key=one_line(alert.key),
        thread=one_line(alert.thread),
    )


def plain_text(message: str | Alert, most: int, *, has_title: bool = True) -> str:
    """Return a whole message as readable text of at most so many letters.

    Args:
        has_title: False where the medium shows the title elsewhere.
    """
    alert = cleaned(message, most)
    title = alert.title if has_title else ""
    facts = "\n".join(f"{name}: {value}" for name, value in alert.fields.items())
    parts = [title, alert.text, facts, alert.log_tail, alert.link or ""]
    if len(_joined(parts)) > most:
        share = most // _SMALLEST_SHARE
        title, facts = keep_begin(title, share), keep_begin(facts, 2 * share)
        link = parts[4] if len(parts[4]) <= share else ""
        room = most - len(_joined([title, "", facts, "", link])) - 4
        text = keep_begin(alert.text, max(2 * share, room - len(alert.log_tail)))
        parts = [title, text, facts, keep_end(alert.log_tail, max(0, room - len(text) - 2)), link]
    return keep_begin(_joined(parts), most)


def is_web_link(link: str | None) -> bool:
    """Tell whether a link may be made one that is clicked: other schemes run programs."""
    return link is not None and link.startswith(("https://", "http://"))


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)
