"""What it costs that the output of steps is kept, and how fast the ends of a long log are read."""

from __future__ import annotations

from children import run_workload
from rows import Row

WIDTH, LINES = 100, 1_000_000
"""Bytes of a line, and how many: 100 MB."""


def printing(reps: int) -> list[Row]:
    """Print 100 MB, with and without a step around it."""
    rows = []
    for runtime, remark in (
        ("inline", ""),
        (
            "isolated",
            "the floor writes line by line too, which keeps the order of native output and children's",
        ),
    ):
        done = [run_workload("printing", runtime, WIDTH, LINES).figures for _ in range(reps)]
        rows.append(
            Row(
                case="printing",
                what=f"100 MB printed by an {runtime} step, in lines of 100 bytes",
                unit="s",
                ours=tuple(figures["ours"] for figures in done),
                floor=tuple(figures["floor"] for figures in done),
                floor_is="the same prints without a step, to the same file",
                budget_ratio=1.05,
                remark=remark,
            )
        )
        if runtime == "inline":
            rows.append(
                Row(
                    case="printing",
                    what="first or last 1,000 lines of that log",
                    unit="ms",
                    ours=tuple(figures["ends"] * 1000 for figures in done),
                    budget=200,
                )
            )
    return rows


def many_prints(reps: int) -> list[Row]:
    """Print 20,000 short lines."""
    done = [run_workload("printing", "inline", 20, 20_000).figures for _ in range(reps)]
    row = Row(
        case="many_prints",
        what="20,000 prints of a step",
        unit="ms",
        ours=tuple(figures["ours"] * 1000 for figures in done),
        floor=tuple(figures["floor"] * 1000 for figures in done),
        floor_is="the same prints without a step, to the same file",
    )
    return [row]


CASES = {"printing": printing, "many_prints": many_prints}
