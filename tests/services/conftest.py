"""Tests against real services: `make test-services` installs what they need and runs them.

Without `-m services` nothing here is even imported, so that plain tests need none of it.
"""

import os
import sys
from types import SimpleNamespace

import pytest

HERE = os.path.dirname(__file__)
sys.path.insert(0, HERE)


def pytest_ignore_collect(collection_path, config):
    """Leave the folder alone unless services are asked for."""
    return None if "services" in (config.option.markexpr or "") else True


def pytest_collection_modifyitems(items):
    """Mark everything here; the services' libraries warn of each other, which is not ours to repair."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.services)
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory):
    """An MLflow server of this test session, started when the first test wants one.

    With MLFLOW_TEST_SERVER=http://… it is one that runs already, for who repeats a test often.
    """
    from mlflow_service import QUIET, MlflowServer

    os.environ.update(QUIET)
    if "MLFLOW_TEST_SERVER" in os.environ:
        yield SimpleNamespace(address=os.environ["MLFLOW_TEST_SERVER"])
        return
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    print(f"The MLflow server answered after {server.started_in:.1f} s.")
    yield server
    server.close()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory):
    """Azure's stand-in, started when the first test wants it."""
    import azurite_service

    if reason := azurite_service.missing():
        pytest.skip(reason)
    server = azurite_service.Azurite(tmp_path_factory.mktemp("azurite"))
    yield server
    server.close()
