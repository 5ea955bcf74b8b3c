"""A store in memory for tests that ask for one."""

import pytest

from zenml.store.database import Database


@pytest.fixture
def store():
    database = Database(":memory:")
    yield database
    database.close()
