r"""Send messages by mail, through an SMTP server.

Nothing to install. The password is kept as a secret:

    zenml secret create smtp --from-file smtp.env      # password=…
    zenml alerter register post --flavor email --host smtp.example.com --user robot@example.com \
        --password '{{smtp.password}}' --sender robot@example.com --recipients '["team@example.com"]'
    zenml stack register watched -al post --set

A mail has the message as plain text and as HTML; both show the same. All mails about one run refer to the same
`Message-ID`, so that programs for mail show them together, and a mail that is sent twice has the same one.

Tested with an SMTP server on one machine (aiosmtpd), with and without encryption and login; with no provider of mail.
"""

from __future__ import annotations

import html
from email.message import EmailMessage
from typing import Annotated, Any, Literal

from msgspec import Meta

from zenml.components.alert_layout import cleaned, is_web_link, plain_text
from zenml.components.alert_text import keep_begin, one_line
from zenml.components.alerter import Alert, Alerter, settings_of
from zenml.components.alerter_failure import not_taken
from zenml.components.flavor import Configuration, Flavor, Place, SecretText
from zenml.components.time_limit import within

_PORTS = {"starttls": 587, "ssl": 465, "none": 25}
_COLOURS = {"info": "#3b73af", "success": "#2e8b57", "failure": "#c0392b"}
_LONGEST_SUBJECT = 200
_LONGEST = 100_000
"""Letters of a text or log in a mail: ten times that is still less than servers take."""
_HERE = ("localhost", "127.0.0.1", "::1")


class EmailAlerterSettings(Configuration, frozen=True, kw_only=True):
    """What a message may set for itself."""

    recipients: Annotated[tuple[str, ...], Meta(description="Who gets this message instead.")] = ()
    subject: Annotated[str, Meta(description="The subject of this message.")] = ""

    def __post_init__(self) -> None:
        _check_addresses(self.recipients)


class EmailAlerterConfig(Configuration, frozen=True, kw_only=True):
    """Which server sends mails, from whom, to whom."""

    host: Annotated[str, Meta(description="The SMTP server.", min_length=1)]
    sender: Annotated[str, Meta(description="The address that mails come from.")]
    recipients: Annotated[
        tuple[str, ...],
        Meta(description="Who gets the mails.", examples=[["team@example.com"]], min_length=1),
    ]
    port: Annotated[
        int | None,
        Meta(description="Its port; by default 587 with `starttls`, 465 with `ssl`, 25 with `none`."),
    ] = None
    security: Annotated[
        Literal["starttls", "ssl", "none"],
        Meta(
            description="How the connection is encrypted; without encryption no password leaves this machine."
        ),
    ] = "starttls"
    user: Annotated[str | None, Meta(description="Who logs in; none where the server wants no login.")] = None
    password: Annotated[SecretText | None, Meta(description="The password of `user`.")] = None
    ca_file: Annotated[
        str | None, Meta(description="A file of certificates to trust instead of those of the system.")
    ] = None
    subject_prefix: Annotated[str, Meta(description="What every subject begins with.")] = "[zenml] "
    timeout: Annotated[float, Meta(description="Seconds until a mail counts as not taken.", gt=0)] = 20.0

    def __post_init__(self) -> None:
        _check_addresses((self.sender, *self.recipients))
        if (self.user is None) != (self.password is None):
            raise ValueError("`user` and `password` go together")
        if self.password is not None and self.security == "none" and self.host not in _HERE:
            raise ValueError(
                'a password must not be sent without encryption: `security` must be "starttls" or "ssl"'
            )


