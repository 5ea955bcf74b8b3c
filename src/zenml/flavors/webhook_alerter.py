"""Post messages as JSON to a web address of yours.

Nothing to install. The address and the values of headers are kept as secrets:

    zenml secret create hook --from-file hook.env      # url=https://example.com/hooks/9f3a, key=8c1d…
    zenml alerter register team --flavor webhook --url '{{hook.url}}' --signing_key '{{hook.key}}'
    zenml stack register watched -al team --set

Each message is one `POST` of one JSON object in UTF-8:

    {
      "version": 1,
      "text": "all of the message as plain text",
      "key": "5b9c…",
      "thread": "0645f2a91c3be1d4a1b2c3d4",
      "sent_at": "2026-11-21T06:02:32.510807+00:00",
      "alert": {"title": "…", "text": "…", "level": "failure", "fields": {"run": "nightly"},
                "log_tail": "…", "link": null}
    }

`level` is `info`, `success` or `failure`. A plain text has an empty `title` and no fields. All texts are
plain: a receiver that shows them as HTML or Markdown escapes them. `key` is sent as the header
`Idempotency-Key` too; it stays the same when a message is sent again because its answer was lost, so a
receiver that remembers keys takes each message once. With a `signing_key`, the header `X-Zenml-Signature`
is `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.

Status 2xx means taken. After 5xx, 429 (whose `Retry-After` is heeded) or a lost connection the message
is sent again, after 0.5 seconds, then 1, 2, … Redirects are not followed. Proxies are taken from the
environment.

Tested with HTTP servers on one machine that take, refuse, lose and never answer messages.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from zenml.components.alert_layout import cleaned
from zenml.components.alerter import Alert, Alerter, MessageSettings, settings_of
from zenml.components.alerter_failure import not_taken
from zenml.components.flavor import Configuration, Flavor, Place, SecretText
from zenml.components.time_limit import within

_FIRST_PAUSE = 0.5
"""Seconds before a message is sent again; doubles each time."""
_SHORTEST_SECRET = 8
"""Letters of a part of a path that may be a key: shorter ones are words such as `hooks`."""
_ANSWER = 4096
"""Bytes of an answer that are read."""


class WebhookAlerterConfig(Configuration, frozen=True, kw_only=True):
    """Where messages go, and how hard it is tried."""

    url: Annotated[
        SecretText,
        Meta(
            description="The address, `http://` or `https://`. A secret, since many hold a key in their path."
        ),
    ]
    headers: Annotated[
        dict[str, SecretText],
        Meta(description="Headers to send too.", examples=[{"Authorization": "Bearer {{hook.token}}"}]),
    ] = msgspec.field(default_factory=dict)
    signing_key: Annotated[
        SecretText | None,
        Meta(description="Signs each message: the header `X-Zenml-Signature` is made with it."),
    ] = None
    timeout: Annotated[
        float, Meta(description="Seconds until a message counts as not taken, all attempts together.", gt=0)
    ] = 10.0
    retries: Annotated[
        int, Meta(description="How often a message is sent again after 5xx, 429 or a lost connection.", ge=0)
    ] = 3
    longest: Annotated[
        int, Meta(description="Letters of a text or log that are sent; of longer logs the end.", ge=200)
    ] = 20_000

    def __post_init__(self) -> None:
        from urllib.parse import urlsplit

        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("`url` must begin with `http://` or `https://` and name a host")
        if parts.username is not None:
            raise ValueError("`url` must not hold a user; put it into the header `Authorization`")
        if parts.port == 0:  # asking for it also refuses what is no port
            raise ValueError("`url` must not have port 0")
        for name, value in self.headers.items():
            if not name or not (name + value).isascii() or not (name + value).isprintable():
                raise ValueError(f"header {name!r:.40} must be of printable ASCII letters")


class WebhookAlerter(Alerter):
    """Posts JSON to a web address."""

    flavor = "webhook"

    def __init__(self, config: WebhookAlerterConfig, place: Place) -> None:
        self.config = config
        self.place = place

    def post(self, message: str | Alert, params: Any = None) -> bool:
        """Send a message, again if need be, until it is taken or the time is over."""
        settings_of(MessageSettings, params, self.flavor)
        body = _body(message, self.config.longest)
        headers = self._headers(body)
        end = time.monotonic() + self.config.timeout
        try:
            within(self.config.timeout, lambda: self._send(body, headers, end))
        except (OSError, _RefusedError) as error:  # TimeoutError is an OSError
            raise self._failure(error) from error
        return True

    def _send(self, body: bytes, headers: Mapping[str, str], end: float) -> None:
        """Send until it is taken.

        Raises:
            _RefusedError: it was refused, or each attempt met a problem.
            OSError: the service was not reached.
        """
        from http.client import HTTPException

        pause = _FIRST_PAUSE
        for attempt in range(self.config.retries + 1):
            problem: OSError | _RefusedError
            asked = 0.0
            try:
                _send_once(self.config.url, body, headers, max(end - time.monotonic(), 0.01))
            except _RefusedError as error:
                if not error.is_passing:
                    raise
                problem, asked = error, error.retry_after
            except OSError as error:
                problem = error
            except (HTTPException, ValueError) as error:  # what answers is no HTTP, or the host is no name
                problem = _RefusedError(f"{type(error).__name__}: {error}")
            else:
                return
            wait = max(pause, asked)
            if attempt == self.config.retries or time.monotonic() + wait >= end:
                raise problem
            time.sleep(wait)
            pause *= 2

    def _headers(self, body: bytes) -> dict[str, str]:
        import hashlib
        import hmac

        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "zenml-core",
            **self.config.headers,
            "Idempotency-Key": msgspec.json.decode(body)["key"],
        }
        if self.config.signing_key:
            digest = hmac.new(self.config.signing_key.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Zenml-Signature"] = f"sha256={digest}"
        return headers

    def _failure(self, error: Exception) -> Exception:
        from urllib.parse import urlsplit

        parts = urlsplit(self.config.url)
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        who = f"Alerter `{self.place.name}` (webhook at {parts.scheme}://{host})"
        if isinstance(error, _RefusedError):
            why, remedy = (
                str(error),
                "Ask who runs the service, or correct `url` and `headers` of the alerter.",
            )
        else:
            why = str(getattr(error, "reason", error)) or type(error).__name__
            remedy = "See whether the service runs and can be reached from here, or correct its `url`."
        return not_taken(who, why, remedy, secrets=_secrets(self.config))


def _secrets(config: WebhookAlerterConfig) -> list[str]:
    """Return what a service may repeat and nobody is to see, in the parts in which it may."""
    from urllib.parse import urlsplit

    parts = urlsplit(config.url)
    segments = [one for one in parts.path.split("/") if len(one) >= _SHORTEST_SECRET]
    words = [word for value in config.headers.values() for word in (value, *value.split())]
    return [config.url, parts.path.strip("/"), parts.query, config.signing_key or "", *segments, *words]


class _RefusedError(Exception):
    """The service answered, and did not take the message."""

    def __init__(self, text: str, *, is_passing: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.is_passing = is_passing
        """Whether it may be otherwise soon."""
        self.retry_after = retry_after


def _send_once(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
    """Send one request; return if it was taken."""
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirect(HTTPRedirectHandler):
        """A redirected POST would arrive as a GET without the message."""

        def redirect_request(self, *args: Any, **kwargs: Any) -> None:
            return None

    request = Request(url, body, dict(headers), method="POST")  # noqa: S310  # the configuration allows http and https only
    try:
        with build_opener(NoRedirect).open(request, timeout=seconds):
            return
    except HTTPError as error:
        with error:
            words = error.read(_ANSWER).decode(errors="replace")
        asked = error.headers.get("Retry-After", "")
        raise _RefusedError(
            f"it answered {error.code} {error.reason}" + (f": {words}" if words.strip() else ""),
            is_passing=error.code >= 500 or error.code == 429,
            retry_after=float(asked) if asked.isdecimal() else 0.0,
        ) from error


def _body(message: str | Alert, longest: int) -> bytes:
    import os
    from datetime import UTC, datetime

    shown = cleaned(message, longest)
    parts = msgspec.structs.asdict(shown)
    key, thread = parts.pop("key"), parts.pop("thread")
    return msgspec.json.encode(
        {
            "version": 1,
            "text": shown.as_text(),
            "key": _as_header(key) or os.urandom(16).hex(),
            "thread": thread,
            "sent_at": datetime.now(UTC).isoformat(),
            "alert": parts,
        }
    )


def _as_header(key: str) -> str:
    """Return a key that a header can hold."""
    import hashlib

    return key if key.isascii() else hashlib.sha256(key.encode()).hexdigest()


FLAVOR = Flavor(
    type="alerter",
    name="webhook",
    component=WebhookAlerter,
    config=WebhookAlerterConfig,
    settings=MessageSettings,
)
