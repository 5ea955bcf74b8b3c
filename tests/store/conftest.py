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


IMPLEMENTATIONS = ("memory", "sqlite")


@pytest.fixture(params=IMPLEMENTATIONS)
def store(request, root):
    database = Database(":memory:" if request.param == "memory" else root)
    yield database
    database.close()
    owners.forget_leases()
