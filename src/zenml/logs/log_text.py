"""What becomes of text on its way into a log file: readable lines, whatever was printed.

Escape sequences of the terminal are left out (the terminal has shown them; a stored one could
still act on the terminal of a later reader), of a progress bar the last state of each line is
kept, and bytes that are no UTF-8 are escaped.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[PX^_][^\x1b\n]*(?:\x1b\\)?|[ -/]*[0-~])?"
)

_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b\n]*\x1b?|[PX^_][^\x1b\n]*\x1b?|[ -/]*)\Z")


def without_escapes(data: bytes) -> bytes:
    """Return text without escape sequences, but for one at its end that may go on.

    A secret is looked for in what is stored: one of which a part is colored has a sequence in it.
    """
    if b"\x1b" not in data:
        return data
    end = unfinished_escape(data)
    return _ESCAPE.sub(b"", data[:end]) + data[end:]


def unfinished_escape(data: bytes) -> int:
    """Return where an escape sequence begins that may go on after the end of the text; its length if none does."""
    found = _UNFINISHED.search(data) if b"\x1b" in data else None
    return len(data) if found is None else found.start()


def clean(lines: bytes) -> bytes:
    """Return whole lines, fit to be stored."""
    if b"\x1b" in lines:
        lines = _ESCAPE.sub(b"", lines)
    if b"\r" in lines:
        lines = b"\n".join([last_state(line) if b"\r" in line else line for line in lines.split(b"\n")])
    if not lines.isascii():
        lines = lines.decode(errors="backslashreplace").encode()
    return lines


def last_state(line: bytes) -> bytes:
    """Return what a line shows that was written over several times."""
    states = [state for state in line.split(b"\r") if state.strip()]
    return states[-1] if states else b""


def unfinished(data: bytes) -> int:
    """Return where the last character begins if some of its bytes are still to come."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if back < needed else len(data)
        if byte < 0x80:
            break
    return len(data)
