"""Tables for the terminal: aligned columns, no borders, cut to the width of the terminal."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GAP = "  "
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_PLAIN = "\x1b[0m"
NARROWEST = 8
"""Cells are not cut below this many columns of the terminal."""


def terminal_width() -> int | None:
    """Return the columns of the terminal, or None where output goes to a file or a program."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None = None,
    cut: Sequence[int] = (),
    right: Sequence[int] = (),
    paint: Mapping[int, Callable[[str, str], str]] | None = None,
) -> list[str]:
    """Return the lines of a table.

    Args:
        headings: one for each column; empty for a table without a first line.
        rows: the cells.
        width: how long a line may be; None for as long as it takes.
        cut: the columns whose cells may be shortened.
        right: the columns that are aligned to the right.
        paint: by column, what colours a padded cell; it gets the plain cell and the padded one.
    """
    lines = [tuple(headings), *rows] if headings else list(rows)
    if not lines:
        return []
    widths = [max(display_width(line[column]) for line in lines) for column in range(len(lines[0]))]
    _shrink(widths, width, cut)
    painted = paint or {}
    drawn = []
    for number, line in enumerate(lines):
        cells = []
        for column, cell in enumerate(line):
            text = _pad(shorten(cell, widths[column]), widths[column], is_right=column in right)
            is_painted = column in painted and not (headings and number == 0)
            cells.append(painted[column](cell, text) if is_painted else text)
        drawn.append(GAP.join(cells).rstrip())
    return drawn


def shorten(text: str, width: int) -> str:
    """Return the text, or its beginning and `…` where it is wider than `width`."""
    if display_width(text) <= width:
        return text
    kept, used = [], 0
    for letter in text:
        used += display_width(letter)
        if used > width - 1:
            break
        kept.append(letter)
    return "".join(kept) + "…"


def fitted(lines: Sequence[str], width: int | None) -> list[str]:
    """Return painted lines, each cut to a width; None leaves them as they are."""
    return list(lines) if width is None else [_cut(line, width) for line in lines]


def _cut(line: str, width: int) -> str:
    """Return a painted line, or its beginning, with the colours of that and `…`."""
    parts = _COLOUR.split(line)  # text and colours in turn
    if display_width("".join(parts[::2])) <= width:
        return line
    kept, left = "", width
    for number, part in enumerate(parts):
        if number % 2:
            kept += part
        elif display_width(part) < left:
            kept += part
            left -= display_width(part)
        else:
            # A character that does not fit any more stands for all that is left out.
            kept += shorten(part + "…", left)
            break
    return kept + (_PLAIN if len(parts) > 1 else "")


def display_width(text: str) -> int:
    """Return how many columns of the terminal a text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def _pad(text: str, width: int, *, is_right: bool) -> str:
    space = " " * (width - display_width(text))
    return space + text if is_right else text + space


def _shrink(widths: list[int], width: int | None, cut: Sequence[int]) -> None:
    """Narrow the widest of the columns that may be cut until a line fits, or nothing can be cut."""
    if width is None:
        return
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0:
        column = max(cut, key=lambda index: widths[index], default=None)
        if column is None or widths[column] <= NARROWEST:
            return
        widths[column] -= 1
        excess -= 1
