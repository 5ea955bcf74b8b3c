"""What a flavor says of itself."""

import sys
from types import ModuleType

from zenml.components.flavor import Flavor
from zenml.components.kinds import words_for_many


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
