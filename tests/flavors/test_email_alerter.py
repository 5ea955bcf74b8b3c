"""The email alerter against an SMTP server on this machine."""

import asyncio
import datetime as dt
import email
import email.policy
import ipaddress
import ssl
from html.parser import HTMLParser

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from zenml.components.alerter import Alert
from zenml.components.alerter_check import CHECKS, AlerterService, Arrived
from zenml.components.flavor import Place
from zenml.errors import ComponentError
from zenml.flavors.email_alerter import FLAVOR, EmailAlerterConfig

PLACE = Place(name="post", folder="/nonexistent")
EXPECTED = {"References", "In-Reply-To"}
"""Headers that a mail has when it belongs to a thread."""


class Visible(HTMLParser):
    """What a person sees of HTML, and the tags in it."""

    def __init__(self, text):
        super().__init__()
        self.text, self.tags = [], set()
        self.feed(text)

    def handle_data(self, data):
        self.text.append(data)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


def knows(server, session, envelope, mechanism, data):
    is_known = (data.login, data.password) == (b"robot", b"pass-w0rd-of-robot")
    return AuthResult(success=is_known, handled=False)


class AnyPort(Controller):
    """Listens on a port that is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class SmtpService(AlerterService):
    secrets = ("pass-w0rd-of-robot",)

    def __init__(self, part="plain", **options):
        self.part = part
        self.mode = "take"
        self.envelopes = []
        self.refused = set()
        self.is_authenticated = []
        usual = {"authenticator": knows, "auth_require_tls": False}
        self.controller = AnyPort(self, hostname="127.0.0.1", port=0, **{**usual, **options})
        self.controller.start()
        self.port = self.controller.port
        self.name = f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        while self.mode == "hang":  # noqa: ASYNC110  # the mode is set by another thread
            await asyncio.sleep(0.02)
        if self.mode == "refuse":
            return "554 not with pass-w0rd-of-robot"
        self.envelopes.append(envelope)
        self.is_authenticated.append(session.authenticated)
        return "250 taken"

    def make(self, **changes):
        options = {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "user": "robot",
            "password": "pass-w0rd-of-robot",
            "sender": "robot@example.com",
            "recipients": ["team@example.com", "boss@example.com"],
            "timeout": 0.3 if self.mode == "hang" else 20.0,
            **changes,
        }
        return FLAVOR.component(msgspec.convert(options, EmailAlerterConfig), PLACE)

    @property
    def mails(self):
        return [
            email.message_from_bytes(one.content, policy=email.policy.default) for one in list(self.envelopes)
        ]

    def arrived(self):
        shown = []
        for envelope, mail in zip(list(self.envelopes), self.mails, strict=False):
            body = mail.get_body((self.part,)).get_content()
            tags = set()
            if self.part == "html":
                seen = Visible(body)
                body, tags = "".join(seen.text), seen.tags - {"table", "td", "tr", "pre", "a", "p"}
            beside = [envelope.mail_from, *envelope.rcpt_tos, *(set(mail.keys()) - EXPECTED), *tags]
            shown.append(Arrived(text=body.replace("\r\n", "\n"), envelope=tuple(sorted(beside))))
        return shown

    def refuse(self):
        self.mode = "refuse"

    def hang(self):
        self.mode = "hang"

    def stop(self):
        self.mode = "take"
        if self.controller.server is not None:
            self.controller.stop()


@pytest.fixture
def service():
    with SmtpService() as service:
        yield service


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("part", ["plain", "html"])
def test_email_alerter_conforms(check, part):
    with SmtpService(part) as service:
        check(service.make, service)


def test_subject_sender_and_recipients(service):
    service.make().post(Alert(title="Step `train` failed"))

    (mail,), (envelope,) = service.mails, service.envelopes
    assert mail["Subject"] == "[zenml] Step `train` failed"
    assert mail["From"] == "robot@example.com"
    assert mail["To"] == "team@example.com, boss@example.com"
    assert envelope.rcpt_tos == ["team@example.com", "boss@example.com"]
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_text_without_a_title_gives_its_first_line_as_subject(service):
    service.make().post("train just failed!\nSee the log.")

    assert service.mails[0]["Subject"] == "[zenml] train just failed!"


def test_a_message_chooses_its_recipients_and_subject(service):
    service.make().post("text", {"recipients": ["other@example.com"], "subject": "Now"})

    assert service.envelopes[0].rcpt_tos == ["other@example.com"]
    assert service.mails[0]["Subject"] == "[zenml] Now"


def test_the_mails_of_a_run_are_one_conversation(service):
    alerter = service.make()

    alerter.post(Alert(title="one", key="1", thread="run-a"))
    alerter.post(Alert(title="two", key="2", thread="run-a"))
    alerter.post(Alert(title="other", key="3", thread="run-b"))

    one, two, other = service.mails
    assert one["References"] == two["References"] == one["In-Reply-To"]
    assert one["References"] != other["References"]
    assert len({mail["Message-ID"] for mail in service.mails}) == 3


def test_the_same_news_has_the_same_message_id(service):
    for _ in range(2):
        service.make().post(Alert(title="one", key="1"))

    first, second = service.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_mails_are_ascii_on_the_wire(service):
    service.make().post(Alert(title="Größe ✅", text="модель " * 200, log_tail="я" * 2000))

    (envelope,) = service.envelopes
    assert envelope.content.isascii()
    assert max(map(len, envelope.content.split(b"\r\n"))) < 998
    assert service.mails[0]["Subject"] == "[zenml] Größe ✅"


def test_a_refused_recipient_is_told(service):
    service.refused = {"boss@example.com"}

    with pytest.raises(ComponentError, match=r"boss@example\.com.*550 nobody of that name"):
        service.make().post("text")

    assert len(service.envelopes) == 1


def test_a_link_that_is_no_web_address_is_no_link(service):
    service.make().post(Alert(title="t", link="javascript:alert(1)"))

    body = service.mails[0].get_body(("html",)).get_content()
    assert "javascript:alert(1)" in body
    assert "href" not in body


def certificate(folder):
    """Return the file of a certificate for this machine, and a context of a server that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    public, both = folder / "public.pem", folder / "both.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    both.write_bytes(public.read_bytes() + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    return str(public), context


