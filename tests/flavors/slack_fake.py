"""A fake of Slack's Web API: it takes and refuses what the reference says that Slack takes and refuses.

It knows `auth.test`, `chat.postMessage`, `conversations.replies`, `reactions.get`, tokens, channels, limits of length, and
429 with `Retry-After`. It was written from the reference of Slack's API, and never compared with Slack itself.
"""

import json
import re
from urllib.parse import parse_qsl, urlsplit

from alerter_http import HttpService

from zenml.components.alerter_check import Arrived

TOKEN = "xoxb-t0ken-of-the-app"
CHANNELS = {"C0123456789": "general", "C0000000002": "deployments"}
OWN = {"user_id": "U0ROBOT", "bot_id": "B0ROBOT"}
BLOCKS = {"header", "section", "rich_text", "actions", "divider", "context"}


class SlackFake(HttpService):
    secrets = (TOKEN,)

    def __init__(self):
        super().__init__()
        self.messages = []
        """What was posted, with `channel` and `ts`."""
        self.replies = []
        """What people answer, as `conversations.replies` would tell it."""
        self.reactions = []
        self.pages = 1
        self.on_look = lambda number: None
        """Called before each look for answers, with its number from 1."""
        self.looks = 0
        self.limited = 0
        """How many calls are refused with 429."""

    def take(self, handler, body):
        method = urlsplit(handler.path).path.rpartition("/")[2]
        query = dict(parse_qsl(urlsplit(handler.path).query))
        kind = handler.headers.get("Content-Type", "")
        given = json.loads(body or b"{}") if "json" in kind else dict(parse_qsl(body.decode()))
        if self.limited:
            self.limited -= 1
            self.send(handler, 429, {"Retry-After": "0"}, b'{"ok": false, "error": "ratelimited"}')
            return
        answer = self.result_of(method, {**query, **given}, handler.headers.get("Authorization"))
        self.send(handler, 200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def result_of(self, method, given, authorization):
        if authorization != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        return {
            "auth.test": self.test,
            "chat.postMessage": self.post_message,
            "conversations.replies": self.get_replies,
            "reactions.get": self.get_reactions,
        }[method](given)

    def test(self, given):
        return {"ok": True, "team": "fake", **OWN}

    def post_message(self, given):
        channel = self.channel_of(given.get("channel"))
        if channel is None:
            return {"ok": False, "error": "channel_not_found"}
        problem = problem_of(given)
        if problem is not None:
            return {"ok": False, "error": problem[0], "response_metadata": {"messages": [problem[1]]}}
        with self.lock:
            ts = f"1700000000.{len(self.messages):06}"
            self.messages.append({**given, "channel": channel, "ts": ts})
        return {"ok": True, "channel": channel, "ts": ts, "message": {"text": given.get("text", "")}}

    def channel_of(self, asked):
        return next((key for key, name in CHANNELS.items() if asked in (key, name, f"#{name}")), None)

    def get_replies(self, given):
        if not any(one["ts"] == given["ts"] and one["channel"] == given["channel"] for one in self.messages):
            return {"ok": False, "error": "thread_not_found"}
        page = int(given.get("cursor") or 1)
        if page == 1:
            self.looks += 1
            self.on_look(self.looks)
        replies = self.replies if page == self.pages else []
        answer = {
            "ok": True,
            "messages": [{"ts": given["ts"], "user": OWN["user_id"], "text": "yes"}, *replies],
        }
        if page < self.pages:
            answer |= {"has_more": True, "response_metadata": {"next_cursor": str(page + 1)}}
        return answer

    def get_reactions(self, given):
        return {
            "ok": True,
            "type": "message",
            "message": {"ts": given["timestamp"], "reactions": self.reactions},
        }

    def arrived(self):
        return [
            Arrived(text=text, envelope=tuple(sorted(acts))) for text, acts in map(shown, list(self.messages))
        ]


def blocks_of(message):
    return message.get("blocks", []) + [
        block for attachment in message.get("attachments", []) for block in attachment["blocks"]
    ]


def problem_of(message):
    """Return the error that Slack would answer with, and its details."""
    blocks = blocks_of(message)
    if not message.get("text") and not blocks:
        return "no_text", ""
    if len(blocks) > 50 or any(block["type"] not in BLOCKS for block in blocks):
        return "invalid_blocks", "too many blocks, or unknown ones"
    for block in blocks:
        if block["type"] == "header" and not 1 <= len(block["text"]["text"]) <= 150:
            return "invalid_blocks", "must be more than 0 and less than 151 characters"
        if block["type"] == "header" and block["text"]["type"] != "plain_text":
            return "invalid_blocks", "a header is plain text"
        if block["type"] == "actions" and any(len(one.get("url", "")) > 3000 for one in block["elements"]):
            return "invalid_blocks", "url too long"
        if block["type"] == "rich_text" and any(
            not part.get("text") for one in block["elements"] for part in one["elements"]
        ):
            return "invalid_blocks", "must be more than 0 characters"
    if sum(len(text) for block in blocks for text, _ in rendered(block)) > 12_000:
        return "msg_blocks_too_long", ""
    if len(message.get("text", "")) > 40_000:
        return "msg_too_long", ""
    return None


def shown(message):
    """Return what a person sees of a message, and what else it does: mentions, links."""
    parts = [part for block in blocks_of(message) for part in rendered(block)]
    acts = re.findall(r"<[^>]*>", message.get("text", ""))  # the notification mentions people
    acts += [act for _, found in parts for act in found]
    return "".join(text for text, _ in parts), acts


def rendered(block):
    """Yield the texts of a block as they are shown, each with what is active in it."""
    kind = block["type"]
    if kind == "header":
        yield block["text"]["text"] + "\n", []
    elif kind == "section":
        yield from [mrkdwn(one) for one in [block.get("text"), *block.get("fields", [])] if one]
    elif kind == "rich_text":
        for element in block["elements"]:
            for part in element["elements"]:
                yield part.get("text", ""), [] if part["type"] == "text" else [part["type"]]
            yield "\n", []
    elif kind == "actions":
        for element in block["elements"]:
            yield element["url"] + "\n", []


def mrkdwn(text):
    if text["type"] == "plain_text":
        return text["text"] + "\n", []
    acts = re.findall(r"<[^>]*>|\*[^*]+\*|_[^_]+_|`[^`]+`", text["text"])
    plain = re.sub(r"<[^>]*>|[*_~`]", "", text["text"])
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") + "\n", acts
