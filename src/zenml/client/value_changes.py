"""How two values differ: with the path to each difference, and by the means of each kind of value."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from zenml.client.text_changes import text_change

if TYPE_CHECKING:
    from collections.abc import Iterator

How = Literal["added", "removed", "changed"]

MOST_CHANGES = 1000
"""Differences of one value that are listed."""
LONGEST_VALUE = 60
"""Characters of a value that are shown."""
_FRAMES = ("pandas", "polars", "pyarrow")
_SCALARS = (bool, int, float, str, type(None))


class ValueChange(msgspec.Struct, frozen=True, kw_only=True):
    """One difference inside a value."""

    path: str
    """Where it is, such as `layers[2].units`; empty for the value as a whole."""
    how: How
    text: str
    """For people: `64 → 128`, `shape 3 → 4`."""
    before: Any = None
    """The value if JSON holds it as it is, else as text; None where it is missing, or is an array or frame."""
    after: Any = None
    diff: str | None = None
    """A unified diff, where both are text of several lines."""
    array: Any = None
    """An `ArrayChange`, where both are arrays."""
    frame: Any = None
    """A `FrameChange`, where both are frames."""


def value_changes(before: Any, after: Any, path: str = "") -> list[ValueChange]:
    """Return the differences of two values, the first thousand if there are more."""
    return list(islice(_compare(before, after, path), MOST_CHANGES))


def shown(value: Any) -> str:
    """Return a value for people: one line, and not a long one."""
    text = value if isinstance(value, str) else repr(value)
    text = text.replace("\n", "⏎")
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _compare(before: Any, after: Any, path: str) -> Iterator[ValueChange]:
    kinds = _kind(before), _kind(after)
    if kinds == ("dict", "dict"):
        yield from _compare_dicts(before, after, path)
    elif kinds == ("list", "list") and type(before) is type(after):
        yield from _compare_lists(before, after, path)
    elif kinds == ("array", "array"):
        yield from _compare_arrays(before, after, path)
    elif kinds == ("frame", "frame"):
        yield from _compare_frames(before, after, path)
    elif not _is_same(before, after):
        yield _leaf(before, after, path)


def _compare_dicts(before: dict[Any, Any], after: dict[Any, Any], path: str) -> Iterator[ValueChange]:
    for key in {**before, **after}:
        is_name = isinstance(key, str) and key.replace("-", "_").isidentifier()
        below = (
            f"{path}.{key}" if path and is_name else str(key) if is_name else f"{path}[{shown(repr(key))}]"
        )
        if key in before and key in after:
            yield from _compare(before[key], after[key], below)
        else:
            yield _lone(below, "added", after[key]) if key in after else _lone(below, "removed", before[key])


def _compare_lists(before: Any, after: Any, path: str) -> Iterator[ValueChange]:
    for at, (one, other) in enumerate(zip(before, after, strict=False)):
        yield from _compare(one, other, f"{path}[{at}]")
    for at in range(len(before), len(after)):
        yield _lone(f"{path}[{at}]", "added", after[at])
    for at in range(len(after), len(before)):
        yield _lone(f"{path}[{at}]", "removed", before[at])


def _compare_arrays(before: Any, after: Any, path: str) -> Iterator[ValueChange]:
    from zenml.client.array_changes import array_change  # imports numpy

    found = array_change(before, after)
    if found.differing or found.elements is None or found.before_dtype != found.after_dtype:
        yield ValueChange(path=path, how="changed", text=found.text, array=found)


def _compare_frames(before: Any, after: Any, path: str) -> Iterator[ValueChange]:
    from zenml.client.frame_changes import frame_change

    found = frame_change(before, after)
    if found.columns or found.examples or found.is_reordered or found.before_rows != found.after_rows:
        yield ValueChange(path=path, how="changed", text=found.text, frame=found)


def _leaf(before: Any, after: Any, path: str) -> ValueChange:
    text, diff = f"{shown(before)} → {shown(after)}", None
    if isinstance(before, str) and isinstance(after, str) and ("\n" in before or "\n" in after):
        lines = text_change(before, after)
        text, diff = lines.text, lines.diff
    elif type(before) is not type(after):
        text += f" ({type(before).__name__} → {type(after).__name__})"
    elif shown(before) == shown(after):
        text = "other content"
    return ValueChange(
        path=path, how="changed", text=text, before=_as_json(before), after=_as_json(after), diff=diff
    )


def _lone(path: str, how: How, value: Any) -> ValueChange:
    text = f"{how}: {shown(value)}"
    if how == "added":
        return ValueChange(path=path, how=how, text=text, after=_as_json(value))
    return ValueChange(path=path, how=how, text=text, before=_as_json(value))


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "dict"
    if isinstance(value, (list, tuple)):
        return "list"
    root = type(value).__module__.partition(".")[0]
    return "array" if root == "numpy" else "frame" if root in _FRAMES and _has_cells(value) else "other"


def _has_cells(value: Any) -> bool:
    return any(hasattr(value, name) for name in ("tolist", "get_columns", "to_list", "to_pylist", "iloc"))


def _is_same(before: Any, after: Any) -> bool:
    if type(before) is not type(after):
        return False
    if isinstance(before, float) and before != before:  # noqa: PLR0124  that is how NaN is known
        return bool(after != after)  # noqa: PLR0124
    return bool(before == after)


def _as_json(value: Any) -> Any:
    if type(value) is float and value - value != 0:  # NaN and infinities, which JSON does not know
        return str(value)
    return value if type(value) in _SCALARS else shown(value)
