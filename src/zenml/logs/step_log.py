"""The log file of one step attempt, or of what a run printed outside its steps.

What is printed waits in memory until `log_writer` takes it to the file a few times a second; then a
killed process has lost less than the last second. What is printed in bulk goes to the file at
once, while the processor's caches still hold it. The file holds the text itself, line by line. When
each part was written stands in a second file beside it, `.times`, which begins with the second
second. Beyond a cap the first and the last part are kept.
"""

from __future__ import annotations

import os
import struct
import threading
import time

from zenml import fs
from zenml.context import masking
from zenml.logs import log_text, log_writer

HEAD = 92 << 20
"""Bytes at the beginning of a log that are always kept."""
SEGMENT = 4 << 20
"""Bytes of one file of the last part, of which two are kept: together at most 100 MB."""
BULK = 32 << 10
"""Bytes that do not wait for the writer."""
LONGEST_LINE = 1 << 20
"""Bytes of an unfinished line after which its beginning is written."""
MOST_WAITING = 8 << 20
"""Bytes that may wait in memory; beyond the head, older ones give way instead of holding up the step."""
SILENCE = 0.4
"""Seconds after which an unfinished line is written as it is."""
BAR_SECONDS = 10.0
"""Between two states of a progress bar that keeps moving on one line."""
ONE_TIME = struct.Struct("<qq")
"""An entry of `.times`: microseconds, and the size of the log before what was written then."""


