"""Where the steps of a run stand in a tree: what waits for what.

A chain goes straight down. What branches is indented below its source, and a step that joins
branches again stands below the step at which they parted. The elements of a map are one row, and so
are many calls of one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.views.step_states import ordered, rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from zenml.records.run import StepOutline, StepRun

_DIGITS = "0123456789"


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call of a step, begun or not."""

    id: str
    upstream: tuple[str, ...]
    step: StepRun | StepOutline | None = None
    map: str | None = None
    """The map whose element it is."""

    @property
    def status(self) -> str:
        """The state of the step run, or `waiting`."""
        return self.step.status if self.step is not None else "waiting"


class Row(msgspec.Struct):
    """A line of the tree: one call, the elements of a map, or many calls that look alike."""

    calls: list[Call]
    label: str
    group: str | None = None
    """What its calls have in common, as `group_of` has it; None for a row of one call that is no element."""
    waiting: int = 0
    """Calls that nothing is known of, but that they wait."""
    parent: Row | None = None
    depth: int = 0
    children: list[Row] = []

    @property
    def is_map(self) -> bool:
        """Whether its calls are the elements of a map."""
        return self.group is not None and self.group.endswith(_OF_MAP)

    @property
    def total(self) -> int:
        """How many calls it stands for."""
        return len(self.calls) + self.waiting

    @property
    def counts(self) -> dict[str, int]:
        """How many of its calls are in which state."""
        found = {"waiting": self.waiting}
        for call in self.calls:
            found[call.status] = found.get(call.status, 0) + 1
        return ordered(found)

    @property
    def ranks(self) -> bytes:
        """The state of each call as a byte, for `strip`."""
        return bytes([rank(call.status) for call in self.calls]) + bytes([rank("waiting")]) * self.waiting


def arrange(calls: Sequence[Call], *, alike: int) -> list[tuple[str, Row]]:
    """Return the rows of the tree from top to bottom, each with what is drawn before it.

    Args:
        calls: every call after those it waits for.
        alike: from so many calls of one step on, they are one row.
    """
    drawn: list[tuple[str, Row]] = []
    _draw(_attach(_rows(calls, alike)), drawn)
    return drawn


def add_waiting(drawn: list[tuple[str, Row]], waiting: Mapping[str, int]) -> None:
    """Add calls of which only a number is known to the row that they will be in, or below the tree.

    Args:
        drawn: the rows of the tree.
        waiting: how many calls wait, by `group_of`.
    """
    rows = {row.group: row for _, row in drawn if row.group is not None}
    for group, number in waiting.items():
        if group in rows:
            rows[group].waiting = number
        elif number:
            drawn.append(("", Row([], group.removesuffix(_OF_MAP), group, number)))


def _rows(calls: Sequence[Call], alike: int) -> list[Row]:
    """Return one row for each map, one for many calls of the same step, and one for each other call."""
    groups: dict[str, list[Call]] = {}
    group_of_call = [group_of(call.id, call.map) for call in calls]
    for group, call in zip(group_of_call, calls, strict=True):
        groups.setdefault(group, []).append(call)
    rows: list[Row] = []
    for group, call in zip(group_of_call, calls, strict=True):
        members = groups[group]
        if call.map is None and len(members) < alike:
            rows.append(Row([call], call.id))
        elif members[0] is call:
            members = in_order(members)
            label = call.map or f"{members[0].id} … {members[-1].id}"
            rows.append(Row(members, label, group))
    return rows


_OF_MAP = "[]"


def group_of(call_id: str, map_name: str | None) -> str:
    """Return what calls have in common that may be one row: their map, or the step that they call."""
    return family_of(call_id) if map_name is None else f"{map_name}{_OF_MAP}"


def family_of(call_id: str) -> str:
    """Return the id of a step's first call in a run: `train` for `train_3`."""
    stem = call_id.rstrip(_DIGITS)
    return stem[:-1] if stem.endswith("_") and len(stem) < len(call_id) else call_id


def in_order(calls: Iterable[Call]) -> list[Call]:
    """Return calls of one group from the first to the last, whichever began first."""
    return sorted(calls, key=_place)


def _place(call: Call) -> tuple[int, str]:
    """Return where a call stands among its like: `train[9]` comes before `train[10]`, and `train_9` before `train_10`."""
    numbers = call.id.rpartition("[")[2]
    if "," in numbers:  # an element of a product
        return 0, ",".join(one.strip(" ]").rjust(12) for one in numbers.split(","))
    if numbers[:1] in ("'", '"'):  # an element with a key of its own
        return 0, call.id
    return len(call.id), call.id


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


def _draw(roots: Sequence[Row], drawn: list[tuple[str, Row]]) -> None:
    """List rows with what stands before them.

    The only child of a row goes straight below it; but what waits for one of several steps that wait for
    nothing, as those that a dynamic pipeline calls one after the other, is indented, or it would stand among them.
    """
    stack = [(row, "", True, number == len(roots) - 1) for number, row in enumerate(roots)]
    stack.reverse()
    among_others = {id(row) for row in roots} if len(roots) > 1 else set()
    while stack:
        row, before, is_plain, is_last = stack.pop()
        drawn.append((before if is_plain else f"{before}{'└─ ' if is_last else '├─ '}", row))
        below = before if is_plain else f"{before}{'   ' if is_last else '│  '}"
        only = len(row.children) == 1 and id(row) not in among_others
        following = [
            (child, below, only, number == len(row.children) - 1) for number, child in enumerate(row.children)
        ]
        stack.extend(reversed(following))
