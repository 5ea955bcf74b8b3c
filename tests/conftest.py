"""What all tests share: the fixtures of our own pytest plugin, and property tests that are the same each time.

`make explore` lets property tests draw anew; what they find there becomes an example in the test.
"""

import os

import pytest
from hypothesis import settings

import team_server

settings.register_profile("steady", derandomize=True, database=None)
settings.register_profile("explore", max_examples=500)
settings.load_profile(os.environ.get("PROPERTY_TESTS", "steady"))


def pytest_configure(config):
    """Have the fixtures also where this tree was not installed since the plugin came."""
    plugins = config.pluginmanager
    if not plugins.has_plugin("zenml"):
        plugins.import_plugin("zenml.testing.pytest_plugin")


@pytest.fixture(scope="session")
def postgresql_server():
    """A PostgreSQL server of this test session, started when the first test wants one."""
    if team_server.programs() is None:
        pytest.skip(team_server.MISSING)
    server = team_server.TeamServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def moto():
    """A fake of S3, in a process of this test session, started when the first test wants one."""
    from moto_server import MotoServer

    server = MotoServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def venv_packages(tmp_path_factory):
    """A folder with the packages that `zenml` needs, and with two versions of `tiny`."""
    from venv_wheels import make_wheel, pack_installed

    folder = tmp_path_factory.mktemp("packages")
    pack_installed(folder)
    for version in ("1.0", "2.0"):
        make_wheel(folder, "tiny", version, f"VERSION = {version!r}\n")
    return folder


@pytest.fixture
def team_address(postgresql_server):
    """The address of a fresh database of a team, which is gone after the test."""
    address = postgresql_server.new_database()
    yield address
    postgresql_server.drop(address)


@pytest.fixture(scope="session")
def _used_database(postgresql_server):
    return postgresql_server.new_database()


@pytest.fixture
def empty_team_address(postgresql_server, _used_database):
    """The address of a database without records, used by one test after the other: sooner there than a fresh one."""
    yield _used_database
    postgresql_server.end_connections(_used_database)
    postgresql_server.empty(_used_database)
