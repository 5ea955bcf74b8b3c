"""One task on its way, as the owner's thread holds it: its socket, its output, what came so far."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from zenml.components.launcher import LaunchEnd, LaunchHandle, LaunchTask, OnBytes, OnEnd
from zenml.flavors.forkserver_link import ForkserverLink, Surroundings
from zenml.flavors.process_frames import ANSWER, ENTRY, PAYLOAD, Channel

_READ_SIZE = 64 * 1024  # what a pipe holds
_LARGE_PIPE = 512 * 1024  # what it is made to hold once a process prints all the time
_LAST_READS = 64  # of output at the end: more can only come from a process that escaped the step


_T = TypeVar("_T")


class Launch(LaunchHandle):
    """A launch from the request to its end; touched by the launcher's thread only.

    Attributes:
        link: the forkserver that runs it, once it was sent.
        channel: its step process's socket.
        output: the pipe that carries stdout and stderr.
        has_started: the forkserver has forked its process.
        stuck_after: when its forkserver is given up because it has not acted on a cancel.
    """

    def __init__(
        self,
        task: LaunchTask,
        surroundings: Surroundings,
        on_end: OnEnd,
        on_event: OnBytes,
        on_output: OnBytes,
    ) -> None:
        self.task = task
        self.surroundings = surroundings
        self.id = 0
        self.link: ForkserverLink | None = None
        self.channel: Channel | None = None
        self.output = -1
        self.has_started = False
        self.is_cancelled = False
        self.has_ended = False
        self.stuck_after: float | None = None
        self._on_end = on_end
        self._on_event = on_event
        self._on_output = on_output
        self._answer: bytes | None = None
        self._read_size = _READ_SIZE

    def open(self, link: ForkserverLink) -> tuple[int, int]:
        """Open the socket and the pipe, and begin to send; return the ends that the step process gets."""
        ours, theirs = socket.socketpair()
        try:
            self.output, output_in = os.pipe()
        except OSError:
            ours.close()
            theirs.close()
            raise
        os.set_blocking(self.output, False)
        self.link, self.channel = link, Channel(ours)
        self.channel.queue(ENTRY, self.task.entry.encode())
        self.channel.queue(PAYLOAD, self.task.payload)
        self.channel.flush()
        return theirs.detach(), output_in

    def take(self, frames: list[tuple[int, bytes]]) -> None:
        """Pass events on, and keep the answer for the end."""
        for kind, body in frames:
            if kind == ANSWER:
                self._answer = body
            else:
                _call(self._on_event, body)

    def may_rest(self) -> bool:
        """Tell whether the pipe has room for what is printed while nobody reads it for a moment."""
        if self._read_size == _READ_SIZE:
            try:
                fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _LARGE_PIPE)
            except (OSError, AttributeError):  # not on this system, or not for this user
                return False
            self._read_size = _LARGE_PIPE
        return True

    def read_output(self) -> bytes | None:
        """Pass output on; return it, b"" at its end, or None if there is none now."""
        try:
            data = os.read(self.output, self._read_size)
        except BlockingIOError:
            return None
        if data:
            if self.channel is not None:  # what was sent before this was printed has arrived by now
                self.take(self.channel.receive_rest())
            _call(self._on_output, data)
        return data

    def end(self, end: LaunchEnd) -> None:
        """Deliver what was sent and printed before the end, then the end."""
        self.has_ended = True
        if self.channel is not None:
            self.take(self.channel.receive_rest())
        if self.output >= 0:
            reads = 0
            while reads < _LAST_READS and self.read_output():
                reads += 1
        self.close()
        _call(self._on_end, msgspec.structs.replace(end, answer=self._answer, is_cancelled=self.is_cancelled))

    def close(self) -> None:
        """Close the owner's ends."""
        output, self.output = self.output, -1  # in this order: a fork in between must not close twice
        if output >= 0:
            os.close(output)
        if self.channel is not None:
            self.channel.close()


def _call(callback: Callable[[_T], None], argument: _T) -> None:
    try:
        callback(argument)
    except Exception:  # the border to the engine's code: its fault must not stop other launches
        sys.excepthook(*sys.exc_info())