@pytest.fixture
def secure(tmp_path):
    file, context = certificate(tmp_path)
    options = {"tls_context": context, "require_starttls": True, "auth_require_tls": True}
    with SmtpService(**options, auth_required=True) as service:
        service.file = file
        yield service


def test_starttls_and_login(secure):
    secure.make(security="starttls", ca_file=secure.file).post("text")

    assert secure.is_authenticated == [True]


def test_a_wrong_password_is_told_and_not_shown(secure):
    alerter = secure.make(security="starttls", ca_file=secure.file, password="wrong-and-private")

    with pytest.raises(ComponentError, match="535") as caught:
        alerter.post("text")

    assert "wrong-and-private" not in str(caught.value)
    assert secure.envelopes == []


def test_a_certificate_that_nobody_vouches_for_is_refused(secure):
    with pytest.raises(ComponentError, match="CERTIFICATE_VERIFY_FAILED"):
        secure.make(security="starttls").post("text")


def test_a_server_without_encryption_is_refused_when_it_is_wanted(service):
    with pytest.raises(ComponentError, match="STARTTLS"):
        service.make(security="starttls").post("text")

    assert service.envelopes == []


def test_a_connection_that_is_encrypted_from_the_beginning(tmp_path):
    file, context = certificate(tmp_path)
    with SmtpService(ssl_context=context) as service:
        service.make(security="ssl", ca_file=file).post("text")

        assert len(service.envelopes) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": []},
        {"recipients": ["a@example.com\nBcc: b@example.com"]},
        {"recipients": ["a@example.com, b@example.com"]},
        {"sender": "nobody"},
        {"sender": "@"},
        {"user": "robot"},
        {"password": "x"},
        {"host": "smtp.example.com", "security": "none", "user": "a", "password": "b"},
        {"security": "tls"},
    ],
    ids=str,
)
def test_an_impossible_configuration_is_refused(changes):
    usual = {"host": "127.0.0.1", "sender": "a@example.com", "recipients": ["b@example.com"]}

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**usual, **changes}, EmailAlerterConfig)
