"""User stories run as scripts: see `kit/lab.py`."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))

from lab import Lab


def pytest_generate_tests(metafunc):
    """Run the tests that are marked with `on_team_store` on PostgreSQL too; with TEAM_STORE=1 all of them, and there only."""
    if "lab" not in metafunc.fixturenames:
        return
    if os.environ.get("TEAM_STORE"):
        metafunc.parametrize("store_kind", ["postgresql"], indirect=True)
    elif metafunc.definition.get_closest_marker("on_team_store") is not None:
        metafunc.parametrize("store_kind", ["file", "postgresql"], indirect=True)


@pytest.fixture
def store_kind(request):
    """What a lab has its records in."""
    return getattr(request, "param", "file")


@pytest.fixture
def lab(request, tmp_path, store_kind):
    address = request.getfixturevalue("team_address") if store_kind == "postgresql" else None
    made = Lab(tmp_path, address)
    yield made
    made.close()
