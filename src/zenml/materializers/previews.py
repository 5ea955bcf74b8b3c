"""The first rows of a frame as a small table of text, which any viewer can draw without the frame's library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

ROWS = 10
COLUMNS = 20
_CELL_LIMIT = 30
_TEXT_LIMIT = 1000


def table(
    columns: Iterable[tuple[Any, Any]], rows: Iterable[Sequence[Any]], shape: Sequence[int]
) -> dict[str, Any]:
    """Return a preview with a table: names and types of columns, cells as text, and the whole shape."""
    return {
        "table": {
            "columns": [[cell(name), cell(kind)] for name, kind in list(columns)[:COLUMNS]],
            "rows": [[cell(item) for item in list(row)[:COLUMNS]] for row in list(rows)[:ROWS]],
            "shape": list(shape),
        }
    }


def text(value: Any) -> dict[str, Any]:
    """Return a preview that is a short text."""
    return {"text": _clean(str(value), _TEXT_LIMIT)}


def cell(value: Any) -> str:
    """Return a value as the short text of a cell."""
    return _clean(str(value), _CELL_LIMIT)


def _clean(value: str, limit: int) -> str:
    shortened = value if len(value) <= limit else value[: limit - 1] + "…"
    return shortened.encode(errors="backslashreplace").decode()
