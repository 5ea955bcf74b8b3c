"""Dynamic pipelines: submitted steps, and maps of very many elements."""

from __future__ import annotations

import os
import statistics
from typing import Any

from children import run_workload
from rows import Row

COUNT, PART = 10_000, 1_000
BARE_ROWS = "the same rows written with bare sqlite3, one transaction a step"


def submit(reps: int) -> list[Row]:
    """Steps that are submitted: waiting, doing nothing, in processes."""
    done = [run_workload("submits", COUNT).figures for _ in range(reps)]
    naps = Row(
        case="submit",
        what="50 submitted sleeps of 0.1 s, whole run",
        unit="s",
        ours=tuple(figures["naps"] for figures in done),
        floor=tuple(figures["naps_floor"] for figures in done),
        floor_is="50 bare threads, 32 of which sleep at once",
        budget=0.25,
    )
    peak = statistics.median(figures["megabytes"] for figures in done)
    many = Row(
        case="submit",
        what="10,000 submitted no-op steps, a step",
        unit="ms",
        ours=_each(done, "many"),
        floor=_each(done, "floor"),
        floor_is=BARE_ROWS,
        budget=0.3,
        remark=f"peak memory {peak:.0f} MB",
    )
    one = Row(
        case="submit",
        what="- with max_parallelism=1",
        unit="ms",
        ours=_each(done, "one"),
        floor=_each(done, "floor"),
        floor_is=BARE_ROWS,
        budget=0.3,
    )
    apart = Row(
        case="submit",
        what="50 submitted isolated no-op steps, warm, a step",
        unit="ms",
        ours=_each(done, "processes", 50),
        budget=6,
    )
    apart_one = Row(
        case="submit",
        what="- with max_parallelism=1",
        unit="ms",
        ours=_each(done, "processes_one", 50),
        budget=6,
    )
    return [naps, many, one, apart, apart_one]


def mapped(reps: int) -> list[Row]:
    """A map of 10,000 elements."""
    done = [run_workload("maps", COUNT, PART).figures for _ in range(reps)]
    rows = [_linear("map", COUNT, done)]
    for what, figure, budget in (
        ("- a step of the whole run", "total", 0.3),
        ("- with max_parallelism=1", "one", 0.3),
        ("- of a generator", "lazily", 0.4),
    ):
        rows.append(
            Row(
                case="map",
                what=what,
                unit="ms",
                ours=_each(done, figure),
                floor=_each(done, "floor"),
                floor_is=BARE_ROWS,
                budget=budget,
            )
        )
    cached = _each(done, "cached")
    rows.append(Row(case="map", what="- answered from the cache", unit="ms", ours=cached, budget=0.15))
    return rows


def huge_map(reps: int) -> list[Row]:
    """A map of 100,000 elements, only if `BENCH_HUGE=1` says so: a 1 GB process has to do."""
    if os.environ.get("BENCH_HUGE") != "1":
        return []
    done = [run_workload("maps", 100_000, PART).figures for _ in range(reps)]
    memory = Row(
        case="huge_map",
        what="map of 100,000 elements: peak memory",
        unit="MB",
        ours=tuple(figures["megabytes"] for figures in done),
        budget=1000,
    )
    return [_linear("huge_map", 100_000, done), memory]


def _linear(case: str, count: int, done: list[dict[str, Any]]) -> Row:
    total = statistics.median(figures["total"] for figures in done)
    peak = statistics.median(figures["megabytes"] for figures in done)
    return Row(
        case=case,
        what=f"map of {count:,} no-op elements: the last 1,000, a step",
        unit="ms",
        ours=tuple(figures["last"] / PART * 1000 for figures in done),
        floor=tuple(figures["first"] / PART * 1000 for figures in done),
        floor_is="the first 1,000 of the same run",
        budget_ratio=1.3,
        remark=f"whole run {total:.1f} s; peak memory {peak:.0f} MB",
    )


def _each(done: list[dict[str, Any]], figure: str, count: int = COUNT) -> tuple[float, ...]:
    return tuple(figures[figure] / count * 1000 for figures in done)


CASES = {"submit": submit, "map": mapped, "huge_map": huge_map}
