"""Large values: what handing an array from step to step costs beside the disk."""

from __future__ import annotations

import os
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


def frames(reps: int) -> list[Row]:
    """Large frames, stored and loaded."""
    return [
        _large("frames", kind, f"{kind} frame of 1,000,000 rows and 5 columns stored and loaded", floor, reps)
        for kind, floor in (("pandas", "Parquet"), ("polars", "an Arrow file"))
    ]


def huge_array(reps: int) -> list[Row]:
    """An array of 1 GB, only if `BENCH_HUGE=1` says so: it writes 2 GB each time."""
    what = "1 GB numpy array stored and loaded"
    if os.environ.get("BENCH_HUGE") != "1":
        return []
    return [_large("huge_array", "array", what, "an npy file", reps, most_megabytes=100)]


def _large(
    case: str, kind: str, what: str, floor_is: str, reps: int, most_megabytes: float | None = None
) -> Row:
    done = [run_workload("large_value", kind).figures for _ in range(reps)]
    grown = max(figures["grown"] for figures in done)
    is_too_large = most_megabytes is not None and grown > most_megabytes
    return Row(
        case=case,
        what=what,
        unit="s",
        ours=tuple(figures["ours"] for figures in done),
        floor=tuple(figures["floor"] for figures in done),
        floor_is=f"{floor_is} written, synced, hashed and read",
        budget_ratio=1.5,
        broken=f"memory grew by {grown:.0f} MB" if is_too_large else "",
        remark=f"peak memory grew by {grown:.0f} MB beyond the value",
    )


CASES = {"array": array, "frames": frames, "huge_array": huge_array}
