"""Where the steps of a run stand in a tree: what waits for what.

A chain goes straight down. What branches is indented below its source, and a step that joins
branches again stands below the step at which they parted. Many calls of one step are one row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.run import StepRun

_NUMBERED = re.compile(r"(?P<name>.*?)_\d+")


class Call(msgspec.Struct, frozen=True):
    """One call of a step, begun or not."""

    id: str
    upstream: tuple[str, ...]
    step: StepRun | None = None

    @property
    def status(self) -> str:
        """The state of the step run, or `waiting`."""
        return self.step.status if self.step is not None else "waiting"


class Row(msgspec.Struct):
    """A line of the tree: one call, or many calls that look alike."""

    calls: list[Call]
    label: str
    parent: Row | None = None
    depth: int = 0
    children: list[Row] = []


def arrange(calls: Sequence[Call], *, alike: int) -> list[tuple[str, Row]]:
    """Return the rows of the tree from top to bottom, each with what is drawn before it.

    Args:
        calls: every call after those it waits for.
        alike: from so many calls of one step on, they are one row.
    """
    drawn: list[tuple[str, Row]] = []
    _draw(_attach(_rows(calls, alike)), "", is_root=True, drawn=drawn)
    return drawn


def _rows(calls: Sequence[Call], alike: int) -> list[Row]:
    """Return one row for each call, and one for many calls of the same step."""
    families: dict[str, list[Call]] = {}
    for call in calls:
        families.setdefault(family_of(call.id), []).append(call)
    rows: list[Row] = []
    for call in calls:
        family = families[family_of(call.id)]
        if len(family) < alike:
            rows.append(Row([call], call.id))
        elif family[0] is call:
            numbered = sorted((one.id for one in family), key=lambda name: (len(name), name))
            rows.append(Row(family, f"{numbered[0]} … {numbered[-1]}"))
    return rows


def family_of(call_id: str) -> str:
    """Return the id of a step's first call in a run: `train` for `train_3`."""
    numbered = _NUMBERED.fullmatch(call_id)
    return numbered["name"] if numbered else call_id


# From rows to a tree


def _attach(rows: Sequence[Row]) -> list[Row]:
    """Give each row its parent; return those without one."""
    row_of = {call.id: row for row in rows for call in row.calls}
    attached: set[int] = set()
    roots: list[Row] = []
    for row in rows:
        above = {
            id(row_of[name]): row_of[name] for call in row.calls for name in call.upstream if name in row_of
        }
        # Calls that are one row may wait for each other through others; only what stands above counts.
        row.parent = _meeting_point([one for one in above.values() if id(one) in attached])
        row.depth = row.parent.depth + 1 if row.parent is not None else 0
        (row.parent.children if row.parent is not None else roots).append(row)
        attached.add(id(row))
    return roots


def _meeting_point(sources: Sequence[Row]) -> Row | None:
    """Return the row below which a row stands that waits for `sources`: the lowest above or among them all."""
    if len(sources) == 1:
        return sources[0]
    lowest: list[Row] = []
    covered: set[int] = set()
    for source in sorted(sources, key=lambda row: -row.depth):
        if id(source) in covered:
            continue  # it stands above one that was taken
        lowest.append(source)
        above: Row | None = source
        while above is not None and id(above) not in covered:
            covered.add(id(above))
            above = above.parent
    if not lowest:
        return None
    meeting: Row | None = lowest[0]
    for other in lowest[1:]:
        meeting = _common(meeting, other)
    return meeting


def _common(one: Row | None, other: Row | None) -> Row | None:
    while one is not other:
        if one is None or other is None:
            return None
        if one.depth >= other.depth:
            one = one.parent
        else:
            other = other.parent
    return one


# From the tree to lines


def _draw(rows: Sequence[Row], indent: str, *, is_root: bool, drawn: list[tuple[str, Row]]) -> None:
    """List rows with what stands before them; the only child of a row goes straight below it."""
    stack = [(row, indent, is_root, number == len(rows) - 1) for number, row in enumerate(rows)]
    stack.reverse()
    while stack:
        row, before, is_plain, is_last = stack.pop()
        drawn.append((before if is_plain else f"{before}{'└─ ' if is_last else '├─ '}", row))
        below = before if is_plain else f"{before}{'   ' if is_last else '│  '}"
        only = len(row.children) == 1
        following = [
            (child, below, only, number == len(row.children) - 1) for number, child in enumerate(row.children)
        ]
        stack.extend(reversed(following))
