"""How two frames differ: columns, and rows that were added, removed or changed.

Frames of pandas, polars and Arrow are compared alike, as columns of plain values.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    Row = tuple[Hashable, ...]

MOST_CELLS = 500_000
"""Cells of each side that are compared: about half a second."""
EXAMPLES = 10
LONGEST_CELL = 40


class ColumnChange(msgspec.Struct, frozen=True):
    """A column with its element type in each frame; None where it is missing."""

    name: str
    before: str | None
    after: str | None


class RowChange(msgspec.Struct, frozen=True, kw_only=True):
    """One example of a row that differs, or one of its cells."""

    how: Literal["added", "removed", "changed"]
    row: str
    """Its label in the index, or its number from 0."""
    column: str | None = None
    before: str | None = None
    after: str | None = None


class FrameChange(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two frames."""

    before_rows: int
    after_rows: int
    columns: tuple[ColumnChange, ...] = ()
    matched_by: Literal["index", "position", "content"] | None = None
    """What made two rows one and the same; None if rows were not compared."""
    added: int = 0
    removed: int = 0
    changed: int = 0
    is_reordered: bool = False
    """Whether the same rows stand in another order."""
    examples: tuple[RowChange, ...] = ()

    @property
    def text(self) -> str:
        """The change for people."""
        said = []
        if self.before_rows != self.after_rows:
            said.append(f"{self.before_rows} → {self.after_rows} rows")
        said += [
            f"{count} {how}"
            for how, count in (("added", self.added), ("removed", self.removed), ("changed", self.changed))
            if count
        ]
        if self.is_reordered:
            said.append("rows in another order")
        if self.columns:
            said.append(f"{len(self.columns)} columns differ")
        how = f" (rows matched by {self.matched_by})" if self.added or self.removed or self.changed else ""
        return (", ".join(said) or "the same cells, stored in another way") + how


class _Frame:
    """A frame as columns of plain values."""

    def __init__(self, columns: Sequence[tuple[str, str, list[Any]]], keys: list[Any] | None) -> None:
        seen: Counter[str] = Counter()
        self.types: dict[str, str] = {}
        self.cells: dict[str, list[Hashable]] = {}
        for name, kind, cells in columns:
            seen[name] += 1
            unique = name if seen[name] == 1 else f"{name}#{seen[name]}"
            self.types[unique] = kind
            self.cells[unique] = [_cell(cell) for cell in cells]
        self.keys = None if keys is None else [_cell(key) for key in keys]
        self.count = len(columns[0][2]) if columns else len(keys or ())

    def rows(self, names: Sequence[str]) -> list[Row]:
        """Return the rows of some columns."""
        return list(zip(*(self.cells[name] for name in names), strict=True))


def frame_change(before: Any, after: Any) -> FrameChange:
    """Compare two frames, series or indexes of pandas, polars or Arrow."""
    old, new = _read(before), _read(after)
    columns = tuple(
        ColumnChange(name, old.types.get(name), new.types.get(name))
        for name in {**old.types, **new.types}
        if old.types.get(name) != new.types.get(name)
    )
    shared = [name for name in old.types if name in new.types]
    about = FrameChange(before_rows=old.count, after_rows=new.count, columns=columns)
    if not shared:
        return about
    sides = old.rows(shared), new.rows(shared)
    if old.keys is not None and new.keys is not None:
        return _by_index(about, dict(zip(old.keys, sides[0], strict=True)), dict(zip(new.keys, sides[1], strict=True)), shared)  # fmt: skip
    return _by_place(about, *sides, shared)


def _by_index(
    about: FrameChange, old: dict[Hashable, Row], new: dict[Hashable, Row], names: Sequence[str]
) -> FrameChange:
    removed = [key for key in old if key not in new]
    added = [key for key in new if key not in old]
    changed = [key for key in old if key in new and old[key] != new[key]]
    examples = [example for key in changed[:EXAMPLES] for example in _cells(key, old[key], new[key], names)]
    examples += [_whole("removed", key, old[key], names) for key in removed[:EXAMPLES]]
    examples += [_whole("added", key, new[key], names) for key in added[:EXAMPLES]]
    return msgspec.structs.replace(
        about,
        matched_by="index",
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        is_reordered=[key for key in old if key in new] != [key for key in new if key in old],
        examples=tuple(examples[:EXAMPLES]),
    )


