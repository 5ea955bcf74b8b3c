"""What all alerters of this distribution say of themselves."""

import msgspec
import pytest

from zenml.components.alerter import Alerter
from zenml.components.flavor import fields_of
from zenml.components.registry import flavor_names, load_flavor

NAMES = flavor_names("alerter")
SECRET = {
    "webhook": {"url", "headers", "signing_key"},
    "slack": {"token", "slack_token"},
    "email": {"password"},
    "command": {"environment"},
    "apprise": {"urls"},
}


def test_there_are_alerters():
    assert set(NAMES) >= set(SECRET)


@pytest.mark.parametrize("name", NAMES)
def test_a_flavor_describes_itself(name):
    flavor = load_flavor("alerter", name)

    assert flavor.component.flavor == name
    assert "zenml alerter register" in flavor.docs
    assert f"--flavor {name}" in flavor.docs
    assert ("ask" in flavor.capabilities) == (flavor.component.ask is not Alerter.ask)
    for field in (*fields_of(flavor.config), *fields_of(flavor.settings)):
        assert field.description.endswith("."), field.name
        assert field.type, field.name
    assert {field.name for field in fields_of(flavor.config) if field.is_secret} == SECRET[name]
    assert issubclass(flavor.settings, msgspec.Struct)
