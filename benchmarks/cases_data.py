"""Large values: what handing an array from step to step costs beside the disk."""

from __future__ import annotations

import os
import statistics

from children import run_workload
from rows import Row

MEGABYTES = 100
MOST_MEGABYTES = 100
"""That storing and loading a large value may take beside the value itself, however large it is. pandas frames, which
become another format and come back as copies, are measured without a budget."""


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


def frames(reps: int) -> list[Row]:
    """Large frames, stored and loaded: time and memory."""
    return [
        row
        for kind, what, floor in (
            ("pandas", "pandas frame", "Parquet"),
            ("polars", "polars frame", "an Arrow file"),
            ("arrow", "Arrow table", "an Arrow file"),
        )
        for row in _large(
            "frames", kind, f"{what} of 1,000,000 rows and 5 columns stored and loaded", floor, reps
        )
    ]


def huge_array(reps: int) -> list[Row]:
    """An array of 1 GB, only if `BENCH_HUGE=1` says so: it writes 2 GB each time."""
    if os.environ.get("BENCH_HUGE") != "1":
        return []
    return _large("huge_array", "array", "1 GB numpy array stored and loaded", "an npy file", reps)


def _large(case: str, kind: str, what: str, floor_is: str, reps: int) -> list[Row]:
    done = [run_workload("large_value", kind).figures for _ in range(reps)]
    time = Row(
        case=case,
        what=what,
        unit="s",
        ours=tuple(figures["ours"] for figures in done),
        floor=tuple(figures["floor"] for figures in done),
        floor_is=f"{floor_is} written, synced, hashed and read",
        budget_ratio=1.5,
    )
    memory = Row(
        case=case,
        what=f"{what}, memory beyond the value",
        unit="MB",
        ours=tuple(figures["ours_grown"] for figures in done),
        floor=tuple(figures["floor_grown"] for figures in done),
        floor_is="as above; what is mapped counts in both",
        budget=None if kind == "pandas" else MOST_MEGABYTES,
    )
    return [time, memory]


CASES = {"array": array, "frames": frames, "huge_array": huge_array}
