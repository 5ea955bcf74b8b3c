"""The process that forks a fresh process for each step.

It imports what steps share and forks one child per task; it has one thread, because a fork copies only
one. It reaps the steps, and ends what they leave behind, before the owner hears that a step has ended.
`zenml.flavors.process_warden` starts it and shows where it stands. Only light modules are imported here:
they delay the first step.
"""

from __future__ import annotations

import array  # noqa: F401  `socket.recv_fds` imports it late, when a user's file of that name would be found
import gc
import marshal
import os
import select
import signal
import socket
import sys
import time
import warnings

from zenml.flavors import process_child
from zenml.flavors.memory_cgroup import MemoryCgroup, open_group
from zenml.flavors.memory_watch import MemoryWatch
from zenml.flavors.process_frames import MESSAGE, receive_frame, send_frame
from zenml.flavors.process_tree import children_of, descendants_of, send_signal

_MEMORY_GRACE = 1.0  # between SIGTERM and SIGKILL for a tree that takes more memory than it may
_UNKILLABLE_SECONDS = 2.0  # a process of another user, or one stuck in the kernel, is not waited for longer


class _Task:
    """A step process, from its fork until the owner is told of its end."""

    def __init__(self, task_id: int, pid: int) -> None:
        self.id = task_id
        self.pid = pid
        self.family: frozenset[int] = frozenset()  # got SIGTERM with it; spared until the deadline
        self.deadline: float | None = None  # when SIGKILL follows SIGTERM
        self.give_up = 0.0  # when the end is told even if something below survives
        self.report: tuple[float | str | None, ...] = ()
        self.cpu_seconds = 0.0
        self.watch: MemoryWatch | None = None  # these two: where its memory has a cap
        self.group: MemoryCgroup | None = None

    def guard_memory(self, cap: int) -> None:
        """Have the kernel keep the cap of the whole tree, or else a watchdog."""
        group = open_group(f"zenml-{os.getpid()}-{self.id}", cap)
        if group is not None and group.add(self.pid):  # it has read nothing of its step yet
            self.group = group
        else:
            self.watch = MemoryWatch(self.pid, cap, time.monotonic())

    def memory(self) -> tuple[int, str | None, int]:
        """Return the peak of the whole tree, what guarded it, and whether it had more than its cap."""
        if self.group is not None:
            found = (self.group.peak, "cgroup", int(self.group.is_over))
            self.group.remove()
            return found
        return (0, None, 0) if self.watch is None else (self.watch.peak, "watchdog", int(self.watch.is_over))

    def is_in_grace(self, now: float) -> bool:
        return self.deadline is not None and now < self.deadline


