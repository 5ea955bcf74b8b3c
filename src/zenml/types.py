"""Text that says what it is, so that it is stored and shown as such.

    @step
    def report() -> HTMLString:
        return HTMLString("<h1>Accuracy: 0.93</h1>")

The lowest layer: it imports nothing of the project.
"""

from __future__ import annotations


class HTMLString(str):
    """Text in HTML."""

    __slots__ = ()


class MarkdownString(str):
    """Text in Markdown."""

    __slots__ = ()


class CSVString(str):
    """A table as comma-separated values."""

    __slots__ = ()


class JSONString(str):
    """Text in JSON."""

    __slots__ = ()
