"""Stores to test: every implementation for the conformance suite, and processes beside this one."""

import pytest
from store_helpers import Process

from zenml.store import owners
from zenml.store.database import Database


@pytest.fixture
def start_process():
    processes = []

    def start(verb, *words):
        processes.append(Process(verb, *words))
        return processes[-1]

    yield start
    for process in processes:
        process.close()


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "store")


@pytest.fixture
def sqlite_store(root):
    database = Database(root)
    yield database
    database.close()
    owners.forget_leases()


IMPLEMENTATIONS = ("memory", "sqlite", "postgresql")


def opened(request, root):
    """Open the implementation that a test is run for; the processes that it starts find the same one."""
    if request.param == "postgresql":
        address = request.getfixturevalue("empty_team_address")
        request.getfixturevalue("monkeypatch").setenv("ZENML_STORE_URL", address)
        return Database(root, address=address)
    return Database(":memory:" if request.param == "memory" else root)


@pytest.fixture(params=IMPLEMENTATIONS)
def store(request, root):
    database = opened(request, root)
    yield database
    database.close()
    owners.forget_leases()


@pytest.fixture(params=IMPLEMENTATIONS[1:])
def shared_store(request, root):
    """A store that other processes can use too."""
    database = opened(request, root)
    yield database
    database.close()
    owners.forget_leases()
