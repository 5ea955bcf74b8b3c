"""What a run asks of the database, counted by the store itself and, independently, by SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from zenml import Model, pipeline, step
from zenml.store.database import Database

MOST_STATEMENTS = 30
"""Of three uncached steps, without BEGIN, COMMIT and PRAGMA."""
CACHED_STEPS = 200
CACHED_TRANSACTIONS = 3
CACHED_STATEMENTS_A_STEP = 4
"""A look-up, the row of the step, the row of its input, and one to spare."""
STATEMENTS_OF_A_MODEL = 6
"""The model is found, its number raised, the version made, its tags put on, the run linked; the engine reads the versions."""

NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE", "--")
"""Comments are what SQLite calls the statements that it runs itself, for foreign keys."""


class Asked:
    """What was asked of SQLite, as SQLite tells it."""

    def __init__(self) -> None:
        self.all: list[str] = []

    @property
    def statements(self) -> list[str]:
        return [text for text in self.all if not text.lstrip().upper().startswith(NOT_COUNTED)]

    @property
    def transactions(self) -> int:
        return sum(text.lstrip().upper().startswith("BEGIN") for text in self.all)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Have every connection that is opened from now on tell what it is asked."""
    found, connect = Asked(), sqlite3.connect

    def connect_and_tell(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(found.all.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_and_tell)
    return found


@step
def start() -> int:
    return 0


@step
def increment(x: int) -> int:
    return x + 1


@pipeline
def chain(n: int) -> None:
    x = start()
    for _ in range(n - 1):
        x = increment(x)


uncached = chain.with_options(enable_cache=False)


def counted(store: Database, run: Callable[[], object]) -> tuple[int, int]:
    """Return how many statements and transactions a call took, as the store counts them."""
    statements, transactions = store.file.statements, store.file.transactions
    run()
    return store.file.statements - statements, store.file.transactions - transactions


@pytest.mark.parametrize("is_first", [True, False], ids=["first run", "second run"])
def test_three_uncached_steps_ask_few_statements(asked: Asked, store: Database, is_first: bool) -> None:
    if not is_first:
        uncached(n=3)
    asked.all.clear()

    statements, _ = counted(store, lambda: uncached(n=3))

    assert statements <= MOST_STATEMENTS
    assert len(asked.statements) <= MOST_STATEMENTS, asked.statements


def test_a_run_without_a_model_asks_nothing_of_models(asked: Asked, store: Database) -> None:
    asked.all.clear()

    uncached(n=3)
    chain(n=3)

    assert [text for text in asked.statements if "model" in text.partition("VALUES")[0]] == []


def test_a_model_costs_a_run_a_few_statements_and_a_step_one(asked: Asked, store: Database) -> None:
    uncached(n=2)
    counts = {}
    for name, flow in (("without", uncached), ("with", uncached.with_options(model=Model("churn")))):
        flow(n=2)  # the plan is stored, the model is there
        for n in (2, 12):
            asked.all.clear()
            flow(n=n)
            counts[name, n] = len(asked.statements)

    assert counts["with", 2] - counts["without", 2] <= STATEMENTS_OF_A_MODEL + 2
    assert counts["with", 12] - counts["without", 12] <= STATEMENTS_OF_A_MODEL + 12


def test_a_model_takes_no_transaction_more(asked: Asked, store: Database) -> None:
    asked.all.clear()

    uncached.with_options(model=Model("churn", tags=["a"]))(n=3)

    assert asked.transactions <= 3 + 2


@pytest.mark.parametrize("n", [1, 3, 10])
def test_uncached_steps_take_a_transaction_each_and_two(asked: Asked, store: Database, n: int) -> None:
    asked.all.clear()

    _, transactions = counted(store, lambda: uncached(n=n))

    assert transactions <= n + 2
    assert asked.transactions <= n + 2


def test_statements_grow_by_a_constant_with_each_step(asked: Asked, store: Database) -> None:
    uncached(n=2)
    counts = []
    for n in (10, 20, 40):
        asked.all.clear()
        uncached(n=n)
        counts.append(len(asked.statements))

    assert (counts[2] - counts[1]) == 2 * (counts[1] - counts[0])


def test_store_counts_what_sqlite_counts(asked: Asked, store: Database) -> None:
    asked.all.clear()

    statements, transactions = counted(store, lambda: chain(n=5))

    assert statements == len(asked.statements)
    assert transactions == asked.transactions


def test_cached_run_takes_three_transactions_however_long(asked: Asked, store: Database) -> None:
    chain(n=CACHED_STEPS)
    asked.all.clear()

    _, transactions = counted(store, lambda: chain(n=CACHED_STEPS))

    assert transactions <= CACHED_TRANSACTIONS
    assert asked.transactions <= CACHED_TRANSACTIONS


def test_cached_step_asks_few_statements(asked: Asked, store: Database) -> None:
    chain(n=CACHED_STEPS)
    asked.all.clear()

    run = chain(n=CACHED_STEPS)

    assert len(asked.statements) <= CACHED_STATEMENTS_A_STEP * CACHED_STEPS + MOST_STATEMENTS
    assert {one.status for one in run.steps.values()} == {"cached"}


def test_wide_cached_run_is_looked_up_together(asked: Asked, store: Database) -> None:
    """Steps that do not depend on each other are one look-up, not one each."""

    @pipeline
    def wide() -> None:
        for _ in range(CACHED_STEPS):
            start()

    wide()
    asked.all.clear()

    wide()

    assert sum(text.lstrip().upper().startswith("SELECT") for text in asked.statements) <= 10
