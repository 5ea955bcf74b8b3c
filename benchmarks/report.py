"""The table, for a terminal and as a file."""

from __future__ import annotations

import statistics

from rows import Row, number

HEAD = ("what", "floor", "median", "min", "max", "unit", "x floor", "budget", "met")
INTRODUCTION = """\
# Results

Written by `make bench`. Each figure is the median of {reps} repetitions, with the least and the
largest beside it; each floor was measured in the same run, beside the figure. The README says
what the floors are. Nothing is rounded in favour of a budget, and no test depends on these times.
A verdict in brackets stands in a row that the budget is not about: budgets of single steps hold
for a fresh store in a process that has run something before; the first run of a process, which
also loads modules, is in the row below.
"""


def cells(row: Row) -> tuple[str, ...]:
    """Return the texts of a row."""
    if row.problem:
        return (row.what, "", "", "", "", row.unit, "", budget(row), row.verdict)
    floor = number(statistics.median(row.floor)) if row.floor else ""
    ratio = "" if row.ratio is None else number(row.ratio)
    return (
        row.what,
        floor,
        number(row.median),
        number(min(row.ours)),
        number(max(row.ours)),
        row.unit,
        ratio,
        budget(row),
        row.verdict,
    )


def budget(row: Row) -> str:
    """Return the budget as a text."""
    if row.budget_ratio is not None:
        return f"≤ {number(row.budget_ratio)} x floor"
    return "" if row.budget is None else f"≤ {number(row.budget)}"


def as_text(rows: list[Row]) -> str:
    """Return an aligned table, with what the floors are below it."""
    lines = [HEAD, *map(cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = ["  ".join(_aligned(cell, i, widths[i]) for i, cell in enumerate(line)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*text, "", *notes(rows)])


def as_markdown(rows: list[Row], machine: dict[str, str], date: str, reps: int) -> str:
    """Return the content of `RESULTS.md`."""
    about = [f"- {name}: {value}" for name, value in {"Date": date, **machine}.items()]
    table = [HEAD, tuple("---" if i in (0, 5, 7, 8) else "--:" for i in range(len(HEAD))), *map(cells, rows)]
    lines = ["| " + " | ".join(line) + " |" for line in table]
    parts = [
        INTRODUCTION.format(reps=reps).rstrip(),
        "\n".join(about),
        "\n".join(lines),
        "## Floors and remarks",
    ]
    return "\n\n".join([*parts, "\n".join(notes(rows))]) + "\n"


def notes(rows: list[Row]) -> list[str]:
    """Return a line for each row that has something to add."""
    found, above = [], ""
    for row in rows:
        said = [f"floor: {row.floor_is}"] if row.floor_is else []
        said += [" ".join(text.split())[-300:] for text in (row.remark, row.problem) if text]
        above = above if row.what.startswith("- ") else row.what
        name = f"{above}, {row.what[2:]}" if row.what.startswith("- ") else row.what
        if said:
            found.append(f"- {name}: {'; '.join(said).rstrip('.')}.")
    return found


def _aligned(cell: str, column: int, width: int) -> str:
    return cell.rjust(width) if column in (1, 2, 3, 4, 6) else cell.ljust(width)
