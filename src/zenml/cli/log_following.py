"""`zenml logs --follow`: what is printed, as it is printed, from any process of this machine.

The files are looked at ten times a second, the store only for steps that begin and for the end.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from zenml.cli.logs_command import logs_of

if TYPE_CHECKING:
    from typing import BinaryIO

    from zenml.cli.logs_command import Written
    from zenml.views.logs import StepLogs
    from zenml.views.run_view import RunView

POLL = 0.05
"""Seconds between two looks at the files."""
LOOKS_PER_QUESTION = 5
"""So often the files are looked at before the store is asked again."""


class Follower:
    """Reads one log on, from part to part."""

    def __init__(self, written: Written, *, tail: int | None, since: int | None) -> None:
        self.title = written.title
        self._logs: StepLogs = written.logs
        self._name = self._logs.uri
        self._file: BinaryIO = open(self._name, "rb")  # noqa: SIM115  # closed by `close`
        self._rest = b""
        if tail is not None:
            self._file.seek(-_size_of(self._logs.tail(tail)), 2)
        elif since is not None:
            self._file.seek(self._logs.offset_at(since))

    def read(self) -> bytes:
        """Return the whole lines that were added."""
        data = self._rest + self._file.read()
        for name in self._logs.parts():
            if name > self._name:  # the file that was read is complete
                data += self._file.read()
                self._file.close()
                self._name, self._file = name, open(name, "rb")  # noqa: SIM115
                data += self._file.read()
        cut = data.rfind(b"\n") + 1
        self._rest = data[cut:]
        return data[:cut]

    def close(self) -> bytes:
        """Return what is left, and give the file back."""
        data = self.read() + self._rest
        self._file.close()
        return data + b"\n" if data and not data.endswith(b"\n") else data


def follow_run(view: RunView, step: str | None, *, tail: int | None, since: int | None) -> None:
    """Print what the steps print until the run ends; a prefix names the step if there may be several."""
    followed: dict[str, Follower] = {}
    with_prefix = step is None
    while True:
        is_over = view.record.status != "running" or _has_ended(view, step)
        for written in logs_of(view, step):
            if written.logs.uri not in followed:
                followed[written.logs.uri] = Follower(written, tail=tail, since=since)
        for _ in range(1 if is_over else LOOKS_PER_QUESTION):
            for follower in followed.values():
                _print(follower, follower.read(), with_prefix=with_prefix)
            sys.stdout.flush()
            if not is_over:
                time.sleep(POLL)
        if is_over:
            for follower in followed.values():
                _print(follower, follower.close(), with_prefix=with_prefix)
            sys.stdout.flush()
            return
        view = view.refresh()


def _has_ended(view: RunView, step: str | None) -> bool:
    return step is not None and view.steps[step].record.ended_at is not None


def _print(follower: Follower, data: bytes, *, with_prefix: bool) -> None:
    text = data.decode(errors="backslashreplace")
    if with_prefix and text:
        text = "".join(f"{follower.title} | {line}\n" for line in text.splitlines())
    sys.stdout.write(text)


def _size_of(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
