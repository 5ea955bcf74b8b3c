"""The process that forks a fresh process for each step, and the warden beside it.

The owner (the process that runs the engine) starts this module as a program. It becomes two processes:

    owner ── warden ── forkserver ── step ── whatever the step starts
                                  └─ step ── …

The forkserver imports what steps share and forks one child per task; it has one thread, because a fork
copies only one. It reaps the steps, and ends what they leave behind. The warden does nothing but watch:
when the owner or the forkserver is gone, it kills everything below it. The forkserver in turn leaves,
with everything below it, when the warden or the owner is gone. So any one of the three may be killed,
or be stuck, and no process of a step survives. Step processes are also tied to the owner by the kernel.

Only light modules are imported here: they delay the first step.
"""

from __future__ import annotations

import atexit
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
from zenml.flavors.process_frames import MESSAGE, receive_frame, send_frame
from zenml.flavors.process_tree import (
    become_subreaper,
    children_of,
    descendants_of,
    kill_children,
    send_signal,
)

# What the interpreter runs. Arguments: the owner's process id, the working directory, the search path.
# (`-c` and an import instead of this file's path, because a main module is compiled anew each time.)
BOOTSTRAP = """\
import os, sys
os.chdir(sys.argv[2])
sys.path[:] = sys.argv[3:]
from zenml.flavors.forkserver import main
main()
"""

# The descriptors that the owner puts in place.
CONTROL_FD = 0
LIFELINE_FD = 3

_LEAVE_SECONDS = 1.0  # a forkserver that has not left by itself after that is stuck in an import
_UNKILLABLE_SECONDS = 2.0  # a process of another user, or one stuck in the kernel, is not waited for longer


def main() -> None:
    """Become warden and forkserver; called in a fresh interpreter, see `BOOTSTRAP`."""
    control, lifeline = _take_descriptors()
    watched = [lifeline, *_watch_process(int(sys.argv[1]))]
    become_subreaper()
    bond, other_bond = socket.socketpair()
    pid = os.fork()
    if pid:
        # The warden keeps `control` open: the owner sees its end only when warden *and* forkserver left.
        other_bond.close()
        _keep_watch(pid, bond.fileno(), watched)
    else:
        bond.close()
        become_subreaper()
        Forkserver(control, lifeline, other_bond, watched).serve()
        atexit._run_exitfuncs()  # those of shared imports; freeing their memory one by one can be left out
        os._exit(0)


def _take_descriptors() -> tuple[socket.socket, int]:
    """Return the control socket and the lifeline; leave nothing else of the owner's open."""
    os.closerange(LIFELINE_FD + 1, os.sysconf("SC_OPEN_MAX"))
    os.set_inheritable(LIFELINE_FD, False)
    control = socket.socket(fileno=os.dup(CONTROL_FD))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return control, LIFELINE_FD


def _watch_process(owner: int) -> list[int]:
    """Return a descriptor that becomes readable when the owner ends, where the system offers it.

    The lifeline says the same, except while a process forked by the owner's C code still holds it.
    """
    try:
        watched = [os.pidfd_open(owner)]
    except (AttributeError, OSError):  # an old kernel, or the owner has gone: the lifeline tells
        watched = []
    return watched if os.getppid() == owner else []


def _keep_watch(forkserver: int, bond: int, watched: list[int]) -> None:
    """Wait until the forkserver or the owner ends, then kill everything below."""
    poll = select.poll()
    for fd in (bond, *watched):
        poll.register(fd, select.POLLIN)
    if bond not in (fd for fd, _ in poll.poll()):
        for fd in watched:
            poll.unregister(fd)
        poll.poll(_LEAVE_SECONDS * 1000)
    send_signal(forkserver, signal.SIGKILL)
    while kill_children():
        os.waitpid(-1, 0)


class _Task:
    """A step process, from its fork until the owner is told of its end."""

    def __init__(self, task_id: int, pid: int) -> None:
        self.id = task_id
        self.pid = pid
        self.family: frozenset[int] = frozenset()  # got SIGTERM with it; spared until the deadline
        self.deadline: float | None = None  # when SIGKILL follows SIGTERM
        self.give_up = 0.0  # when the end is told even if something below survives
        self.report: tuple[object, ...] = ()

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
            self._launch(*details, fds)
        elif verb == "cancel":
            self._cancel(*details)
        else:
            self._arguments = details
            self._restore_surroundings()
        return True

    def _tell(self, *message: object) -> None:
        try:
            send_frame(self._control, MESSAGE, marshal.dumps(message))
        except OSError:  # the owner is gone, which `serve` is about to notice
            return

    # -- launching

    def _launch(self, task_id: int, modules: tuple[str, ...], fds: list[int]) -> None:
        try:
            connection, output = fds
        except ValueError:  # the kernel drops descriptors that do not fit into the table
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
            self._running[pid] = _Task(task_id, pid)
            self._tell("started", task_id, pid)
        os.close(connection)
        os.close(output)

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
        for task in self._running.values():
            if task.id == task_id:
                task.family = frozenset(descendants_of(task.pid))
                task.deadline = time.monotonic() + grace
                for pid in (task.pid, *task.family) if grace > 0 else ():
                    send_signal(pid, signal.SIGTERM)

    def _look_after_tasks(self) -> None:
        """Reap what has ended, kill what must end now, tell the owner of trees that are gone."""
        now = time.monotonic()
        for task in self._running.values():
            if task.deadline is not None and task.deadline <= now:
                _kill_group(task.pid)
                task.deadline = None
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
            is_alive = task.family & remaining if task.is_in_grace(now) else killed
            if is_alive and now < task.give_up:
                waiting.append(task)
            else:
                self._tell("ended", task.id, *task.report)
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
            task = self._running.pop(pid, None)
            if task is not None:
                kib = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
                task.report = (status, kib, usage.ru_utime + usage.ru_stime)
                task.give_up = (task.deadline or now) + _UNKILLABLE_SECONDS
                self._ended.append(task)

    def _milliseconds_to_wait(self) -> float | None:
        now = time.monotonic()
        times = [task.deadline for task in self._running.values() if task.deadline is not None]
        times += [task.deadline for task in self._ended if task.deadline is not None and now < task.deadline]
        times += [task.give_up for task in self._ended]
        return max(0.0, min(times) - now) * 1000 + 1 if times else None

    def _end_everything(self) -> None:
        """Kill all trees and wait for them, but not for ever.

        The owner is told nothing more, and takes the closed socket for the end of all: to report the
        signal would look as if something in the step, or the system, had killed it.
        """
        self._control.close()
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
