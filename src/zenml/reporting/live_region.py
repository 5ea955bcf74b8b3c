"""Lines at the bottom of the terminal that are drawn again and again, below whatever is printed meanwhile.

The terminal is never put into a state that must be undone: the cursor stays visible, lines wrap,
nothing is read. So a program that is killed, stopped or left at any moment leaves it usable.
"""

from __future__ import annotations

import builtins
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console

from zenml.logs import output
from zenml.reporting.drawing import plain_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.text import Text

MOST_WAITING = 64 * 1024
"""Characters that wait to be shown; whoever prints more shows them, and so is no faster than the terminal."""
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""What is between them appears at once, on terminals that know how; others pass over it."""


class LiveRegion:
    """The region, from `open` to `close`; texts may come from any thread."""

    def __init__(self, screen: Any, printed: Any, *, has_colours: bool) -> None:
        self._streams = (printed, screen)
        self._is_shown = (printed.isatty(), True)
        self._process = os.getpid()
        self._waiting: deque[tuple[str, bool]] = deque()
        self._unshown = 0
        self._unfinished = ["", ""]
        """What was printed after the last line break, for each stream."""
        self._lines: list[str] = []
        self._widths: list[int] = []
        """Columns of the lines that are on the terminal now."""
        self._lock = threading.RLock()
        self._is_open = self._is_closed = False
        self._input: Callable[..., str] = builtins.input
        self._console = Console(
            file=screen,
            force_terminal=True,
            color_system="standard" if has_colours else None,
            legacy_windows=False,
        )

    def size(self) -> tuple[int, int]:
        """Return columns and lines of the terminal as it is now."""
        try:
            found = os.get_terminal_size(self._streams[True].fileno())
        except (OSError, ValueError):
            return 80, 24
        return found.columns or 80, found.lines or 24

    def open(self) -> None:
        """Begin to take what is printed."""
        self._is_open = True
        output.divert(self.write)
        # A question, also one of the debugger, is asked without the region: it would be drawn over.
        self._input, builtins.input = builtins.input, self._ask

    def write(self, text: str, is_error: bool) -> None:  # noqa: FBT001  the signature of `output.divert`
        """Have a text shown above the region with the next drawing."""
        if not self._is_open or not self._is_shown[is_error] or os.getpid() != self._process:
            self._streams[is_error].write(text)  # to a file, or in a fork, where nobody draws
            return
        self._waiting.append((text, is_error))
        self._unshown += len(text)
        if self._unshown > MOST_WAITING:
            self._put()

    def draw(self, picture: Text) -> None:
        """Show what was printed, and the picture below it in place of the last one."""
        lines = picture.split("\n")
        with self._lock:
            if not self._is_open:
                return
            self._lines = [self._painted(line) for line in lines]
            self._put([line.cell_len for line in lines])

    def close(self, picture: Text | None = None) -> None:
        """Leave the last picture where it is, and let prints go their way again."""
        with self._lock:
            output.divert(None)
            builtins.input = self._input
            self._is_open, self._is_closed = True, True  # also while somebody is asked
            self._finish_lines()
            if picture is None:
                self._clear()
            else:
                self.draw(picture)
                self._send("\n")
            self._is_open = False

    def _ask(self, *args: Any) -> str:
        with self._lock:
            output.divert(None)
            self._put()
            begun, self._unfinished = self._unfinished, ["", ""]
            self._clear()
            self._is_open = False
            for text, stream in zip(begun, self._streams, strict=True):
                stream.write(text)
                stream.flush()
        try:
            return self._input(*args)
        finally:
            with self._lock:
                if not self._is_closed:
                    self._is_open = True
                    output.divert(self.write)

    def _clear(self) -> None:
        self._lines = []
        self._put([])

    def _put(self, widths: list[int] | None = None) -> None:
        """Show what waits, and the lines again; `widths` are those of lines that are new."""
        with self._lock:
            if not self._is_open:
                return
            columns, _ = self.size()
            start = self._back_to_start(columns)
            above = self._take_finished()
            rest = [plain_line(text.lstrip("\r"), columns) for text in self._unfinished if text.strip()]
            if above:
                self._send(f"{_BEGIN}{start}\x1b[J")
                for text, is_error in above:
                    stream = self._streams[is_error]
                    stream.write(text)
                    stream.flush()
                start = "\x1b[0m" if any("\x1b" in text for text, _ in above) else ""
            self._send(f"{_BEGIN}{start}" + "\x1b[K\n".join([*rest, *self._lines]) + f"\x1b[J{_END}")
            if widths is None:
                widths = self._widths[len(self._widths) - len(self._lines) :]
            self._widths = [cell_len(text) for text in rest] + widths

    def _take_finished(self) -> list[tuple[str, bool]]:
        """Return the whole lines that wait; what is unfinished waits for its end."""
        found: list[tuple[str, bool]] = []
        self._unshown = 0
        while self._waiting:
            text, is_error = self._waiting.popleft()
            text = self._unfinished[is_error] + text
            cut = text.rfind("\n") + 1
            if cut:
                found.append((text[:cut], is_error))
            rest = text[cut:]
            # Of a line that a step draws over and over, what can still be seen.
            self._unfinished[is_error] = rest[max(0, rest.rfind("\r", 0, max(0, len(rest) - 1))) :]
        return found

    def _finish_lines(self) -> None:
        for is_error, text in enumerate(self._unfinished):
            if text:
                self._waiting.append(("\n", bool(is_error)))

    def _back_to_start(self, columns: int) -> str:
        """Return what moves the cursor to the start of the region, which may wrap since it was narrowed."""
        rows = sum(max(1, -(-width // columns)) for width in self._widths)
        return f"\r\x1b[{rows - 1}A" if rows > 1 else "\r"

    def _painted(self, line: Text) -> str:
        with self._console.capture() as captured:
            self._console.print(line, end="", soft_wrap=True, highlight=False)
        return captured.get()

    def _send(self, text: str) -> None:
        screen = self._streams[True]
        screen.write(text)
        screen.flush()
