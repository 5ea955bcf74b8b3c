"""Text on its way to people: readable in every medium, within the medium's limit, and without secrets.

An alerter passes what users wrote through `readable`, cuts it with `keep_begin` or `keep_end`, and
escapes the markup of its medium last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

CUT = "…"
_TERMINAL = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
"""Colours, movements of the cursor, titles of windows."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_ENDS = re.compile(r"\r+\n|\r")


def readable(text: str) -> str:
    """Return a text without what terminals obey; other control characters become a visible mark."""
    plain = _LINE_ENDS.sub("\n", _TERMINAL.sub("", text))
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", plain.encode(errors="backslashreplace").decode())


def one_line(text: str) -> str:
    """Return a readable text as one line."""
    return " ".join(readable(text).split())


def keep_begin(text: str, most: int, measure: Callable[[str], int] = len) -> str:
    """Return a text of at most so many letters; of a longer one its beginning.

    Args:
        measure: tells how long a text is in the medium, where escaping makes it longer.
    """
    if measure(text) <= most:
        return text
    return text[: _fitting(lambda count: measure(text[:count]), len(text), most - len(CUT))] + CUT


def keep_end(text: str, most: int, measure: Callable[[str], int] = len) -> str:
    """Return a text of at most so many letters; of a longer one its end, from the beginning of a line if there is one."""
    if measure(text) <= most:
        return text
    mark = f"{CUT}\n"
    count = _fitting(lambda count: measure(text[len(text) - count :]), len(text), most - len(mark))
    kept = text[len(text) - count :] if count else ""
    _, line_end, whole_lines = kept.partition("\n")
    return mark + (whole_lines if line_end and whole_lines.strip() else kept)


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which some secrets are masked."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _fitting(length: Callable[[int], int], most_letters: int, most: int) -> int:
    """Return how many letters are not longer than `most`; the length grows with their number."""
    low, high = 0, most_letters
    while low < high:
        middle = (low + high + 1) // 2
        if length(middle) <= most:
            low = middle
        else:
            high = middle - 1
    return low
