"""The webhook alerter against an HTTP server on this machine."""

import hashlib
import hmac
import json

import msgspec
import pytest
from alerter_http import HttpService

from zenml.components.alerter import Alert
from zenml.components.alerter_check import CHECKS, Arrived
from zenml.components.flavor import Place
from zenml.errors import ComponentError
from zenml.flavors.webhook_alerter import FLAVOR, WebhookAlerterConfig

PLACE = Place(name="team", folder="/nonexistent")


class WebhookService(HttpService):
    secrets = ("s3cr3t-path", "t0ken-of-header", "signing-k3y")

    def make(self, **changes):
        options = {
            "url": f"{self.url}/hooks/s3cr3t-path",
            "headers": {"Authorization": "Bearer t0ken-of-header"},
            "signing_key": "signing-k3y",
            "timeout": 0.3 if self.mode == "hang" else 20.0,
            "retries": 0,
            **changes,
        }
        return FLAVOR.component(msgspec.convert(options, WebhookAlerterConfig), PLACE)

    def arrived(self):
        shown = []
        for message in list(self.taken):
            alert = message["alert"]
            parts = [alert["title"], alert["text"], *alert["fields"], *alert["fields"].values()]
            text = "\n".join([*parts, alert["log_tail"], alert["link"] or ""])
            assert all(part in message["text"] for part in (alert["title"], alert["text"], alert["log_tail"]))
            shown.append(Arrived(text=text, envelope=tuple(sorted([*message, *self.requests[0][1]]))))
        return shown


@pytest.fixture
def service():
    with WebhookService() as service:
        yield service


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_webhook_alerter_conforms(check, service):
    check(service.make, service)


def test_the_body_is_as_documented(service):
    alert = Alert(
        title="Failed", text="why", level="failure", fields={"run": "r"}, log_tail="l", key="k", thread="t"
    )

    service.make().post(alert)

    (message,) = service.taken
    sent_at = message.pop("sent_at")
    assert sent_at.endswith("+00:00")
    assert message == {
        "version": 1,
        "text": "Failed\n\nwhy\n\nrun: r\n\nl",
        "key": "k",
        "thread": "t",
        "alert": {
            "title": "Failed",
            "text": "why",
            "level": "failure",
            "fields": {"run": "r"},
            "log_tail": "l",
            "link": None,
        },
    }


def test_a_message_is_signed_and_has_its_headers(service):
    service.make().post(Alert(title="t", key="the-key"))

    ((path, headers, body),) = service.requests
    expected = hmac.new(b"signing-k3y", body, hashlib.sha256).hexdigest()
    assert path == "/hooks/s3cr3t-path"
    assert headers["X-Zenml-Signature"] == f"sha256={expected}"
    assert headers["Idempotency-Key"] == "the-key"
    assert headers["Authorization"] == "Bearer t0ken-of-header"


@pytest.mark.parametrize("problem", [(500, {}, b""), (429, {"Retry-After": "0"}, b""), "lose"], ids=str)
def test_a_passing_problem_is_tried_again_with_the_same_key(service, problem):
    service.answers = [problem]

    service.make(retries=1).post("text")

    first, second = (headers["Idempotency-Key"] for _, headers, _ in service.requests)
    assert first == second
    assert len(service.taken) == 1


def test_two_messages_have_two_keys(service):
    alerter = service.make()

    alerter.post("text")
    alerter.post("text")

    first, second = (message["key"] for message in service.taken)
    assert first != second


def test_what_stays_a_problem_is_told_with_the_words_of_the_service(service):
    service.answers = [(503, {}, b"down for a while")] * 2

    with pytest.raises(ComponentError, match=r"`team`.*503.*down for a while"):
        service.make(retries=1).post("text")

    assert len(service.requests) == 2


def test_a_refusal_is_not_tried_again(service):
    service.answers = [(404, {}, b"no such hook")]

    with pytest.raises(ComponentError, match="404"):
        service.make(retries=3).post("text")

    assert len(service.requests) == 1


def test_a_retry_after_beyond_the_timeout_is_not_waited_for(service):
    service.answers = [(429, {"Retry-After": "3600"}, b"")]

    with pytest.raises(ComponentError, match="429"):
        service.make(retries=3).post("text")

    assert len(service.requests) == 1


def test_a_redirect_is_not_followed(service):
    service.answers = [(302, {"Location": f"{service.url}/elsewhere"}, b"")]

    with pytest.raises(ComponentError, match="302"):
        service.make(retries=3).post("text")

    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://example.com"),
        ("url", "example.com/hook"),
        ("url", "http://user:pass@example.com"),
        ("url", "http://example.com:port"),
        ("headers", {"X": "a\nb"}),
        ("headers", {"X": "ä"}),
        ("timeout", 0),
        ("retries", -1),
        ("unknown", 1),
    ],
)
def test_an_impossible_configuration_is_refused(field, value):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"url": "https://example.com", field: value}, WebhookAlerterConfig)


def test_a_log_is_cut_at_the_configured_length(service):
    service.make(longest=200).post(Alert(title="t", log_tail="\n".join(map(str, range(1000)))))

    log = json.loads(service.requests[0][2])["alert"]["log_tail"]
    assert len(log) <= 200
    assert log.startswith("…\n")
    assert log.endswith("\n999")
