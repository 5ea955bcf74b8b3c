"""A stored log as a user reads it: its first lines, its last ones, or all, without reading more than that."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 64 * 1024
LEFT_OUT = b"[output left out here; the log is still being written]\n"
_ONE_TIME = struct.Struct("<qq")  # as written by `logs/step_log.py`: microseconds, offset


class StepLogs:
    """What a step printed, or a run outside its steps; read from the files whenever it is asked for."""

    def __init__(self, path: str) -> None:
        self.uri = path

    def head(self, count: int = 10) -> list[str]:
        """Return the first lines."""
        lines: list[str] = []
        for line in self.lines():
            if len(lines) >= count:
                break
            lines.append(line)
        return lines

    def tail(self, count: int = 10) -> list[str]:
        """Return the last lines, read from the end."""
        found: list[bytes] = []
        for path in reversed(self.parts()):
            found = _last_lines(path, count - len(found)) + found
            if len(found) >= count:
                break
        return [_text(line) for line in found]

    def lines(self, *, since: int | None = None) -> Iterator[str]:
        """Yield the lines without their line breaks; `since`: microseconds, to the second."""
        for block in self.blocks(since=since):
            yield from (_text(line) for line in block)

    def blocks(self, *, since: int | None = None) -> Iterator[list[bytes]]:
        """Yield lists of lines, each as it is in the file."""
        offset = 0 if since is None else self.offset_at(since)
        for number, path in enumerate(self.parts()):
            if number == 1 and not path.endswith(".000001"):
                yield [LEFT_OUT]
            try:
                with open(path, "rb") as file:
                    file.seek(offset)
                    while block := file.readlines(BLOCK):
                        yield block
            except FileNotFoundError:  # the log was closed and its parts were joined meanwhile
                return
            offset = 0

    def offset_at(self, since: int) -> int:
        """Return where the part begins that was written at a time or later."""
        found = 0
        try:
            with open(f"{self.uri}.times", "rb") as file:
                times = file.read()
        except FileNotFoundError:  # all of it was written within a second
            return 0
        for moment, offset in _ONE_TIME.iter_unpack(times[: len(times) // _ONE_TIME.size * _ONE_TIME.size]):
            if moment > since:
                break
            found = offset
        return found

    def parts(self) -> list[str]:
        """Return the files: one, and while a very long log is being written, two of its last part."""
        folder, name = os.path.split(self.uri)
        try:
            names = os.listdir(folder or ".")
        except FileNotFoundError:
            return []
        return [
            os.path.join(folder, one)
            for one in sorted(names)
            if one == name or (one.startswith(f"{name}.") and one[len(name) + 1 :].isdecimal())
        ]

    def __str__(self) -> str:
        return b"".join(line for block in self.blocks() for line in block).decode(errors="backslashreplace")


def _last_lines(path: str, count: int) -> list[bytes]:
    """Return the last lines of a file."""
    blocks: list[bytes] = []
    breaks = 0
    try:
        with open(path, "rb") as file:
            position = file.seek(0, os.SEEK_END)
            while position and breaks <= count:
                size = min(BLOCK, position)
                position -= size
                file.seek(position)
                blocks.append(file.read(size))
                breaks += blocks[-1].count(b"\n")
    except FileNotFoundError:  # its parts were joined meanwhile
        return []
    lines = b"".join(reversed(blocks)).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return lines[-count:] if count > 0 else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\n").decode(errors="backslashreplace")
