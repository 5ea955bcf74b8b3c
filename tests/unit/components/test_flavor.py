"""What a flavor says of itself."""

import sys
from types import ModuleType
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from zenml.components.flavor import Configuration, Flavor, SecretText, fields_of
from zenml.components.kinds import words_for_many
from zenml.components.registry import BUILT_IN, load_flavor


def test_examples_in_its_text_stay_indented(monkeypatch):
    module = ModuleType("with_example")
    module.__doc__ = "Post messages.\n\n    zenml alerter register own --flavor own\n"
    monkeypatch.setitem(sys.modules, "with_example", module)
    component = type("Own", (), {"__module__": "with_example"})

    docs = Flavor(type="alerter", name="own", component=component).docs

    assert docs == "Post messages.\n\n    zenml alerter register own --flavor own"


def test_several_of_a_type():
    assert words_for_many("model_registry") == "model registries"
    assert words_for_many("alerter") == "alerters"


class MailConfig(Configuration, frozen=True, kw_only=True):
    host: Annotated[str, Meta(description="Where it is.")]
    password: SecretText | None = None
    headers: dict[str, SecretText] = msgspec.field(default_factory=dict)


def test_a_configuration_is_shown_without_what_is_secret_in_it():
    assert repr(MailConfig(host="h")) == "MailConfig(host='h', password=None, headers={})"
    shown = repr(MailConfig(host="h", password="pa55", headers={"Authorization": "t0ken"}))
    assert shown == "MailConfig(host='h', password=***, headers=***)"


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_no_configuration_shows_its_secrets(kind, name):
    config = load_flavor(kind, name).config
    plain = next(one for one in config.__mro__ if "__repr__" in vars(one))

    assert plain is Configuration
    assert {text.name for text in fields_of(config) if text.is_secret} <= set(config.__struct_fields__)
