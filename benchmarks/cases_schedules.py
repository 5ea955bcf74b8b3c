"""Schedules: finding what is due among ten thousand, a scheduler that has nothing to do, twenty fires in one second."""

from __future__ import annotations

from children import run_workload
from rows import Row

SCHEDULES = 10_000


def schedules(reps: int) -> list[Row]:
    """Measure each in a process of its own, with a store of its own."""
    done = [run_workload("schedules", SCHEDULES, ZENML_QUIET="1").figures for _ in range(reps)]
    return [
        Row(
            case="schedules",
            what=f"{SCHEDULES:,} schedules: finding those that are due, and the next one",
            unit="ms",
            ours=tuple(one["due"] * 1e3 for one in done),
            floor=tuple(one["floor"] * 1e3 for one in done),
            floor_is="a row of `schedules` by its id, with bare sqlite3",
            budget=5.0,
        ),
        Row(
            case="schedules",
            what="- processor time of a scheduler with nothing to do, of the time that passes",
            unit="%",
            ours=tuple(one["idle"] * 100 for one in done),
            budget=0.1,
        ),
        Row(
            case="schedules",
            what="- 20 fires in one second: from being due to the record of the run, the latest",
            unit="s",
            ours=tuple(max(one["lateness"]) for one in done),
            budget=1.0,
        ),
        Row(
            case="schedules",
            what="- 20 fires in one second: the median",
            unit="s",
            ours=tuple(sorted(one["lateness"])[len(one["lateness"]) // 2] for one in done),
        ),
    ]


CASES = {"schedules": schedules}
