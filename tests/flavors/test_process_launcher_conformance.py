"""The process launcher does what every launcher must do."""

import pytest

from zenml.components.launcher_check import CHECKS
from zenml.flavors.process_launcher import ProcessLauncher


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_process_launcher_conforms(check):
    check(ProcessLauncher)
