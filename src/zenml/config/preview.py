"""A value as messages show it: its beginning, on one line."""

from __future__ import annotations

LONGEST = 80


def preview(value: object) -> str:
    """Show the beginning of a value on one line, without addresses; a value that cannot be shown gives its type."""
    import re
    import reprlib

    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = LONGEST
    try:
        text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(shortener.repr(value).split()))
    except Exception:  # a user's __repr__ may fail, and this runs while another error is reported
        return f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
