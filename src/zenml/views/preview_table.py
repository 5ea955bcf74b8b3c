"""The first rows of a frame, drawn as an HTML page or as text. Every cell is text that came from a value: escaped."""

from __future__ import annotations

from typing import Any

_STYLE = "table{border-collapse:collapse;font:13px sans-serif}td,th{border:1px solid #ccc;padding:2px 6px}"


def as_html(table: dict[str, Any]) -> str:
    """Return a page with the table, its types, and how much more there is."""
    from html import escape

    head = "".join(
        f"<th>{escape(name)}<br><small>{escape(kind)}</small></th>" for name, kind in table["columns"]
    )
    rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in table["rows"])
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table><p>{escape(_extent(table))}</p>"
    )


def as_text(table: dict[str, Any]) -> str:
    """Return lines with aligned columns; control characters are shown as their codes."""
    columns = [[visible(name), visible(kind)] for name, kind in table["columns"]]
    for row in table["rows"]:
        for column, cell in zip(columns, row, strict=False):
            column.append(visible(cell))
    widths = [max(map(len, column)) for column in columns]
    count = max(map(len, columns), default=0)
    lines = [
        "  ".join(
            column[at].ljust(width) for column, width in zip(columns, widths, strict=True) if at < len(column)
        )
        for at in range(count)
    ]
    return "\n".join([*(line.rstrip() for line in lines), _extent(table)])


def _extent(table: dict[str, Any]) -> str:
    shape = table["shape"]
    rows = shape[0] if shape else 0
    columns = shape[1] if len(shape) > 1 else 1
    return f"{rows} rows, {columns} columns"


def visible(text: str, *, keep: str = "") -> str:
    """Return text in which control characters, which could steer a terminal, are shown as their codes."""
    return "".join(
        letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in text
    )
