"""The step operator `venv` does what every launcher does."""

import pytest

from zenml.components.launcher_check import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_venv_step_operator_conforms(check, make_operator):
    check(make_operator)
