"""Post messages to a channel of Slack, and ask there.

Install: `pip install 'zenml-core[slack]'`. Make an app in Slack (https://api.slack.com/apps) with the scope `chat:write`, and for
questions `channels:history` (`groups:history` in private channels) and `reactions:read`; install it, and invite
it to the channel.

    zenml secret create slack --from-file slack.env    # token=xoxb-…
    zenml alerter register team --flavor slack --token '{{slack.token}}' --default_channel_id C0123456789
    zenml stack register watched -al team --set

`ask` posts a question and waits until a person replies in its thread with one of the words, or reacts with ✅, 👍,
❌ or 👎. Apps do not answer. Where several people have answered, one "no" is enough for a no.
A step that asks runs while it waits; `zenml.wait(…)` in a dynamic pipeline waits without a process.

Tested with a fake of Slack's Web API that was written from its reference; never with Slack itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from zenml.components.alert_text import keep_begin
from zenml.components.alerter import Alert, Alerter, settings_of
from zenml.components.alerter_failure import not_taken
from zenml.components.flavor import Configuration, Flavor, Place, SecretText
from zenml.components.registry import missing_library
from zenml.components.time_limit import within
from zenml.errors import ComponentError, ConfigurationError
from zenml.flavors.slack_answers import APPROVING, DISAPPROVING, AnswerRules, answer_in
from zenml.flavors.slack_blocks import message_of

Call = Callable[[Any], Any]
"""Makes one call with a `slack_sdk.WebClient`, and returns its response."""


class SlackAlerterSettings(Configuration, frozen=True, kw_only=True):
    """What a message may set for itself."""

    channel: Annotated[str | None, Meta(description="The id or name of the channel.")] = None
    slack_channel_id: Annotated[str | None, Meta(description="Another name of `channel`.")] = None
    thread: Annotated[
        str | None, Meta(description="The `ts` of the message to whose thread this one belongs.")
    ] = None
    blocks: Annotated[
        list[dict[str, Any]] | None,
        Meta(description="Blocks of Block Kit that are posted as they are, instead of the usual layout."),
    ] = None
    approve: Annotated[tuple[str, ...] | None, Meta(description="Words that approve a question.")] = None
    disapprove: Annotated[tuple[str, ...] | None, Meta(description="Words that refuse it.")] = None
    ask_timeout: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="Seconds to wait for an answer.")
    ] = None


class SlackAlerterConfig(Configuration, frozen=True, kw_only=True):
    """Who posts, and where."""

    token: Annotated[SecretText | None, Meta(description="The token of the app, `xoxb-…`; needed.")] = None
    default_channel_id: Annotated[
        str | None, Meta(description="The channel of messages that name none; its id, or its name.")
    ] = None
    slack_token: Annotated[SecretText | None, Meta(description="Another name of `token`.")] = None
    slack_channel_id: Annotated[str | None, Meta(description="Another name of `default_channel_id`.")] = None
    default_slack_channel_id: Annotated[
        str | None, Meta(description="Another name of `default_channel_id`.")
    ] = None
    base_url: Annotated[
        str, Meta(description="Where Slack's API is: `https://slack-gov.com/api/` for GovSlack.")
    ] = "https://slack.com/api/"
    timeout: Annotated[float, Meta(description="Seconds until a message counts as not taken.", gt=0)] = 10.0
    approve: Annotated[
        tuple[str, ...],
        Meta(description="Words that approve a question when a reply begins with them.", min_length=1),
    ] = APPROVING
    disapprove: Annotated[tuple[str, ...], Meta(description="Words that refuse it.", min_length=1)] = (
        DISAPPROVING
    )
    approvers: Annotated[
        tuple[str, ...], Meta(description="Ids of the users who may answer; by default all in the channel.")
    ] = ()
    ask_timeout: Annotated[float, Meta(description="Seconds to wait for an answer.", gt=0)] = 3600.0
    poll_interval: Annotated[float, Meta(description="Seconds between two looks for one.", gt=0)] = 5.0

    def __post_init__(self) -> None:
        if len({self.token, self.slack_token} - {None}) != 1:
            raise ValueError("`token` is needed, once")
        channels = {self.default_channel_id, self.slack_channel_id, self.default_slack_channel_id}
        if len(channels - {None}) > 1:
            raise ValueError("`default_channel_id` and its other names give different channels")
        if not self.base_url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("`base_url` must begin with `https://`: the token is sent there")

    @property
    def secret(self) -> str:
        """The token, whatever it was called."""
        return self.token or self.slack_token or ""

    @property
    def channel(self) -> str | None:
        """The usual channel, whatever it was called."""
        return self.default_channel_id or self.slack_channel_id or self.default_slack_channel_id


class SlackAlerter(Alerter):
    """Posts to Slack, and waits for answers."""

    flavor = "slack"

    def __init__(self, config: SlackAlerterConfig, place: Place) -> None:
        self.config = config
        self.place = place

    def post(self, message: str | Alert, params: Any = None) -> bool:
        """Post a message to a channel."""
        self._post(message, settings_of(SlackAlerterSettings, params, self.flavor))
        return True

    def ask(self, question: str | Alert, params: Any = None) -> bool:
        """Post a question, and wait until a person approves or refuses."""
        settings = settings_of(SlackAlerterSettings, params, self.flavor)
        own = self._call(lambda client: client.auth_test())
        rules = AnswerRules(
            approve=settings.approve or self.config.approve,
            disapprove=settings.disapprove or self.config.disapprove,
            approvers=self.config.approvers,
            own_ids=frozenset({own.get("user_id") or "", own.get("bot_id") or ""}),
        )
        posted = self._post(_with_instructions(question, rules), settings)
        seconds = settings.ask_timeout or self.config.ask_timeout
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self._answer(posted["channel"], posted["ts"], rules)
            if answer is not None:
                return answer
            time.sleep(max(0.0, min(self.config.poll_interval, end - time.monotonic())))
        raise ComponentError(
            f"{self._who} asked, and nobody answered within {seconds:g} s. Ask again, or have it wait longer "
            "with `ask_timeout`."
        )

    def _post(self, message: str | Alert, settings: SlackAlerterSettings) -> Any:
        channel = settings.channel or settings.slack_channel_id or self.config.channel
        if not channel:
            raise ConfigurationError(
                f"Alerter `{self.place.name}` (slack) does not know where to post. Configure `default_channel_id`, or give "
                '`params={"channel": "C0123456789"}` with the message.'
            )
        shown = message_of(message)
        if settings.blocks is not None:
            shown = {"text": shown["text"], "blocks": settings.blocks}
        options: dict[str, Any] = {
            "unfurl_links": False,
            "unfurl_media": False,
            "parse": "none",
            "link_names": False,
        }
        if settings.thread:
            options["thread_ts"] = settings.thread
        return self._call(lambda client: client.chat_postMessage(channel=channel, **shown, **options))

    def _answer(self, channel: str, ts: str, rules: AnswerRules) -> bool | None:
        """Return the answer if there is one; Slack being away for a moment is no answer."""
        try:
            replies: list[Any] = []
            cursor = ""
            while True:
                page = self._call(
                    lambda client, cursor=cursor: client.conversations_replies(  # type: ignore[misc]  # bound now
                        channel=channel, ts=ts, limit=200, cursor=cursor or None
                    )
                )
                replies += [one for one in page.get("messages", ()) if one.get("ts") != ts]
                cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
                if not cursor:
                    break
            found = self._call(lambda client: client.reactions_get(channel=channel, timestamp=ts, full=True))
        except ComponentError as error:
            if _is_passing(error.__cause__):
                return None
            raise
        return answer_in(replies, (found.get("message") or {}).get("reactions") or (), rules)

    @property
    def _who(self) -> str:
        from urllib.parse import urlsplit

        return f"Alerter `{self.place.name}` (slack at {urlsplit(self.config.base_url).netloc})"

    def _call(self, call: Call) -> Any:
        """Make one call; when Slack asks to wait, wait, but not beyond the limit of time."""
        try:
            from slack_sdk.errors import SlackApiError, SlackClientError
        except ImportError as error:
            raise missing_library(FLAVOR, error) from error
        end = time.monotonic() + self.config.timeout
        try:
            return within(self.config.timeout, lambda: _call_when_allowed(self._client(), call, end))
        except SlackApiError as error:
            raise self._failure(_words(error.response), "Look up what that means for the method, or correct the token, "
                                "its scopes, or the channel.") from error  # fmt: skip
        except (OSError, SlackClientError, ValueError) as error:
            why = str(getattr(error, "reason", error)) or type(error).__name__
            raise self._failure(why, "See whether Slack can be reached from here.") from error

    def _client(self) -> Any:
        import logging
        import math

        from slack_sdk import WebClient

        # No retries of its own: they know no limit of time, and a lost answer would be posted twice.
        # No log either: what goes wrong is raised.
        seconds = max(1, math.ceil(self.config.timeout))
        silent = logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001  # nobody else's
        return WebClient(
            self.config.secret,
            base_url=self.config.base_url,
            timeout=seconds,
            retry_handlers=[],
            logger=silent,
        )

    def _failure(self, why: str, remedy: str) -> ComponentError:
        return not_taken(self._who, why, remedy, secrets=[self.config.secret])


def _call_when_allowed(client: Any, call: Call, end: float) -> Any:
    from slack_sdk.errors import SlackApiError

    while True:
        try:
            return call(client)
        except SlackApiError as error:
            response: Any = error.response
            if getattr(response, "status_code", None) != 429:
                raise
            headers = {name.lower(): value for name, value in response.headers.items()}
            asked = headers.get("retry-after", "1")
            pause = float(asked) if str(asked).isdecimal() else 1.0
            if time.monotonic() + pause >= end:
                raise
            time.sleep(pause)


def _is_passing(problem: BaseException | None) -> bool:
    """Tell whether a problem may be gone at the next look."""
    status = getattr(getattr(problem, "response", None), "status_code", None)
    return isinstance(problem, OSError) or status == 429 or (status is not None and status >= 500)


def _words(response: Any) -> str:
    """Return what Slack says: `error`, and what is missing."""
    status = getattr(response, "status_code", None)
    if status == 429:
        return "it wants fewer messages (429 Too Many Requests)"
    try:
        error, needed = response.get("error"), response.get("needed")
        details = (response.get("response_metadata") or {}).get("messages") or ()
    except (AttributeError, ValueError):  # what answered is not Slack
        error = needed = None
        details = ()
    if error is None or (status is not None and status >= 500):
        return f"it answered {status}" + (f": {error}" if error else "")
    return "; ".join(
        [f"it answered `{error}`", *([f"needed: {needed}"] if needed else ()), *map(str, details)]
    )


def _with_instructions(question: str | Alert, rules: AnswerRules) -> Alert:
    alert = question if isinstance(question, Alert) else Alert(title="", text=question)
    how = (
        f"Reply in the thread with `{rules.approve[0]}` or `{rules.disapprove[0]}`, "
        "or react with \N{WHITE HEAVY CHECK MARK} or \N{CROSS MARK}."
    )
    text = keep_begin(alert.text, 2500)  # so that how to answer is not cut off
    return msgspec.structs.replace(alert, text=f"{text}\n\n{how}" if text else how)


FLAVOR = Flavor(
    type="alerter",
    name="slack",
    component=SlackAlerter,
    config=SlackAlerterConfig,
    settings=SlackAlerterSettings,
    requirements=("slack_sdk>=3.27",),
    extra="slack",
    capabilities=frozenset({"ask"}),
)
