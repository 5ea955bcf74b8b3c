"""The thread of a process launcher: it moves bytes between tasks and callbacks, and watches forkservers.

It sleeps until a socket, a pipe or another thread has something for it. Only `request` is called from
other threads.
"""

from __future__ import annotations

import itertools
import os
import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from zenml.components.launcher import LaunchEnd
from zenml.components.memory_size import oom_kills
from zenml.flavors.forkserver_link import ForkserverLink, Surroundings
from zenml.flavors.process_frames import Channel
from zenml.flavors.process_launch import Launch
from zenml.records.run import MemoryGuard

_IDLE_FORKSERVERS = 4  # kept for later tasks; each may hold the memory of heavy imports
_STUCK_SECONDS = 2.0  # a forkserver that does not act on a cancel by then hangs, for instance in an import
_REST_SECONDS = 0.001  # for which printed lines gather before they are read: a wake-up for each costs more
_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


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
        self._resting: deque[tuple[float, Launch]] = deque()  # whose output is read again at an instant
        self._may_preload = True
        self._oom_kills = oom_kills()
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
            except Exception as fault:  # one of ours; it must not leave the engine waiting for ever
                sys.excepthook(*sys.exc_info())
                self._give_up(fault)
        self.forget()

    def forget(self) -> None:
        """Close every descriptor; in a fork of the owner nothing else may be done with them."""
        for fd in self._wakeup_fds:
            os.close(fd)
        self._wakeup_fds = ()
        for link in self._links:
            link.forget()
        for launch in self._launches.values():
            launch.close()

    # -- requests

    def start(self, launch: Launch) -> None:
        """Send a task to a forkserver."""
        launch.id = next(self._ids)
        self._launches[launch.id] = launch
        try:
            self._send(launch)
        except (OSError, ValueError) as error:
            problem = f"No process for {launch.task.name} could be started: {error}."
            remedy = "Check its environment, and the limits on processes and open files."
            self._finish(launch, LaunchEnd(problem=f"{problem} {remedy}"))

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
        while self._resting and self._resting[0][0] <= now:
            self._watch_output(self._resting.popleft()[1])
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
        if self._resting:
            times.append(self._resting[0][0])
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
                problem = f"{launch.task.name} was not started: {details[0]}."
                self._finish(
                    launch, LaunchEnd(problem=f"{problem} Run fewer steps at once, or raise the limit.")
                )
            else:
                self._finish(launch, self._end_of(*details))
        if link.channel.is_at_end:
            self._lose(link)

    def _end_of(
        self, cpu_seconds: float, status: int, peak_memory: int, guard: MemoryGuard | None, is_over: int
    ) -> LaunchEnd:
        code = os.waitstatus_to_exitcode(status)
        is_oom_kill = False
        if code == -signal.SIGKILL:
            known, self._oom_kills = self._oom_kills, oom_kills()
            is_oom_kill = self._oom_kills > known
        return LaunchEnd(
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            peak_memory=peak_memory,
            cpu_seconds=cpu_seconds,
            memory_guard=guard,
            is_over_memory=bool(is_over),
            is_oom_kill=is_oom_kill,
        )

    def _on_launch(self, launch: Launch, mask: int) -> None:
        channel = launch.channel
        if channel is None or launch.has_ended:  # it ended earlier in this round
            return
        if mask & selectors.EVENT_WRITE:
            channel.flush()
            self._watch(channel)
        if mask & selectors.EVENT_READ:
            launch.take(channel.receive())
            if channel.is_at_end:
                self._unwatch(channel)

    def _on_output(self, launch: Launch, _mask: int) -> None:
        data = None if launch.has_ended else launch.read_output()
        if data is None:
            return
        if not data or launch.may_rest():
            self._unwatch(launch.output)
        if data and launch.may_rest():
            self._resting.append((time.monotonic() + _REST_SECONDS, launch))

    def _watch_output(self, launch: Launch) -> None:
        if not launch.has_ended and launch.output >= 0:
            self._selector.register(launch.output, selectors.EVENT_READ, partial(self._on_output, launch))

    # -- details

    def _send(self, launch: Launch) -> None:
        link = self._link_for(launch.surroundings)
        fds = launch.open(link)
        preload = launch.task.preload if self._may_preload else ()
        link.tell("launch", launch.id, preload, launch.task.memory_limit or 0, fds=fds)
        self._watch(link.channel)
        if launch.channel is not None:
            self._selector.register(launch.channel, _BOTH, partial(self._on_launch, launch))
            self._watch_output(launch)

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

    def _finish(self, launch: Launch, end: LaunchEnd) -> None:
        """Deliver what is still under way, then the end. The tree is gone, so all of it has arrived."""
        self._unwatch(launch.channel, launch.output)
        launch.end(end)
        del self._launches[launch.id]

    def _lose(self, link: ForkserverLink, *, by_force: bool = False) -> None:
        """Part from a forkserver that has left, or that does not leave; its steps end with it."""
        self._unwatch(link.channel)
        self._links.remove(link)
        link.release(by_force=by_force)
        for launch in [launch for launch in self._launches.values() if launch.link is link]:
            if launch.task.preload and not launch.has_started and not self._is_leaving:
                self._may_preload = False  # an import may have crashed it, or hung, and would do so again
            if launch.is_cancelled:
                self._finish(launch, LaunchEnd())
                continue
            problem = f"The forkserver of {launch.task.name} was killed or crashed, and the step with it."
            remedy = "Look for the cause in the system's log (such as a lack of memory), and run it again."
            self._finish(launch, LaunchEnd(problem=f"{problem} {remedy}"))

    def _give_up(self, fault: Exception) -> None:
        """End everything that is under way; later tasks begin anew."""
        for link in self._links.copy():
            self._lose(link, by_force=True)
        for launch in list(self._launches.values()):
            problem = f"{launch.task.name} was lost by a fault of the launcher: {fault!r}."
            self._finish(
                launch, LaunchEnd(problem=f"{problem} Please report it with the traceback on stderr.")
            )

    def _watch(self, channel: Channel) -> None:
        """Wait for room in the socket only while there is something to send."""
        wanted = _BOTH if channel.has_unsent else selectors.EVENT_READ
        key = self._selector.get_map().get(channel)
        if key is not None and key.events != wanted:
            self._selector.modify(channel, wanted, key.data)

    def _unwatch(self, *sources: Channel | int | None) -> None:
        for source in sources:
            if source not in {None, -1} and source in self._selector.get_map():
                self._selector.unregister(source)
