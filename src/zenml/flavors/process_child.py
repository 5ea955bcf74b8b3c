"""The life of a step process, from the fork in the forkserver to its exit.

It gets a session, streams and signals of its own, reads entry and payload from its socket, calls the
entry, sends the answer, and leaves as a Python program leaves.
"""

from __future__ import annotations

import _thread
import atexit
import fcntl  # once, and not in each step
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from zenml.flavors.process_frames import ANSWER, EVENT, receive_frame, send_frame
from zenml.flavors.process_tree import become_subreaper


def run(connection: socket.socket, output: int, lifeline: int) -> NoReturn:
    """Do one task in this freshly forked process, and exit.

    Args:
        connection: brings entry and payload, takes events and the answer.
        output: the pipe that becomes stdout and stderr.
        lifeline: a pipe whose other end only the owner holds.
    """
    code = 1
    try:
        _settle_in(output)
        _die_with_owner(lifeline)
        sender = _Sender(connection)
        os.register_at_fork(after_in_child=sender.forget)
        _, entry, _ = receive_frame(connection)
        _, payload, _ = receive_frame(connection)
        answer = _load(entry.decode())(payload, sender.send_event)
        del payload
        sender.send(ANSWER, answer)
        code = 0
    except SystemExit as leaving:
        code = _exit_code(leaving)
    except BaseException as error:  # the border to user code: the output shows what the entry did not catch
        trace = error.__traceback__
        sys.excepthook(type(error), error, trace.tb_next if trace else None)  # without this frame of ours
    finally:
        _leave(code)


class _Sender:
    """Sends frames to the owner; the user's threads may do so at the same time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection: socket.socket | None = connection
        self._lock = _thread.allocate_lock()

    def send_event(self, data: bytes) -> None:
        self.send(EVENT, data)

    def send(self, kind: int, body: bytes) -> None:
        if self._connection is None:
            raise RuntimeError(
                f"Process {os.getpid()} is a fork of the step's process and cannot speak for the step. "
                "Return the value to the step's process, and send it from there."
            )
        with self._lock:
            send_frame(self._connection, kind, body)

    def forget(self) -> None:
        """In a process that the step forks: two writers would tear each other's frames."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _settle_in(output: int) -> None:
    """Make this process independent of the forkserver it was copied from."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the only one that the forkserver handles
    become_subreaper()  # so that what the step leaves behind stays below it while it lives
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    for stream in (sys.__stdout__, sys.__stderr__):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # real files: the owner saw to it
    atexit._clear()  # a handler of a shared import may remove what its next user needs
    if "numpy.random" in sys.modules:  # `random` reseeds itself after a fork
        sys.modules["numpy.random"].seed()
    gc.enable()


def _die_with_owner(lifeline: int) -> None:
    """Ask the kernel to kill this process when the owner's end of the lifeline closes.

    That needs no thread (a thread cannot run while C code holds the interpreter lock, and makes every
    later fork of the step a fork of a threaded process), and works when the forkserver is gone too.
    PR_SET_PDEATHSIG would follow the thread that forked, and only the direct parent.
    """
    if not hasattr(fcntl, "F_SETSIG"):  # not Linux: the forkserver alone watches
        return
    try:  # opened anew: the setting belongs to the open file, which the forkserver shares with us
        own = os.open(f"/proc/self/fd/{lifeline}", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # /proc is not mounted
        return
    os.close(lifeline)
    fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(own, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    poll = select.poll()
    poll.register(own, 0)
    if poll.poll(0):  # the owner left before the kernel knew whom to tell
        os.kill(os.getpid(), signal.SIGKILL)


def _load(entry: str) -> Callable[[bytes, Callable[[bytes], None]], bytes]:
    module, _, name = entry.partition(":")
    __import__(module)
    function: Callable[[bytes, Callable[[bytes], None]], bytes] = getattr(sys.modules[module], name)
    return function


def _exit_code(leaving: SystemExit) -> int:
    """Return the status that Python gives a program which ends with this exception."""
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    print(leaving.code, file=sys.stderr)  # noqa: T201  # what the interpreter does
    return 1


def _leave(code: int) -> NoReturn:
    """Exit as a program does: wait for threads, run exit handlers, flush; but free nothing.

    Two handlers of the standard library were registered before the fork and are wanted all the same.
    """
    try:
        if threading := sys.modules.get("threading"):
            threading._shutdown()
        if multiprocessing := sys.modules.get("multiprocessing.util"):
            atexit.register(multiprocessing._exit_function)
        if logging := sys.modules.get("logging"):
            atexit.register(logging.shutdown)
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:  # the border to user code: the process ends now, whatever its handlers do
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
