"""Steps in the caller's process: chains, the cache, a fan-out, waiting in parallel, very many of them."""

from __future__ import annotations

import statistics
from typing import Any

from children import run_workload
from rows import Row

LENGTH = 200
REPLAY = "the same rows written with bare sqlite3, one transaction a step, same lock and durability"


def chain(reps: int) -> list[Row]:
    """An executed and then a cached chain, durable."""
    done = run_chains(reps)
    calls = statistics.median(figures["calls"] for figures in done) / LENGTH * 1e6
    rows = executed("chain", "executed no-op step, durable, chain of 200", done, 0.5)
    row = Row(
        case="chain",
        what="cached step, chain of 200",
        unit="ms",
        ours=a_step(done, "cached"),
        floor=a_step(done, "cached_floor"),
        floor_is="one indexed look-up a step, then the same rows in one bare transaction",
        budget=0.06,
        remark=f"a bare call of the step's function takes {calls:.2f} µs",
    )
    return [*rows, row]


def relaxed(reps: int) -> list[Row]:
    """An executed chain that gives up durability over a power loss."""
    done = run_chains(reps, ZENML_DURABILITY="relaxed")
    return executed("relaxed", "executed no-op step, relaxed, chain of 200", done, 0.25)


def run_chains(reps: int, **variables: str) -> list[dict[str, Any]]:
    """Run the workload; what it timed must be what the rows say."""
    done = [run_workload("chain", LENGTH, **variables).figures for _ in range(reps)]
    if any(figures["statuses"] != [["completed"], ["cached"]] for figures in done):
        raise RuntimeError("the chain was not executed first and then answered from the cache")
    return done


def executed(case: str, what: str, done: list[dict[str, Any]], budget: float) -> list[Row]:
    """The chain with everything imported, which the budget is about, and as the first run of a process."""
    floor = a_step(done, "executed_floor")
    warm = Row(
        case=case,
        what=what,
        unit="ms",
        ours=a_step(done, "warm"),
        floor=floor,
        floor_is=REPLAY,
        budget=budget,
        remark="fresh store, not the first run of its process",
    )
    cold = Row(
        case=case,
        what="- as the first run of its process, imports included",
        unit="ms",
        ours=a_step(done, "cold"),
        floor=floor,
        floor_is="as above",
        budget=budget,
        is_binding=False,
    )
    return [warm, cold]


def fan(reps: int) -> list[Row]:
    """A fan-out and its fan-in."""
    done = [run_workload("fan", LENGTH).figures for _ in range(reps)]
    floor = a_step(done, "floor", LENGTH + 1)
    warm = Row(
        case="fan",
        what="fan-out 200 + fan-in, a step",
        unit="ms",
        ours=a_step(done, "warm", LENGTH + 1),
        floor=floor,
        floor_is="the same rows written with bare sqlite3, 32 steps a transaction, same lock and durability",
        budget=0.25,
        remark="fresh store, not the first run of its process",
    )
    cold = Row(
        case="fan",
        what="- as the first run of its process, imports included",
        unit="ms",
        ours=a_step(done, "cold", LENGTH + 1),
        floor=floor,
        floor_is="as above",
        budget=0.25,
        is_binding=False,
    )
    return [warm, cold]


def sleeps(reps: int) -> list[Row]:
    """Steps that wait at the same time."""
    done = [run_workload("sleeps", 16, 0.5).figures for _ in range(reps)]
    floor = tuple(figures["floor"] for figures in done)
    warm = Row(
        case="sleeps",
        what="16 parallel sleeps of 0.5 s, whole run",
        unit="s",
        ours=tuple(figures["warm"] for figures in done),
        floor=floor,
        floor_is="16 bare threads that sleep",
        budget=0.55,
        remark="fresh store, not the first run of its process",
    )
    cold = Row(
        case="sleeps",
        what="- as the first run of its process, imports included",
        unit="s",
        ours=tuple(figures["cold"] for figures in done),
        floor=floor,
        floor_is="as above",
        budget=0.55,
        is_binding=False,
    )
    return [warm, cold]


def many(reps: int) -> list[Row]:
    """A run of 10,000 steps: it must not get slower on the way."""
    count, part = 10_000, 1_000
    done = [run_workload("many", count, part).figures for _ in range(reps)]
    total = statistics.median(figures["total"] for figures in done)
    executing = statistics.median(figures["executing"] for figures in done)
    peak = statistics.median(figures["megabytes"] for figures in done)
    row = Row(
        case="many",
        what="10,000 steps in a run: the last 1,000, a step",
        unit="ms",
        ours=tuple(figures["last"] / part * 1000 for figures in done),
        floor=tuple(figures["first"] / part * 1000 for figures in done),
        floor_is="the first 1,000 of the same run",
        budget_ratio=1.3,
        remark=f"whole run {total:.1f} s, of which its steps {executing:.1f} s; peak memory {peak:.0f} MB",
    )
    return [row]


def a_step(done: list[dict[str, Any]], figure: str, count: int = LENGTH) -> tuple[float, ...]:
    """Return a figure of whole runs as milliseconds a step."""
    return tuple(figures[figure] / count * 1000 for figures in done)


CASES = {"chain": chain, "relaxed": relaxed, "fan": fan, "sleeps": sleeps, "many": many}
