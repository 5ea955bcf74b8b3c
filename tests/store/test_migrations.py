"""A store of an older schema is brought to this one with everything that is in it."""

import os
import sqlite3

import zenml.store
from zenml.records.run import Run, Schedule
from zenml.store.database import Database
from zenml.store.migrations import _statements
from zenml.store.sqlite import SQLiteFile

FIRST = os.path.join(os.path.dirname(zenml.store.__file__), "migrations", "0001_initial.sql")


def test_a_run_of_the_first_schema_has_no_variables(tmp_path):
    root = tmp_path / "store"
    Database(str(root)).close()
    path = root / "store.db"
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (root / name).unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with open(FIRST, encoding="utf-8") as script:
        for statement in _statements(script.read(), SQLiteFile.types):
            connection.execute(statement)
    connection.execute("INSERT INTO owners VALUES ('o', 'h', 'b', 1, '1', 1)")
    connection.execute(
        "INSERT INTO runs (id, name, status, pipeline_name, owner_id, epoch, created_at, plan, environment, "
        "options, parameters) VALUES ('r', 'old', 'completed', 'p', 'o', 0, 1, 'p', 'e', '{}', '{}')"
    )
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()

    store = Database(str(root))

    assert store.get(Run, "r").variables == {}
    assert store.select(Schedule) == []
    store.close()