def _by_place(about: FrameChange, old: list[Row], new: list[Row], names: Sequence[str]) -> FrameChange:
    """Match rows by their number, or by their content where that leaves less that differs."""
    removed, added = Counter(old) - Counter(new), Counter(new) - Counter(old)
    others = removed.total() + added.total()
    changed = [at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other]
    if len(old) == len(new) and len(changed) <= others:
        examples = [one for at in changed[:EXAMPLES] for one in _cells(at, old[at], new[at], names)]
        return msgspec.structs.replace(
            about, matched_by="position", changed=len(changed), examples=tuple(examples[:EXAMPLES])
        )
    examples = [*_left(removed, "removed", old, names), *_left(added, "added", new, names)]
    return msgspec.structs.replace(
        about,
        matched_by="content",
        added=added.total(),
        removed=removed.total(),
        is_reordered=not others and old != new,
        examples=tuple(examples[:EXAMPLES]),
    )


def _left(
    left: Counter[Row], how: Literal["added", "removed"], rows: list[Row], names: Sequence[str]
) -> Iterator[RowChange]:
    found = (at for at, row in enumerate(rows) if left[row])
    for _, at in zip(range(EXAMPLES // 2), found, strict=False):
        yield _whole(how, at, rows[at], names)


def _cells(key: Hashable, old: Row, new: Row, names: Sequence[str]) -> Iterator[RowChange]:
    for name, one, other in zip(names, old, new, strict=True):
        if one != other:
            yield RowChange(how="changed", row=str(key), column=name, before=_shown(one), after=_shown(other))


def _whole(how: Literal["added", "removed"], key: Hashable, row: Row, names: Sequence[str]) -> RowChange:
    text = ", ".join(f"{name}={_shown(cell)}" for name, cell in list(zip(names, row, strict=True))[:8])
    is_new = how == "added"
    return RowChange(how=how, row=str(key), before=None if is_new else text, after=text if is_new else None)


def _shown(cell: Hashable) -> str:
    text = repr(cell)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


class _Missing:
    """Stands for NaN, NaT, NA and None, which do not equal themselves everywhere."""

    def __repr__(self) -> str:
        return "missing"


_MISSING = _Missing()


def _cell(value: Any) -> Hashable:
    """Return a cell that can be compared and counted."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return _MISSING
    if isinstance(value, float) and value != value:  # noqa: PLR0124  that is how NaN is known
        return _MISSING
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value  # type: ignore[no-any-return]  # it was just hashed


def _read(value: Any) -> _Frame:
    root = type(value).__module__.partition(".")[0]
    return {"pandas": _read_pandas, "polars": _read_polars, "pyarrow": _read_arrow}[root](value)


def _read_pandas(value: Any) -> _Frame:
    if not hasattr(value, "columns"):
        is_series = hasattr(value, "index")
        name = "value" if value.name is None else str(value.name)
        return _Frame([(name, str(value.dtype), value.tolist())], _labels(value.index) if is_series else None)
    columns = [
        (str(name), str(value.dtypes.iloc[at]), value.iloc[:, at].tolist())
        for at, name in enumerate(value.columns)
    ]
    return _Frame(columns, _labels(value.index))


def _labels(index: Any) -> list[Any] | None:
    """Return the labels of rows, if they are more than numbers and tell rows apart."""
    return index.tolist() if type(index).__name__ != "RangeIndex" and index.is_unique else None


def _read_polars(value: Any) -> _Frame:
    series = value.get_columns() if hasattr(value, "get_columns") else [value]
    return _Frame([(one.name or "value", str(one.dtype), one.to_list()) for one in series], None)


def _read_arrow(value: Any) -> _Frame:
    if not hasattr(value, "columns"):
        return _Frame([("value", str(value.type), value.to_pylist())], None)
    names = value.schema.names
    columns = [
        (name, str(column.type), column.to_pylist())
        for name, column in zip(names, value.columns, strict=True)
    ]
    return _Frame(columns, None)
