"""The thread of a process launcher: it moves bytes between tasks and callbacks, and watches forkservers.

It sleeps until a socket, a pipe or another thread has something for it. Only `request` is called from
other threads.
"""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec

from zenml.components.launcher import LaunchEnd, LaunchHandle, LaunchTask, OnBytes, OnEnd
from zenml.flavors.forkserver_link import ForkserverLink, Surroundings
from zenml.flavors.process_frames import ANSWER, ENTRY, PAYLOAD, Channel

_IDLE_FORKSERVERS = 4  # kept for later tasks; each may hold the memory of heavy imports
_STUCK_SECONDS = 2.0  # a forkserver that does not act on a cancel by then hangs, for instance in an import
_READ_SIZE = 64 * 1024  # what a pipe holds
_LAST_READS = 64  # of output at the end: more can only come from a process that escaped the step
_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


class Launch(LaunchHandle):
    """One task on its way, from `launch` to its end; it belongs to the thread."""

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
        self.on_end = on_end
        self.on_event = on_event
        self.on_output = on_output
        self.link: ForkserverLink | None = None
        self.channel: Channel | None = None
        self.output = -1
        self.id = 0
        self.answer: bytes | None = None
        self.has_started = False
        self.is_cancelled = False
        self.has_ended = False
        self.stuck_after: float | None = None  # when its forkserver is given up


