"""Somebody who can write to the database, and to nothing else, does not get code run by who reads it."""

# ruff: noqa: S608  the names of tables and columns are our own

import importlib.machinery
import os
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass

import numpy as np
import pytest

from zenml import Model, pipeline, step
from zenml.client import Client

PLANTED = "planted_module"
VALUES = (
    f"{PLANTED}.Thing",
    f"{PLANTED}:Thing",
    f'{{"$":"{PLANTED}.Thing"}}',
    f'{{"$":["{PLANTED}.Thing",{{}}]}}',
    f'["{PLANTED}.Thing"]',
    b"\x80\x04c" + f"{PLANTED}\nThing\n.".encode(),
)
LEAST = 50
"""Columns that are tampered with, one at a time."""


@dataclass
class Thing:
    x: int


@step
def make() -> Thing:
    return Thing(1)


@step
def array(thing: Thing) -> np.ndarray:
    return np.arange(100_000) * thing.x


@step
def pickled(values: np.ndarray) -> set:
    return {frozenset({1}), complex(1, 2)}


@step
def total(values: np.ndarray, found: set) -> dict:
    return {"total": int(values.sum()), "found": len(found)}


@pipeline(model=Model(name="prices", tags=["kept"]), tags=["nightly"])
def flow():
    values = array(make())
    total(values, pickled(values))


class Watching(importlib.machinery.PathFinder):
    """Sees who asks for the planted module."""

    asked: list[str] = []

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] == PLANTED:
            cls.asked.append(name)


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(Watching, "asked", [])
    monkeypatch.setattr(sys, "meta_path", [Watching, *sys.meta_path])
    return Watching.asked


def look_at_everything(run_id):
    """Read, load and run what there is, as far as it goes."""
    client = Client()
    runs = []
    with suppress(Exception):
        runs.append(client.get_pipeline_run(run_id))
    with suppress(Exception):
        runs += client.list_pipeline_runs(size=1).items
    for run in runs:
        steps = []
        with suppress(Exception):
            steps = list(run.steps.values())
        for one in steps:
            for read in (
                lambda one=one: one.config,
                lambda one=one: one.inputs,
                lambda one=one: one.metadata,
            ):
                with suppress(Exception):
                    read()
            outputs = []
            with suppress(Exception):
                outputs = list(one.outputs.values())
            for output in outputs:
                for read in (output.load, output.preview, lambda output=output: output.visualizations):
                    with suppress(Exception):
                        read()
    for read in (client.list_models, client.list_schedules, client.list_tags, flow):
        with suppress(Exception):
            read()


def test_no_row_has_a_module_imported(zenml_store, asked):
    run = flow()
    with closing(sqlite3.connect(os.path.join(zenml_store, "store.db"), isolation_level=None)) as database:
        kept = Kept(database)
        for table, column in kept.columns:
            for value in VALUES:
                with suppress(sqlite3.Error):
                    database.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))
                    look_at_everything(run.id)
                    assert asked == [], f"{table}.{column} = {value!r}"
                kept.put_back()
        assert len(kept.columns) >= LEAST


class Kept:
    """All rows of a database as they are now."""

    def __init__(self, database):
        self._database = database
        database.execute("PRAGMA foreign_keys = OFF")
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        self._tables = [name for (name,) in found if not name.startswith("sqlite")]
        self.columns = []
        """Table and column of all text and bytes that there are."""
        for table in self._tables:
            database.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")
            if database.execute(f"SELECT count(*) FROM {table}").fetchone() != (0,):
                columns = database.execute(f"PRAGMA table_info({table})").fetchall()
                self.columns += [(table, one[1]) for one in columns if one[2] in ("TEXT", "BLOB")]

    def put_back(self):
        """Make the rows what they were."""
        self._database.execute("BEGIN IMMEDIATE")
        for table in self._tables:
            self._database.execute(f"DELETE FROM {table}")
            self._database.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
        self._database.execute("COMMIT")
