"""What it costs to look at a run with many steps: as many statements as for a small one, and lines that are folded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from zenml import pipeline, step
from zenml.cli.run_commands import run_lines
from zenml.records.ids import StepRunId, new_id
from zenml.records.run import StepRun
from zenml.store.database import Database
from zenml.views.run_view import RunView

MANY = 3000
MOST_LINES = 30


@step(enable_cache=False)
def fit(x: int) -> int:
    return x


@pipeline(dynamic=True)
def flow() -> None:
    fit(1)
    fit(2)


def run_with(store: Database, number: int, map_name: str | None) -> RunView:
    """Return a run with so many more calls, written right into the store."""
    run: Any = flow()
    (one, _) = run.attempts
    rows = []
    for place in range(number):
        name = f"many[{place}]" if map_name else f"fit_{place + 3}"
        invocation = msgspec.structs.replace(one.invocation, id=name, map=map_name)
        status: Any = ("completed", "cached", "failed")[place % 3]
        rows.append(
            msgspec.structs.replace(
                one, id=StepRunId(new_id()), invocation_id=name, invocation=invocation, status=status,
                cached_from=one.id if status == "cached" else None,
            )
        )  # fmt: skip
    store.insert(rows)
    assert len(store.select(StepRun, run_id=run.id)) == number + 2
    refreshed: RunView = run.refresh()
    return refreshed


@pytest.mark.parametrize("map_name", ["many", None])
def test_a_big_run_takes_no_more_statements_and_few_lines(store: Database, map_name: str | None) -> None:
    counted = []
    for number in (100, MANY):
        run = run_with(store, number, map_name)
        before = store.file.statements
        lines = run_lines(run, store)
        counted.append(store.file.statements - before)
        assert len(lines) < MOST_LINES

    assert counted[0] == counted[1]