class Forkserver:
    """Forks, reaps and ends step processes, as the owner asks."""

    def __init__(
        self, control: socket.socket, lifeline: int, bond: socket.socket, watched: list[int]
    ) -> None:
        self._control = control
        self._lifeline = lifeline
        self._bond = bond
        self._watched = watched
        self._wakeup, self._wakeup_in = os.pipe()
        self._running: dict[int, _Task] = {}  # by process id
        self._ended: list[_Task] = []  # reaped; the owner is told when nothing of them is left
        self._is_leaving = False
        self._asked_modules: set[str] = set()
        self._folder, *self._path = sys.argv[2:]
        self._arguments: list[str] = []

    def serve(self) -> None:
        """Answer the owner until it, or the warden, is gone; then end everything."""
        gc.disable()  # a collection would touch, and so copy, pages that the steps share
        os.set_blocking(self._wakeup_in, False)
        self._listen_for_children()
        poll = select.poll()
        for fd in (self._control.fileno(), self._bond.fileno(), self._wakeup, *self._watched):
            poll.register(fd, select.POLLIN)
        last = {self._bond.fileno(), *self._watched}
        while True:
            ready = {fd for fd, _ in poll.poll(self._milliseconds_to_wait())}
            if ready & last or (self._control.fileno() in ready and not self._obey()):
                break
            if self._wakeup in ready:
                os.read(self._wakeup, 4096)
            self._look_after_tasks()
        self._end_everything()

    def _obey(self) -> bool:
        """Do what the owner's next message says; return False if there will be none."""
        try:
            _, body, fds = receive_frame(self._control)
        except (EOFError, OSError):
            return False
        verb, *details = marshal.loads(body)  # noqa: S302  # from the owner, over an inherited socket
        if verb == "launch":
            self._launch(fds, *details)
        elif verb == "cancel":
            self._cancel(*details)
        else:
            self._arguments = details
            self._restore_surroundings()
        return True

    def _tell(self, *message: str | float | None) -> None:
        try:
            if not self._is_leaving:
                send_frame(self._control, MESSAGE, marshal.dumps(message))
        except OSError:  # the owner is gone, which `serve` is about to notice
            return

    # -- launching

    def _launch(self, fds: list[int], task_id: int, modules: tuple[str, ...], memory_limit: int) -> None:
        if len(fds) < 2:  # the kernel drops descriptors that do not fit into the table
            for fd in fds:
                os.close(fd)
            self._tell("failed", task_id, "the forkserver has too many open files")
            return
        self._import(modules)
        gc.freeze()  # what exists now is never looked at by the children's collector
        try:
            pid = _fork()
        except OSError as error:
            self._tell("failed", task_id, f"the system refused another process ({error})")
        else:
            if pid == 0:
                try:
                    self._become_child(fds)
                finally:
                    os._exit(1)
            task = self._running[pid] = _Task(task_id, pid)
            if memory_limit:
                task.guard_memory(memory_limit)
            self._tell("started", task_id, pid)
        for fd in fds:
            os.close(fd)

    def _become_child(self, fds: list[int]) -> None:
        self._control.close()
        self._bond.close()
        for fd in (self._wakeup, self._wakeup_in, *(fd for fd in self._watched if fd != self._lifeline)):
            os.close(fd)
        connection, output = fds
        process_child.run(socket.socket(fileno=connection), output, self._lifeline)

    def _import(self, modules: tuple[str, ...]) -> None:
        """Import what steps share, silently and as far as it works; a step's own import tells the rest."""
        new = [name for name in modules if name not in self._asked_modules and name != "__main__"]
        if not new:
            return
        self._asked_modules.update(new)
        with _Silence():
            for name in new:
                try:
                    __import__(name)
                except BaseException:  # noqa: S112  # the border to user code, which may even exit here
                    continue
        self._restore_surroundings()

    def _restore_surroundings(self) -> None:
        """Set what an import may have changed, and what steps expect to be as the owner has it."""
        os.chdir(self._folder)
        sys.path[:] = self._path
        sys.argv[:] = self._arguments
        self._listen_for_children()

    def _listen_for_children(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_in, warn_on_full_buffer=False)

    # -- ending

    def _cancel(self, task_id: int, grace: float) -> None:
        """Send SIGTERM to the whole tree; `_look_after_tasks` does the rest."""
        for task in (*self._running.values(), *self._ended):
            if task.id != task_id:
                continue
            task.deadline = time.monotonic() + grace
            task.give_up = task.deadline + _UNKILLABLE_SECONDS
            if task.pid in self._running and grace > 0:
                task.family = frozenset(descendants_of(task.pid))
                for pid in (task.pid, *task.family):
                    send_signal(pid, signal.SIGTERM)

    def _look_after_tasks(self) -> None:
        """Reap what has ended, kill what must end now, tell the owner of trees that are gone."""
        now = time.monotonic()
        for task in self._running.values():
            if task.deadline is not None and task.deadline <= now:
                _kill_group(task.pid)
                task.deadline = None
            if task.watch is not None and task.watch.look(now) and task.deadline is None:
                self._cancel(task.id, _MEMORY_GRACE)
        is_childless = self._reap(now)
        if not self._ended:
            return
        spared: set[int] = set()
        for task in self._ended:
            if task.is_in_grace(now):
                spared |= task.family
        # The look through /proc is only needed while other steps run: otherwise the kernel has told.
        remaining = set() if is_childless else set(children_of(os.getpid())) - self._running.keys()
        killed = [pid for pid in remaining - spared if send_signal(pid, signal.SIGKILL)]
        waiting: list[_Task] = []
        for task in self._ended:
            is_alive = killed or (task.is_in_grace(now) and task.family & remaining)
            if is_alive and now < task.give_up:
                waiting.append(task)
            else:
                self._tell("ended", task.id, task.cpu_seconds, *task.report)
        self._ended = waiting

    def _reap(self, now: float) -> bool:
        """Collect every process that has ended; return whether this process has no child left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            cpu_seconds = usage.ru_utime + usage.ru_stime
            task = self._running.pop(pid, None)
            for ended in self._ended if task is None else ():
                if pid in ended.family:  # its parent was ended before it could wait for it
                    ended.cpu_seconds += cpu_seconds
            if task is not None:
                peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
                tree, guard, is_over = task.memory()
                task.cpu_seconds = cpu_seconds
                task.report = (status, max(peak, tree), guard, is_over)
                task.give_up = (task.deadline or now) + _UNKILLABLE_SECONDS
                self._ended.append(task)

    def _milliseconds_to_wait(self) -> float | None:
        now = time.monotonic()
        times = [task.deadline for task in self._running.values() if task.deadline is not None]
        times += [task.deadline for task in self._ended if task.deadline is not None and now < task.deadline]
        times += [task.give_up for task in self._ended]
        times += [
            task.watch.next_look for task in self._running.values() if task.watch and not task.watch.is_over
        ]
        return max(0.0, min(times) - now) * 1000 + 1 if times else None

    def _end_everything(self) -> None:
        """Kill all trees and wait for them, but not for ever.

        The owner is told nothing more, and takes the end of the connection for the end of all: the signal
        would look as if something in the step, or the system, had killed it.
        """
        self._is_leaving = True
        for task in (*self._running.values(), *self._ended):
            task.deadline = 0.0
            task.give_up = time.monotonic() + _UNKILLABLE_SECONDS
        last_moment = time.monotonic() + _UNKILLABLE_SECONDS
        self._look_after_tasks()
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        while (self._running or self._ended) and time.monotonic() < last_moment:
            if poll.poll(50):
                os.read(self._wakeup, 4096)
            self._look_after_tasks()


class _Silence:
    """Sends what imports print to nowhere: the owner has imported the same and shown it already."""

    def __enter__(self) -> None:
        self._saved = os.dup(2)
        os.dup2(1, 2)  # stdout is the null device here

    def __exit__(self, *_: object) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(self._saved, 2)
        os.close(self._saved)


def _fork() -> int:
    """Fork; Python 3.12 warns of threads, which a library such as OpenBLAS starts and stops safely."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _kill_group(pid: int) -> None:
    """Kill a step's process with its group; the group matters where there are no subreapers."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        send_signal(pid, signal.SIGKILL)  # it has not come to `setsid` yet
