"""Sending what a step prints to the step's own log as well as to the terminal.

While a run is active, `sys.stdout` and `sys.stderr` are routers: each write goes on to the
real stream and, by the context variable, to the log of the step that runs in this thread or
task. Outside a step they only pass through. The log file is made at the first line.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from zenml.context import session

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_writer: Callable[[str, bool], None] | None = None
"""Who takes what steps print while the terminal shows something else than lines."""


class StepLog:
    """The log file of one step attempt: whole lines, appended, visible to others at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.was_written = False
        self._file = -1
        self._rest = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Append text; what does not end in a line break yet waits for the rest of its line."""
        with self._lock:
            text = self._rest + text
            cut = text.rfind("\n") + 1
            self._rest = text[cut:]
            if cut:
                self._append(text[:cut].encode(errors="backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        """Append raw output of another process; invalid bytes are escaped."""
        self.write(data.decode(errors="backslashreplace"))

    def close(self) -> None:
        """Write an unfinished last line and give the file back."""
        with self._lock:
            if self._rest:
                self._append(self._rest.encode(errors="backslashreplace") + b"\n")
                self._rest = ""
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _append(self, data: bytes) -> None:
        if self._file < 0:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            self.was_written = True
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self._file, data)


class _Router:
    """Stands in for a standard stream; everything but `write` is the real stream's."""

    def __init__(self, stream: Any, *, is_error: bool) -> None:
        self._stream = stream
        self._is_error = is_error

    def write(self, text: str) -> int:
        """Write to the log of the step that is running here, and to the real stream."""
        log = getattr(session.active.get(), "log", None)
        if log is not None:
            log.write(text)
        writer = _writer
        if writer is not None:
            writer(text, self._is_error)
            return len(text)
        written: int = self._stream.write(text)
        return written

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Capture:
    """Routes the standard streams while at least one run of this process is active."""

    _lock = threading.Lock()
    _users = 0
    _real: tuple[Any, Any] = (None, None)

    def __enter__(self) -> Self:
        cls = type(self)
        with cls._lock:
            cls._users += 1
            if cls._users == 1:
                cls._real = (sys.stdout, sys.stderr)
                sys.stdout = _Router(sys.stdout, is_error=False)
                sys.stderr = _Router(sys.stderr, is_error=True)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        cls = type(self)
        with cls._lock:
            cls._users -= 1
            if cls._users == 0:
                # Somebody else may have replaced a stream meanwhile; then it is theirs to restore.
                if isinstance(sys.stdout, _Router):
                    sys.stdout = sys.stdout._stream
                if isinstance(sys.stderr, _Router):
                    sys.stderr = sys.stderr._stream


def divert(writer: Callable[[str, bool], None] | None) -> None:
    """Hand what steps print to a writer, with whether it is an error, instead of the real streams; None ends it."""
    global _writer
    _writer = writer


def say(text: str) -> None:
    """Write a message of our own to standard error, or to whoever takes what is printed."""
    writer = _writer
    if writer is not None:
        writer(text, True)
        return
    stream = terminal()
    stream.write(text)
    stream.flush()


def terminal() -> Any:
    """Return the real standard error, for messages of our own."""
    return unrouted(sys.stderr)


def unrouted(stream: Any) -> Any:
    """Return the real stream behind a standard stream."""
    return stream._stream if isinstance(stream, _Router) else stream
