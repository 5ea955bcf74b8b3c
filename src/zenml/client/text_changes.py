"""How two texts differ, line by line."""

from __future__ import annotations

import msgspec

from zenml.reporting.reporter import count

MOST_LINES = 2000
"""Lines of each side that are compared: the comparison takes their product in the worst case."""
MOST_LETTERS = 1_000_000


class TextChange(msgspec.Struct, frozen=True):
    """Which lines of a text are others."""

    text: str
    """For people: `3 lines added, 1 removed`."""
    diff: str | None
    """A unified diff; None if the texts are too long to be compared by lines."""


def text_change(before: str, after: str, *, context: int = 3) -> TextChange:
    """Compare two texts that differ.

    Args:
        before: the earlier text.
        after: the later one.
        context: equal lines that the diff shows around a difference.
    """
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_LINES or max(len(before), len(after)) > MOST_LETTERS:
        return TextChange(f"other text, {len(old)} → {len(new)} lines", None)
    import difflib

    diff = list(difflib.unified_diff(old, new, "before", "after", lineterm="", n=context))
    if not diff:
        return TextChange("other line breaks", None)
    added = sum(line.startswith("+") for line in diff[2:])
    removed = sum(line.startswith("-") for line in diff[2:])
    return TextChange(f"{count(added, 'line')} added, {removed} removed", "\n".join(diff))
