"""Post messages to any of the services that Apprise knows: Telegram, Discord, Teams, Matrix, ntfy, SMS, and more.

Install: `pip install 'zenml-core[apprise]'`. Which service, and with which credentials, is told by URLs of Apprise
(https://github.com/caronc/apprise/wiki), which are kept as secrets:

    zenml secret create chat --from-file chat.env      # telegram=tgram://123456789:abcdefg_hijklmnop/12315544
    zenml alerter register chat --flavor apprise --urls '["{{chat.telegram}}"]'
    zenml stack register watched -al chat --set

Each URL gets the title, and the message as plain text that is cut to what its service takes; a colour or mark
tells the level. Nothing is attached. What services answer does not get through Apprise: an error names the service alone.

Tested with Apprise's `json://` and servers on one machine; with none of the services that it knows.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from msgspec import Meta

from zenml.components.alert_layout import plain_text
from zenml.components.alert_text import keep_begin, one_line, readable
from zenml.components.alerter import Alert, Alerter, settings_of
from zenml.components.alerter_failure import not_taken
from zenml.components.flavor import Configuration, Flavor, Place, SecretText
from zenml.components.registry import missing_library
from zenml.components.time_limit import within
from zenml.errors import ConfigurationError

_LONGEST = 30_000
"""Letters of a message to a service that names no limit of its own, or a higher one."""

Format = Annotated[
    Literal["text", "markdown", "html"],
    Meta(
        description="What plain texts that are posted are written in; Apprise turns it into what the service shows."
    ),
]


class AppriseAlerterSettings(Configuration, frozen=True, kw_only=True):
    """What a message may set for itself."""

    body_format: Format | None = None


class AppriseAlerterConfig(Configuration, frozen=True, kw_only=True):
    """Where messages go."""

    urls: Annotated[
        tuple[SecretText, ...],
        Meta(
            description="URLs of Apprise, one for each service.",
            examples=[["{{chat.telegram}}"]],
            min_length=1,
        ),
    ]
    body_format: Format = "text"
    timeout: Annotated[
        float, Meta(description="Seconds until a message counts as not taken, all services together.", gt=0)
    ] = 20.0


class AppriseAlerter(Alerter):
    """Posts through Apprise."""

    flavor = "apprise"

    def __init__(self, config: AppriseAlerterConfig, place: Place) -> None:
        self.config = config
        self.place = place

    def post(self, message: str | Alert, params: Any = None) -> bool:
        """Send a message to every service; return when all took it.

        Raises:
            ConfigurationError: Apprise does not understand a URL.
        """
        settings = settings_of(AppriseAlerterSettings, params, self.flavor)
        body_format = settings.body_format or self.config.body_format
        services = self._services()
        end = time.monotonic() + self.config.timeout
        problems = []
        for number, service in enumerate(services):
            share = max(end - time.monotonic(), 0.1) / (len(services) - number)
            problem = _send(service, message, body_format, share)
            if problem is not None:
                which = f"URL {number + 1} of {len(services)}, " if len(services) > 1 else ""
                problems.append(f"{which}{service[0].service_name}: {problem}")
        if problems:
            raise not_taken(
                f"Alerter `{self.place.name}` (apprise)",
                "; ".join(problems),
                "See whether the service can be reached from here, and try its URL with the command `apprise`.",
                secrets=self.config.urls,
            )
        return True

    def _services(self) -> list[Any]:
        """Return one `Apprise` for each URL."""
        try:
            from apprise import Apprise
        except ImportError as error:
            raise missing_library(FLAVOR, error) from error
        services = []
        for number, url in enumerate(self.config.urls):
            service = Apprise()
            if not service.add(url) or len(service) != 1:
                scheme = url.partition("://")[0] if "://" in url else ""
                raise ConfigurationError(
                    f"Alerter `{self.place.name}`: Apprise does not understand URL {number + 1} of `urls`, which begins "
                    f"with `{scheme[:20]}://`. Look up how the URLs of that service are written."
                )
            services.append(service)
        return services


def _send(service: Any, message: str | Alert, body_format: str, seconds: float) -> str | None:
    """Send a message to one service; return what went wrong."""
    from apprise import NotifyType

    limits = service[0]
    most = min(limits.body_maxlen or _LONGEST, _LONGEST)
    title = ""
    if isinstance(message, Alert):
        title = keep_begin(one_line(message.title), limits.title_maxlen or most // 8)
        # A service without titles gets it at the beginning of the body.
        taken = 0 if limits.title_maxlen else len(title) + 2
        body = plain_text(message, most - taken, has_title=False)
        body_format = "text"
    else:
        body = keep_begin(readable(message), most)
    level = message.level if isinstance(message, Alert) else "info"
    kind = {"info": NotifyType.INFO, "success": NotifyType.SUCCESS, "failure": NotifyType.FAILURE}[level]
    try:
        was_taken = within(
            seconds,
            lambda: service.notify(
                body=body or title, title=title if body else "", notify_type=kind, body_format=body_format
            ),
        )
    except Exception as error:  # a plug-in of Apprise may raise anything
        return str(error) or type(error).__name__
    return None if was_taken else "it was not reached, or refused the message"


FLAVOR = Flavor(
    type="alerter",
    name="apprise",
    component=AppriseAlerter,
    config=AppriseAlerterConfig,
    settings=AppriseAlerterSettings,
    requirements=("apprise>=1.8",),
    extra="apprise",
)
