"""A store in memory for each test of the engine."""

import pytest

from zenml.store.database import Database


@pytest.fixture
def store():
    database = Database(":memory:")
    yield database
    database.close()
