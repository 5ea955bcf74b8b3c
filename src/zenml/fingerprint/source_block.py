"""The lines of a function or class in its file, for the diffs that explain why a step ran again.

Only indentation is looked at: this runs when a new plan is recorded, where importing `inspect`
would cost more than the whole run. The text is shown, never compared.
"""

from __future__ import annotations

from zenml.fingerprint.source_text import changed_since_start

LONGEST = 2_000
"""Lines of one block that are kept."""


class SourceFiles:
    """Reads blocks from files, each file once."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def block(self, file: str, line: int) -> str | None:
        """Return the block that begins at a line (from 1), without its common indentation, or None."""
        lines = self._lines.get(file)
        if lines is None:
            lines = self._lines[file] = _read(file)
        if not 0 < line <= len(lines):
            return None
        first = lines[line - 1]
        indent = len(first) - len(first.lstrip())
        block = lines[line - 1 : line - 1 + _length(lines[line - 1 :], indent)]
        return (
            "".join(text.lstrip(" ") if text[:indent].strip() else text[indent:] for text in block).rstrip()
            + "\n"
        )


def _length(lines: list[str], indent: int) -> int:
    """Return how many lines belong to the block: its decorators, its header, and all that is indented deeper."""
    is_header = True
    end = 0
    for number, text in enumerate(lines[:LONGEST]):
        stripped = text.strip()
        if not stripped:
            continue
        depth = len(text) - len(text.lstrip())
        if not is_header and depth <= indent and not stripped.startswith("#"):
            return end
        end = number + 1
        if is_header and stripped.partition("#")[0].rstrip().endswith(":"):
            is_header = False
    return end


def _read(file: str) -> list[str]:
    """Return the lines of a file; none if it is unreadable, or was changed after this process loaded it."""
    if changed_since_start(file):
        return []
    try:
        with open(file, encoding="utf-8", errors="replace") as text:
            return text.readlines()
    except OSError:
        return []
