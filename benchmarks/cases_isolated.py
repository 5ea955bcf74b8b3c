"""Steps in processes of their own: what one costs, and whether they use the cores."""

from __future__ import annotations

from children import run_workload, time_code
from rows import Row

CHAIN = 20


def isolated(reps: int) -> list[Row]:
    """No-op steps, the first one and further ones."""
    starts, done = [], []
    for _ in range(reps):
        starts.append(time_code("pass") * 1000)
        done.append(run_workload("isolated", CHAIN).figures)
    warm = Row(
        case="isolated",
        what="isolated no-op step, warm",
        unit="ms",
        ours=tuple(figures["warm"] * 1000 for figures in done),
        floor=tuple(figures["floor"] * 1000 for figures in done),
        floor_is="a bare os.fork whose child answers through a pipe and leaves",
        budget=6,
        remark=f"from the end of one step to the end of the next, median of {CHAIN}",
    )
    first = Row(
        case="isolated",
        what="- the first one of a process",
        unit="ms",
        ours=tuple(figures["first"] * 1000 for figures in done),
        floor=tuple(starts),
        floor_is="start and end of a bare Python: steps are forked from a server that is one",
        budget=80,
        remark="a run of one isolated step, less a run of one inline step",
    )
    return [warm, first]


def computing(reps: int) -> list[Row]:
    """CPU-bound steps against bare forks of the same work."""
    done = [run_workload("computing", 4, 1.0, rep % 2).figures for rep in range(reps)]
    cores = done[0]["cores"]
    row = Row(
        case="computing",
        what=f"4 isolated CPU-bound steps of 1 s on {cores} cores, whole run",
        unit="s",
        ours=tuple(figures["ours"] for figures in done),
        floor=tuple(figures["floor"] for figures in done),
        floor_is=f"bare os.fork of the same work, {cores} processes at once",
        budget_ratio=1.1,
        remark="not the first run of its process; the start of the server is included; which of the two goes first alternates",
    )
    return [row]


CASES = {"isolated": isolated, "computing": computing}
