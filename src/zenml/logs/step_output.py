"""What one step prints, on its way to the terminal and to its log.

Text goes through a `TextIOWrapper` for each stream, as it does without us, so that a `print` costs
what it costs anyway: no Python code runs for it. Python code runs for each piece that the wrapper
passes on, a line on a terminal and 64 KiB elsewhere.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

from zenml.logs import log_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.logs.step_log import StepLog

CHUNK = 64 * 1024
"""Bytes that wait for the next round of the log writer at most, where nobody looks at each line."""

MOST_PIECES = 200
"""Lines of a tenth of a second that are shown one by one; faster ones could not be read anyway."""
LOCK_SECONDS = 0.01
"""How long a round waits for a step that is just printing; the next round comes soon."""


class Terminal:
    """Where all that steps print is shown: the real streams, or a writer that stands in for them."""

    writer: Callable[[str, bool], None] | None = None


class Sink:
    """Takes bytes of one stream: to the log at once, to the terminal as whole lines."""

    closed = False  # what a `TextIOWrapper` asks before each write

    def __init__(
        self, log: StepLog | None, stream: Any, lock: threading.RLock | None = None, *, is_error: bool
    ) -> None:
        self._log = log
        self._real = stream
        self._lock = lock or threading.RLock()
        self._is_error = is_error
        self._rest = b""
        self.pieces = 0
        """How often this was written to since the last round."""
        self._takes_bytes = _takes_bytes(stream)
        self.earlier: io.TextIOWrapper | None = None
        """The other stream of the same step, whose text came before what is written now."""

    def write(self, data: bytes) -> int:
        """Pass whole lines on; the rest waits for its line to end, or for a flush."""
        with self._lock:
            self.pieces += 1
            if self.earlier is not None:
                self.earlier.flush()
            if self._log is not None:
                self._log.append(data)
            cut = data.rfind(b"\n") + 1
            if not cut:
                self._rest += data
            elif self._rest or cut < len(data):
                lines, self._rest = self._rest + data[:cut], data[cut:]
                self._show(lines)
            else:
                self._show(data)
        return len(data)

    def flush(self) -> None:
        """Show an unfinished line too."""
        with self._lock:
            rest, self._rest = self._rest, b""
            if rest:
                self._show(rest)
            self.push()

    def push(self) -> None:
        """Have the terminal show what was passed on to it."""
        if Terminal.writer is None and self._real is not None:
            self._real.flush()

    def begin_anew(self) -> None:
        """In a fork: its parent shows what waits."""
        self._lock, self._rest = threading.RLock(), b""

    def _show(self, data: bytes) -> None:
        if Terminal.writer is not None:
            Terminal.writer(data.decode(errors="backslashreplace"), self._is_error)
        elif self._takes_bytes:
            self._real.buffer.write(data)
        elif self._real is not None:
            text = data.decode(errors="backslashreplace")
            try:
                self._real.write(text)
            except UnicodeEncodeError:  # a terminal that does not know all characters
                self._real.write(text.encode("ascii", "backslashreplace").decode())

    # What a `TextIOWrapper` asks of what it writes to

    def readable(self) -> bool:
        """Say no."""
        return False

    def writable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say no."""
        return False

    def close(self) -> None:
        """Stay as it is: the real stream is not ours to close."""


class StepOutput:
    """The two streams of a step in this process; made when it prints for the first time."""

    def __init__(self, log: StepLog | None, streams: tuple[Any, Any]) -> None:
        self._log = log
        self._lock = threading.RLock()
        self._sinks = tuple(
            Sink(log, stream, self._lock, is_error=is_error)
            for stream, is_error in zip(streams, (False, True), strict=True)
        )
        self._is_by_line = _is_by_line(streams[0])
        self.texts = (
            _text_stream(self._sinks[0], is_by_line=self._is_by_line),
            _text_stream(self._sinks[1], is_by_line=True),
        )
        self._sinks[True].earlier = self.texts[False]
        log_writer.watch(self)

    def write(self, text: str, *, is_error: bool) -> None:
        """Take text of another thread than the step's own."""
        with self._lock:
            for stream in self.texts:
                stream.flush()
            self._sinks[is_error].write(text.encode(errors="backslashreplace"))

    def flush(self) -> None:
        """Pass on what waits, unless the step is just doing that."""
        # The lock comes first: what is taken from a text stream reaches the log before anything later.
        if self._lock.acquire(timeout=LOCK_SECONDS):
            try:
                self._flush()
                self._adapt()
            finally:
                self._lock.release()

    def begin_anew(self) -> None:
        """In a fork: its parent shows and writes what waits; this process shows each line."""
        self._lock = threading.RLock()
        for sink, text in zip(self._sinks, self.texts, strict=True):
            sink.begin_anew()
            sink._lock = self._lock
            text.reconfigure(line_buffering=True)

    def close(self) -> None:
        """Pass on the rest."""
        log_writer.forget(self)
        with self._lock:
            try:
                self._flush()
            except (OSError, ValueError):  # the terminal is gone; that is no reason to fail a step
                return

    def _adapt(self) -> None:
        """Show each line as it comes, but lines that come very fast together, at the next round.

        That holds for standard output only: each error passes at once, after all output before it.
        """
        text, sink = self.texts[0], self._sinks[0]
        pieces, sink.pieces = sink.pieces, 0
        if self._is_by_line:
            if text.line_buffering and pieces > MOST_PIECES:
                text.reconfigure(line_buffering=False)
            elif not text.line_buffering and pieces <= 2:
                text.reconfigure(line_buffering=True)

    def _flush(self) -> None:
        for text in self.texts:
            text.flush()


def _text_stream(sink: Any, *, is_by_line: bool) -> io.TextIOWrapper:
    stream = io.TextIOWrapper(
        sink,
        "utf-8",
        "backslashreplace",
        newline="\n",
        line_buffering=is_by_line,
    )
    stream._CHUNK_SIZE = CHUNK  # type: ignore[attr-defined]  # typeshed leaves it out
    return stream


def _is_by_line(stream: Any) -> bool:
    """Tell whether somebody wants to see each line at once; a stream of an unknown kind may."""
    is_unbuffered = getattr(stream, "write_through", False)  # `python -u`
    return Terminal.writer is not None or is_unbuffered or getattr(stream, "line_buffering", True)


def _takes_bytes(stream: Any) -> bool:
    """Tell whether a stream does nothing to text but write it as UTF-8."""
    if getattr(type(stream), "write", None) is not io.TextIOWrapper.write or not hasattr(stream, "buffer"):
        return False
    return str(stream.encoding).lower().replace("_", "-") in {"utf-8", "utf8"}
