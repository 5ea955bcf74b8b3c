"""Large values: what handing an array from step to step costs beside the disk."""

from __future__ import annotations

import statistics

from children import run_workload
from rows import Row

MEGABYTES = 100


def array(reps: int) -> list[Row]:
    """A large array, stored and loaded with its digest checked."""
    done = [run_workload("large_array", MEGABYTES).figures for _ in range(reps)]
    work = statistics.median(figures["work"] for figures in done)
    row = Row(
        case="array",
        what="100 MB numpy array made in one step, read in the next",
        unit="s",
        ours=tuple(figures["ours"] for figures in done),
        floor=tuple(figures["floor"] for figures in done),
        floor_is="write + fsync + SHA-256 of the same bytes, one after the other",
        budget_ratio=1.5,
        remark=f"our figure includes the steps' own work of {work:.2f} s (make the array, sum it)",
    )
    return [row]


CASES = {"array": array}