class EmailAlerter(Alerter):
    """Sends mails."""

    flavor = "email"

    def __init__(self, config: EmailAlerterConfig, place: Place) -> None:
        self.config = config
        self.place = place

    @property
    def port(self) -> int:
        """The port of the server."""
        return self.config.port or _PORTS[self.config.security]

    def post(self, message: str | Alert, params: Any = None) -> bool:
        """Send a mail; return when the server took it for all recipients."""
        settings = settings_of(EmailAlerterSettings, params, self.flavor)
        recipients = settings.recipients or self.config.recipients
        mail = self._mail(cleaned(message, _LONGEST), recipients, settings.subject)
        try:
            refused = within(self.config.timeout, lambda: self._send(mail, recipients))
        except OSError as error:  # SMTPException and SSLError are OSErrors too
            raise self._failure(_words(error)) from error
        if refused:
            raise self._failure(f"it took the mail, but not for {', '.join(refused)}: {_refusals(refused)}")
        return True

    def _send(self, mail: EmailMessage, recipients: tuple[str, ...]) -> dict[str, tuple[int, bytes]]:
        """Send a mail; return the recipients that were refused while others were not."""
        import smtplib
        import ssl

        config = self.config
        context = None if config.security == "none" else ssl.create_default_context(cafile=config.ca_file)
        if config.security == "ssl":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, self.port, timeout=config.timeout, context=context
            )
        else:
            server = smtplib.SMTP(config.host, self.port, timeout=config.timeout)
        with server:
            if config.security == "starttls":
                server.starttls(context=context)
            if config.user is not None and config.password is not None:
                server.login(config.user, config.password)
            return server.send_message(mail, config.sender, recipients)

    def _mail(self, alert: Alert, recipients: tuple[str, ...], subject: str) -> EmailMessage:
        import os
        from email import policy
        from email.utils import formatdate

        # Only ASCII on the wire: not every server takes more.
        mail = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
        domain = self.config.sender.rpartition("@")[2]
        title = subject or alert.title or alert.text.strip().partition("\n")[0]
        mail["Subject"] = keep_begin(one_line(self.config.subject_prefix + title), _LONGEST_SUBJECT)
        mail["From"] = self.config.sender
        mail["To"] = ", ".join(recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = _message_id(alert.key or os.urandom(16).hex(), domain)
        mail["Auto-Submitted"] = "auto-generated"
        if alert.thread:
            # A mail that nobody has: all that refer to it are shown as one conversation.
            mail["References"] = mail["In-Reply-To"] = _message_id(alert.thread, domain)
        mail.set_content(plain_text(alert, 4 * _LONGEST))
        mail.add_alternative(_html(alert), subtype="html")
        return mail

    def _failure(self, why: str) -> Exception:
        config = self.config
        who = f"Alerter `{self.place.name}` (email through {config.host}:{self.port})"
        remedy = "See whether the server can be reached from here, and correct the alerter's configuration."
        return not_taken(who, why, remedy, secrets=_secrets(config))


def _check_addresses(addresses: tuple[str, ...]) -> None:
    for address in addresses:
        has_parts = all(address.strip("@").rpartition("@")[::2]) and address.count("@") == 1
        if not (has_parts and address.isascii() and address.isprintable()) or set(address) & set(' ,;<>"'):
            raise ValueError(f"{address!r:.80} is no address such as `name@example.com`")


def _message_id(name: str, domain: str) -> str:
    import hashlib

    return f"<{hashlib.sha256(name.encode()).hexdigest()[:32]}.zenml@{domain}>"


def _words(error: OSError) -> str:
    import smtplib

    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it refused all recipients: {_refusals(error.recipients)}"
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error
        return f"it answered {error.smtp_code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"
    return str(error) or type(error).__name__


def _refusals(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{code} {words.decode(errors='replace')}" for code, words in recipients.values())


def _secrets(config: EmailAlerterConfig) -> list[str]:
    """Return the password, also as it goes over the wire."""
    import base64

    if config.password is None:
        return []
    user = config.user or ""
    wire = [f"\0{user}\0{config.password}", config.password]
    return [config.password, *(base64.b64encode(one.encode()).decode() for one in wire)]


def _html(alert: Alert) -> str:
    """Return the message as HTML in which nothing of the user's is markup."""
    parts = [
        f'<div style="border-left:4px solid {_COLOURS[alert.level]};padding-left:12px;font-family:sans-serif">'
    ]
    if alert.title:
        parts.append(f'<h3 style="margin:0 0 8px">{html.escape(alert.title)}</h3>')
    if alert.text:
        parts.append(f'<div style="white-space:pre-wrap">{html.escape(alert.text)}</div>')
    if alert.fields:
        rows = "".join(
            f'<tr><td style="color:#666;padding-right:12px">{html.escape(name)}</td>'
            f'<td style="white-space:pre-wrap">{html.escape(value)}</td></tr>'
            for name, value in alert.fields.items()
        )
        parts.append(f'<table style="margin:8px 0">{rows}</table>')
    if alert.log_tail:
        parts.append(f'<pre style="background:#f4f4f4;padding:8px">\n{html.escape(alert.log_tail)}</pre>')
    if alert.link:
        link = html.escape(alert.link)
        parts.append(f'<p><a href="{link}">{link}</a></p>' if is_web_link(alert.link) else f"<p>{link}</p>")
    return "\n".join([*parts, "</div>"])


FLAVOR = Flavor(
    type="alerter",
    name="email",
    component=EmailAlerter,
    config=EmailAlerterConfig,
    settings=EmailAlerterSettings,
)