class ProcessLoop:
    """Everything that happens on the launcher's thread."""

    def __init__(self) -> None:
        self._selector = selectors.PollSelector()  # an epoll would be shared with forks of the owner
        self._wakeup_fds: tuple[int, ...] = os.pipe()
        os.set_blocking(self._wakeup_fds[1], False)
        self._selector.register(self._wakeup_fds[0], selectors.EVENT_READ, self._on_wakeup)
        self._requests: deque[Callable[[], None]] = deque()
        self._launches: dict[int, Launch] = {}
        self._links: list[ForkserverLink] = []  # the one used last is at the end
        self._ids = itertools.count(1)
        self._may_preload = True
        self._is_leaving = False

    def request(self, action: Callable[[], None]) -> None:
        """Have the thread do something; called from any thread."""
        self._requests.append(action)
        try:
            os.write(self._wakeup_fds[1], b"\0")
        except BlockingIOError:  # so full that it wakes up anyway
            return

    def run(self) -> None:
        """Serve until `leave` was requested and everything is gone."""
        while not self._is_leaving or self._links:
            try:
                self._turn()
            except Exception:  # a fault of ours must not leave the engine waiting for ever
                sys.excepthook(*sys.exc_info())
                for link in self._links.copy():
                    self._lose(link, by_force=True)
        self.forget()

    def forget(self) -> None:
        """Close every descriptor; in a fork of the owner nothing else may be done with them."""
        for fd in self._wakeup_fds:
            os.close(fd)
        self._wakeup_fds = ()
        for link in self._links:
            link.forget()
        for launch in self._launches.values():
            _close(launch)

    # -- requests

    def start(self, launch: Launch) -> None:
        """Send a task to a forkserver."""
        launch.id = next(self._ids)
        self._launches[launch.id] = launch
        try:
            self._send(launch)
        except OSError as error:
            problem = f"No process for {launch.task.name} could be started: {error}."
            self._finish(
                launch, LaunchEnd(problem=f"{problem} Free that resource, or run fewer steps at once.")
            )

    def cancel(self, launch: Launch, grace: float) -> None:
        """Ask the forkserver to end the task's tree."""
        if launch.has_ended or launch.link is None:
            return
        launch.is_cancelled = True
        launch.stuck_after = time.monotonic() + grace + _STUCK_SECONDS
        launch.link.tell("cancel", launch.id, float(grace))
        self._watch(launch.link.channel)

    def leave(self) -> None:
        """End everything; `run` returns when it is gone."""
        self._is_leaving = True
        for launch in self._launches.values():
            launch.is_cancelled = True
        for link in self._links:
            link.end()

    # -- one round

    def _turn(self) -> None:
        for key, mask in self._selector.select(self._seconds_to_wait()):
            key.data(mask)
        while self._requests:
            self._requests.popleft()()
        now = time.monotonic()
        for launch in self._launches.values():
            if launch.link is not None and launch.stuck_after is not None and launch.stuck_after <= now:
                launch.stuck_after = None
                launch.link.end()
        for link in self._links.copy():
            if link.gone_by is not None and link.gone_by <= now:
                self._lose(link, by_force=True)

    def _seconds_to_wait(self) -> float | None:
        times = [launch.stuck_after for launch in self._launches.values() if launch.stuck_after is not None]
        times += [link.gone_by for link in self._links if link.gone_by is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _on_wakeup(self, _mask: int) -> None:
        os.read(self._wakeup_fds[0], 4096)

    def _on_link(self, link: ForkserverLink, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            link.channel.flush()
            self._watch(link.channel)
        if not mask & selectors.EVENT_READ:
            return
        for verb, launch_id, *details in link.receive():
            launch = self._launches[launch_id]
            if verb == "started":
                launch.has_started = True
            elif verb == "failed":
                self._finish(launch, LaunchEnd(problem=f"{launch.task.name} was not started: {details[0]}."))
            else:
                status, max_rss_kib, cpu_seconds = details
                code = os.waitstatus_to_exitcode(status)
                end = LaunchEnd(
                    exit_code=code if code >= 0 else None,
                    signal=-code if code < 0 else None,
                    max_rss_kib=max_rss_kib,
                    cpu_seconds=cpu_seconds,
                )
                self._finish(launch, end)
        if link.channel.is_at_end:
            self._lose(link)

    def _on_launch(self, launch: Launch, mask: int) -> None:
        channel = launch.channel
        if channel is None:  # it ended earlier in this round
            return
        if mask & selectors.EVENT_WRITE:
            channel.flush()
            self._watch(channel)
        if mask & selectors.EVENT_READ:
            self._take(launch, channel.receive())
            if channel.is_at_end:
                self._unwatch(channel)

    def _on_output(self, launch: Launch, _mask: int) -> None:
        if launch.output >= 0 and self._read_output(launch) == b"":
            self._unwatch(launch.output)
            output, launch.output = launch.output, -1  # in this order: a fork in between must not close twice
            os.close(output)

    # -- details

    def _send(self, launch: Launch) -> None:
        link = self._link_for(launch.surroundings)
        ours, theirs = socket.socketpair()
        try:
            launch.output, output_in = os.pipe()
        except OSError:
            ours.close()
            theirs.close()
            raise
        os.set_blocking(launch.output, False)
        launch.link, launch.channel = link, Channel(ours)
        preload = launch.task.preload if self._may_preload else ()
        link.tell("launch", launch.id, preload, fds=(theirs.detach(), output_in))
        launch.channel.queue(ENTRY, launch.task.entry.encode())
        launch.channel.queue(PAYLOAD, launch.task.payload)
        launch.channel.flush()
        self._selector.register(launch.output, selectors.EVENT_READ, partial(self._on_output, launch))
        self._selector.register(launch.channel, _BOTH, partial(self._on_launch, launch))
        self._watch(launch.channel)
        self._watch(link.channel)

    def _link_for(self, surroundings: Surroundings) -> ForkserverLink:
        """Return the forkserver of these surroundings; start it, and end one that is idle for longest."""
        link = next((x for x in self._links if x.gone_by is None and x.surroundings == surroundings), None)
        if link is not None:
            self._links.remove(link)
        else:
            busy = [launch.link for launch in self._launches.values()]
            idle = [x for x in self._links if x.gone_by is None and x not in busy]
            for old in idle[: len(idle) - _IDLE_FORKSERVERS + 1]:
                old.end()
            link = ForkserverLink(surroundings)
            self._selector.register(link.channel, _BOTH, partial(self._on_link, link))
        self._links.append(link)
        return link

    def _take(self, launch: Launch, frames: list[tuple[int, bytes]]) -> None:
        for kind, body in frames:
            if kind == ANSWER:
                launch.answer = body
            else:
                _call(launch.on_event, body)

    def _read_output(self, launch: Launch) -> bytes | None:
        """Pass output on; return it, b"" at its end, or None if there is none now."""
        try:
            data = os.read(launch.output, _READ_SIZE)
        except BlockingIOError:
            return None
        if data:
            _call(launch.on_output, data)
        return data

    def _finish(self, launch: Launch, end: LaunchEnd) -> None:
        """Deliver what is still under way, then the end. The tree is gone, so all of it has arrived."""
        del self._launches[launch.id]
        launch.has_ended = True
        if launch.channel is not None:
            self._take(launch, launch.channel.receive_rest())
            self._unwatch(launch.channel)
        if launch.output >= 0:
            reads = 0
            while reads < _LAST_READS and self._read_output(launch):
                reads += 1
            self._unwatch(launch.output)
        _close(launch)
        _call(
            launch.on_end,
            msgspec.structs.replace(end, answer=launch.answer, is_cancelled=launch.is_cancelled),
        )

    def _lose(self, link: ForkserverLink, *, by_force: bool = False) -> None:
        """Part from a forkserver that has left, or that does not leave; its steps end with it."""
        self._unwatch(link.channel)
        self._links.remove(link)
        link.release(by_force=by_force)
        for launch in [launch for launch in self._launches.values() if launch.link is link]:
            if launch.is_cancelled:
                self._finish(launch, LaunchEnd())
                continue
            if launch.task.preload and not launch.has_started:
                self._may_preload = False  # an import may have killed it, and would kill the next one
            problem = f"The forkserver of {launch.task.name} was killed or crashed, and the step with it."
            self._finish(
                launch, LaunchEnd(problem=f"{problem} Look for a cause in the system's log; run it again.")
            )

    def _watch(self, channel: Channel) -> None:
        """Wait for room in the socket only while there is something to send."""
        wanted = _BOTH if channel.has_unsent else selectors.EVENT_READ
        key = self._selector.get_map().get(channel)
        if key is not None and key.events != wanted:
            self._selector.modify(channel, wanted, key.data)

    def _unwatch(self, source: Channel | int) -> None:
        try:
            self._selector.unregister(source)
        except KeyError:  # it came to its end before
            return


def _call(callback: Callable[..., None], argument: object) -> None:
    try:
        callback(argument)
    except Exception:  # the border to the engine's code: its fault must not stop other launches
        sys.excepthook(*sys.exc_info())


def _close(launch: Launch) -> None:
    output, launch.output = launch.output, -1
    if output >= 0:
        os.close(output)
    if launch.channel is not None:
        launch.channel.close()
        launch.channel = None
