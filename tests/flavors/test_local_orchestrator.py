"""The local orchestrator does what every orchestrator must, and its launchers what every launcher must."""

import pytest

from zenml.components import launcher_check, orchestrator_check
from zenml.components.flavor import Place
from zenml.components.registry import load_flavor


def make():
    flavor = load_flavor("orchestrator", "local")
    return flavor.component(flavor.config(), Place(name="default", folder="/nowhere"))


@pytest.mark.parametrize("check", orchestrator_check.CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check):
    check(make)


def test_its_launcher_answers():
    launcher_check.CHECKS[0](lambda: make().launcher())
