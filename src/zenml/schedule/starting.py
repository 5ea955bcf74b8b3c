"""Starting scheduled runs: so many at once, the others in the order in which they were due."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from zenml.schedule.nursery import MOST_BYTES
from zenml.schedule.scheduler import StartEnd

if TYPE_CHECKING:
    from zenml.schedule.scheduler import Start

_TAIL = 4096
_LONGEST = 1000


class ProcessStarter:
    """Starts each run in a process of its own, forked from one that is warm.

    Args:
        root: the folder of the store.
        most: how many of its processes live at once; further runs wait.
    """

    def __init__(self, root: str, most: int) -> None:
        self._root = root
        self._most = most
        self._waiting: deque[Start] = deque()
        self._living: dict[str, Start] = {}
        """By id of the run."""
        self._ended: list[StartEnd] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket
        self._begin()

    @property
    def descriptor(self) -> int:
        """What becomes readable when a process has ended."""
        return self._control.fileno()

    def start(self, start: Start) -> None:
        """See `Starter.start`."""
        self._waiting.append(start)
        self._start_waiting()

    def has(self, run_id: str) -> bool:
        """See `Starter.has`."""
        return run_id in self._living or any(one.tick.run_id == run_id for one in self._waiting)

    def ended(self) -> list[StartEnd]:
        """See `Starter.ended`."""
        self._receive()
        found, self._ended = self._ended, []
        return found

    def close(self) -> None:
        """Start nothing more; what runs goes on."""
        self._control.close()
        if self._process is not None:
            self._process.wait()

    def _begin(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "zenml.schedule.nursery", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        ours.setblocking(False)
        self._control = ours

    def _start_waiting(self) -> None:
        while self._waiting and len(self._living) < self._most:
            start = self._waiting[0]
            task = {
                "run_id": start.tick.run_id,
                "arguments": [self._root, start.schedule.id, start.tick.key],
                "python": start.schedule.python,
                "log": _log_of(self._root, start.tick.run_id),
            }
            try:
                self._control.send(json.dumps(task).encode())
            except BlockingIOError:  # it is taken up once the nursery has forked what it was given
                return
            except OSError:
                self._begin_again()
                return
            self._waiting.popleft()
            self._living[start.tick.run_id] = start

    def _receive(self) -> None:
        while True:
            try:
                message = self._control.recv(MOST_BYTES)
            except BlockingIOError:
                break
            except OSError:
                message = b""
            if not message:
                self._begin_again()
                break
            self._take(json.loads(message))
        self._start_waiting()

    def _take(self, message: dict[str, Any]) -> None:
        run_id = message["run_id"]
        if self._living.pop(run_id, None) is None:
            return
        problem = message.get("problem") or self._problem(run_id, message["status"])
        self._ended.append(StartEnd(run_id=run_id, problem=problem))

    def _begin_again(self) -> None:
        """Replace a nursery that has died. What it had started is left alone: it ends with its run, or never begins one."""
        self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        problem = "the process that starts runs was killed"
        self._ended += [StartEnd(run_id=run_id, problem=problem) for run_id in self._living]
        self._living.clear()
        self._begin()

    def _problem(self, run_id: str, status: int) -> str:
        """Return what became of a process, with the last of what it printed."""
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        try:
            with open(_log_of(self._root, run_id), "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        said = lines[-1].removeprefix("Error: ")[:_LONGEST] if lines else ""
        return said or f"its process {how} before the run began"


def _log_of(root: str, run_id: str) -> str:
    return os.path.join(root, "logs", run_id, "process.log")
