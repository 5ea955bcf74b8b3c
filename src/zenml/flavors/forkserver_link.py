"""The owner's side of one forkserver: start it, talk to it, end it."""

from __future__ import annotations

import marshal
import os
import signal
import socket
import sys
import time
from typing import Any

from zenml.flavors.process_frames import MESSAGE, Channel
from zenml.flavors.process_warden import BOOTSTRAP, CONTROL_FD, LIFELINE_FD

_LEAVE_SECONDS = 5.0  # a warden that has not left by then has been stopped, or waits for the kernel
_OUT_OF_THE_WAY = 10  # above the descriptors that the forkserver expects in fixed places


class Surroundings:
    """What has to be equal for two tasks to share a forkserver: all that a preloaded module may have seen."""

    def __init__(
        self,
        environment: dict[str, str | None],
        working_directory: str,
        sys_path: tuple[str, ...],
        executable: str = "",
    ) -> None:
        # Not a copy of the mapping object: another thread may change a variable meanwhile.
        wanted = {name: os.environ.get(name) for name in os.environ} | environment
        self.environment = {name: value for name, value in wanted.items() if value is not None}
        self.working_directory = working_directory
        self.sys_path = sys_path
        self.arguments = tuple(sys.argv)
        self.executable = executable or sys.executable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Surroundings) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # few are compared, and hashing an environment is slower


class ForkserverLink:
    """A running forkserver with its warden, as the owner holds it.

    Attributes:
        surroundings: what its steps inherit.
        pid: the process to reap: the warden.
        channel: messages to and from the forkserver.
        gone_by: when it should have left, once `end` was called.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.gone_by: float | None = None
        control, other_control = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        try:
            self.pid = _spawn(surroundings, other_control.fileno(), lifeline)
        except BaseException:
            control.close()
            os.close(self._lifeline)
            raise
        finally:
            other_control.close()
            os.close(lifeline)
        self.channel = Channel(control)
        self.tell("arguments", *surroundings.arguments)

    def tell(self, *message: str | float | tuple[str, ...], fds: tuple[int, ...] = ()) -> None:
        """Queue a message; the descriptors are closed here once they are sent."""
        self.channel.queue(MESSAGE, marshal.dumps(message), fds=fds)
        self.channel.flush()

    def receive(self) -> list[tuple[Any, ...]]:
        """Return what the forkserver has said since; its items vary with the first one, the verb."""
        return [marshal.loads(body) for _, body in self.channel.receive()]  # noqa: S302  # our own process

    def end(self) -> None:
        """Tell forkserver, warden and kernel to kill every step and leave; `channel` shows when they have."""
        if self.gone_by is None:
            self.gone_by = time.monotonic() + _LEAVE_SECONDS
        self._cut_lifeline()

    def release(self, *, by_force: bool = False) -> None:
        """Close everything and reap the warden; kill it before, if it does not leave."""
        self.forget()
        try:
            if by_force:
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ChildProcessError, ProcessLookupError):  # somebody else in this process reaps any child
            return

    def forget(self) -> None:
        """Close the descriptors; in a fork of the owner this is all, for the processes are not its own."""
        self._cut_lifeline()
        self.channel.close()

    def _cut_lifeline(self) -> None:
        lifeline, self._lifeline = self._lifeline, -1  # in this order: a fork in between must not close twice
        if lifeline >= 0:
            os.close(lifeline)


def _spawn(surroundings: Surroundings, control: int, lifeline: int) -> int:
    """Start the program; `posix_spawn` copies no memory, however large the owner is."""
    import fcntl  # not on Windows

    command = [surroundings.executable, *_interpreter_options(), "-P", "-c", BOOTSTRAP, str(os.getpid())]
    command += [surroundings.working_directory, *surroundings.sys_path]
    control = fcntl.fcntl(control, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
    lifeline = fcntl.fcntl(lifeline, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
    actions: list[tuple[Any, ...]] = [
        (os.POSIX_SPAWN_DUP2, control, CONTROL_FD),
        (os.POSIX_SPAWN_DUP2, lifeline, LIFELINE_FD),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    if not _is_open(2):
        actions.append((os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0))
    try:
        return os.posix_spawn(
            surroundings.executable,
            command,
            surroundings.environment,
            file_actions=actions,
            setsid=True,  # Ctrl-C at the terminal is for the owner to act on
            setsigmask=(),  # the calling thread may block or ignore signals; steps must not
            setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
        )
    finally:
        os.close(control)
        os.close(lifeline)


def _interpreter_options() -> list[str]:
    """Return the command line options that give an interpreter the flags of this one."""
    flags = sys.flags
    letters = {
        "O": flags.optimize,
        "B": flags.dont_write_bytecode,
        "I": flags.isolated,
        "E": 0 if flags.isolated else flags.ignore_environment,
        "s": 0 if flags.isolated else flags.no_user_site,
        "S": flags.no_site,
        "b": flags.bytes_warning,
    }
    options = [f"-{letter * int(count)}" for letter, count in letters.items() if count]
    options += [f"-W{option}" for option in sys.warnoptions]
    for name, value in sys._xoptions.items():
        options += ["-X", name if value is True else f"{name}={value}"]
    return options


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