class StepLog:
    """Appends what is printed to a file, in the order in which it comes, from any thread."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.was_written = False
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._lock = threading.RLock()
        """Guards what waits; held for moments only, and again by a signal handler that prints."""
        self._writing = threading.Lock()
        """Guards the files and what follows; held while the disk is waited for."""
        self._file = -1
        self._rest = b""
        self._rest_since = 0.0
        self._bar_written = 0.0
        self._is_midline = False
        self._size = 0
        self._is_closed = False
        self._is_forked = False
        self._has_failed = False
        self._dropped = 0
        self._left_out = 0
        self._segments: list[str] = []
        self._segment_size = 0
        self._last_time = 0.0

    def append(self, data: bytes) -> None:
        """Take what was printed; the step waits for the disk only with the head of a log, and for bulk."""
        with self._lock:
            if self._is_closed:  # by a thread that outlives its step
                return
            self.was_written = True
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            waiting = self._waiting_bytes
            if waiting > MOST_WAITING and self._size >= HEAD:
                while self._waiting_bytes > MOST_WAITING:
                    dropped = len(self._waiting.pop(0))
                    self._waiting_bytes -= dropped
                    self._dropped += dropped
                return
        if not self._is_forked:
            log_writer.watch(self)
        is_bulk = waiting >= BULK and self._size < HEAD and not self._writing.locked()
        if is_bulk or waiting > MOST_WAITING or self._is_forked:
            self.flush()

    def flush(self, *, is_final: bool = False) -> None:
        """Write what waits; an unfinished line only after a silence, or at the end."""
        with self._writing:
            with self._lock:
                chunks, self._waiting, self._waiting_bytes = self._waiting, [], 0
            try:
                self._take(chunks, is_final=is_final)
            except OSError as error:  # the disk is full or gone: the step goes on without a log
                self._give_up(error)

    def close(self) -> None:
        """Write the rest, join the parts, and give the files back."""
        with self._lock:
            self._is_closed = True
        if not self.was_written:
            return
        log_writer.forget(self)
        self.flush(is_final=True)
        with self._writing:
            try:
                self._join()
            except OSError as error:
                self._give_up(error)
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def begin_anew(self) -> None:
        """In a fork: what waits is its parent's to write; what comes is written at once."""
        self._is_forked = True
        self._lock, self._writing = threading.RLock(), threading.Lock()
        self._waiting, self._waiting_bytes, self._rest = [], 0, b""

    # With `_writing`

    def _take(self, chunks: list[bytes], *, is_final: bool) -> None:
        now = time.monotonic()
        if chunks:
            if not self._rest:
                self._rest_since = now
            lines, self._rest = _split([self._rest, *chunks])
            if lines:
                self._rest_since = now
                self._write_lines(lines)
        if self._rest and (is_final or self._is_due(now, has_grown=bool(chunks))):
            self._write_rest(now, is_final=is_final)

    def _is_due(self, now: float, *, has_grown: bool) -> bool:
        """Tell whether an unfinished line has waited long enough."""
        if b"\r" not in self._rest:
            return now - self._rest_since >= SILENCE or len(self._rest) >= LONGEST_LINE
        if has_grown:
            self._rest_since = now
            known = self._rest[
                : masking.begun_at(self._rest)
            ]  # a secret may have several lines, with `\\r\\n`
            state = known.rstrip(b"\r").rfind(b"\r") + 1
            self._rest = b"\r" + self._rest[state:]
        return now - self._rest_since >= SILENCE or now - self._bar_written >= BAR_SECONDS

    def _write_rest(self, now: float, *, is_final: bool) -> None:
        if is_final:
            part, self._rest = masking.mask_bytes(self._rest), b""
        else:
            known = self._rest[: log_text.unfinished_escape(self._rest)]
            end = min(masking.begun_at(known), log_text.unfinished(known))
            part, self._rest = self._rest[:end], self._rest[end:]
        self._rest_since = now
        if b"\r" in part:
            self._bar_written = now
        if part:
            self._write_lines(part + b"\n" if is_final else part)

    def _write_lines(self, data: bytes) -> None:
        if self._is_midline and b"\r" in data[: data.find(b"\n") + 1 or len(data)].rstrip(b"\r\n"):
            data = b"\n" + data  # the line is in the file already: its next state gets a line of its own
        data = log_text.clean(data)
        if not data:
            return
        self._is_midline = not data.endswith(b"\n")
        room = HEAD - self._size
        if room >= len(data):
            self._write_head(data)
            return
        cut = data.rfind(b"\n", 0, room) + 1 if room > 0 else 0
        if cut:
            self._write_head(data[:cut])
        self._size = HEAD
        self._write_tail(data[cut:])

    def _write_head(self, data: bytes) -> None:
        if self._file < 0:
            fs.make_folder(os.path.dirname(self.path))
            self._file = fs.open_to_append(self.path)
            self._last_time = time.monotonic()
        elif time.monotonic() - self._last_time >= 1:
            self._last_time = time.monotonic()
            times = fs.open_to_append(f"{self.path}.times")
            fs.write(times, ONE_TIME.pack(time.time_ns() // 1000, self._size))
            os.close(times)
        fs.write(self._file, data)
        self._size += len(data)

    def _write_tail(self, data: bytes) -> None:
        """Write to the last of two files; when it is full, the first one goes and a new one begins."""
        start = 0
        if len(data) > 2 * SEGMENT:
            start = data.find(b"\n", len(data) - 2 * SEGMENT) + 1
            self._left_out += start
        while start < len(data):
            if not self._segments or self._segment_size >= SEGMENT:
                self._begin_segment()
            # A file ends with a line, and may be a line too large for that.
            end = data.find(b"\n", start + SEGMENT - self._segment_size - 1) + 1 or len(data)
            file = fs.open_to_append(self._segments[-1])
            try:
                fs.write(file, memoryview(data)[start:end])
            finally:
                os.close(file)
            self._segment_size += end - start
            start = end

    def _begin_segment(self) -> None:
        number = int(self._segments[-1].rpartition(".")[2]) + 1 if self._segments else 1
        self._segments.append(f"{self.path}.{number:06}")
        self._segment_size = 0
        if len(self._segments) > 2:
            oldest = self._segments.pop(0)
            self._left_out += os.path.getsize(oldest)
            fs.remove(oldest)

    def _join(self) -> None:
        left_out = self._left_out + self._dropped
        if self._segments and left_out:
            fs.write(self._file, f"[{left_out:,} bytes left out]\n".encode())
        for segment in self._segments:
            fs.write(self._file, fs.read_whole(segment))
        for segment in self._segments:
            fs.remove(segment)
        self._segments.clear()

    def _give_up(self, error: OSError) -> None:
        from zenml.logs.output import terminal

        if not self._has_failed:
            self._has_failed = True
            text = (
                f"The log `{self.path}` is incomplete: {error.strerror}. Make room, and run the step again.\n"
            )
            terminal().write(text)


def _split(chunks: list[bytes]) -> tuple[bytes, bytes]:
    """Return whole lines, masked, and the rest; one chunk of whole lines is not even copied."""
    for number in range(len(chunks) - 1, -1, -1):
        cut = chunks[number].rfind(b"\n") + 1
        if cut:
            lines = _joined([*chunks[:number], chunks[number][:cut]])
            rest = _joined([chunks[number][cut:], *chunks[number + 1 :]])
            break
    else:
        lines, rest = b"", _joined(chunks)
    if masking.is_needed():
        masked, begun = masking.mask_begun(log_text.without_escapes(lines + rest))
        cut = masked.rfind(b"\n") + 1
        lines, rest = masked[:cut], masked[cut:] + begun
    return lines, rest


def _joined(chunks: list[bytes]) -> bytes:
    return b"".join([chunk for chunk in chunks if chunk])  # of a single one, `join` returns the very one
