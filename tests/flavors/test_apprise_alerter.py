"""The Apprise alerter against servers on this machine that take what it sends as JSON."""

import sys

import msgspec
import pytest
from alerter_http import HttpService

from zenml.components.alerter import Alert
from zenml.components.alerter_check import CHECKS, Arrived
from zenml.components.flavor import Place
from zenml.errors import ComponentError, ConfigurationError, MissingLibraryError
from zenml.flavors.apprise_alerter import FLAVOR, AppriseAlerterConfig

pytestmark = pytest.mark.filterwarnings("ignore:'(imghdr|cgi)':DeprecationWarning")  # Apprise imports it
PLACE = Place(name="chat", folder="/nonexistent")


class AppriseService(HttpService):
    """Takes what `json://` sends. Errors cannot name more than the kind of service: hosts in URLs may be keys."""

    secrets = ("pass-w0rd-in-url", "s3cr3t-path")

    def __init__(self):
        super().__init__()
        self.address = self.name
        self.name = "JSON"

    @property
    def json_url(self):
        return f"json://user:pass-w0rd-in-url@{self.address}/s3cr3t-path"

    def make(self, **changes):
        options = {"urls": [self.json_url], "timeout": 0.3 if self.mode == "hang" else 20.0, **changes}
        return FLAVOR.component(msgspec.convert(options, AppriseAlerterConfig), PLACE)

    def arrived(self):
        return [
            Arrived(text=f"{one['title']}\n{one['message']}", envelope=tuple(sorted(one)))
            for one in list(self.taken)
        ]


@pytest.fixture
def service():
    with AppriseService() as service:
        yield service


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_apprise_alerter_conforms(check, service):
    check(service.make, service)


def test_title_level_and_text(service):
    service.make().post(Alert(title="Failed", text="why", level="failure", fields={"run": "r"}))

    (message,) = service.taken
    assert (message["title"], message["message"]) == ("Failed", "why\n\nrun: r")
    assert message["type"] == "failure"
    assert not message.get("attachments")


def test_every_url_gets_the_message(service):
    with AppriseService() as other:
        service.make(urls=[service.json_url, other.json_url]).post("text")

        assert len(service.taken) == len(other.taken) == 1


def test_one_url_that_fails_keeps_the_message_from_no_other(service):
    with AppriseService() as other:
        service.refuse()

        with pytest.raises(ComponentError, match=r"`chat`.*URL 1 of 2, JSON"):
            service.make(urls=[service.json_url, other.json_url]).post("text")

        assert len(other.taken) == 1


def test_a_url_that_apprise_does_not_understand(service):
    with pytest.raises(ConfigurationError, match=r"URL 1 of `urls`.*`nonsense://`") as caught:
        service.make(urls=["nonsense://s3cr3t"]).post("text")

    assert "s3cr3t" not in str(caught.value)


def test_a_missing_library_is_told(service, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(MissingLibraryError, match=r"zenml-core\[apprise\]"):
        service.make().post("text")
