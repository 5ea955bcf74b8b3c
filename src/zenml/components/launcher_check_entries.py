"""What the tasks of `launcher_check` do in their fresh processes.

Each function is an entry: it gets the payload and `send`, and returns the answer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

Send: TypeAlias = Callable[[bytes], None]

_marks: list[int] = []


def repeat(payload: bytes, _send: Send) -> bytes:
    """Answer with the payload, twice."""
    return payload * 2


def count_to(payload: bytes, send: Send) -> bytes:
    """Send as many numbers as the payload says."""
    for number in range(int(payload)):
        send(b"%d" % number)
    return b""


def announce_and_print(payload: bytes, send: Send) -> bytes:
    """Send as many numbers as the payload says, and print a letter after each, not all at once."""
    for number in range(int(payload)):
        send(b"%d" % number)
        os.write(1, b"x")
        time.sleep(0.0005)
    return b""


def announce_and_wait(_payload: bytes, send: Send) -> bytes:
    """Send the process id, and run until the process is ended."""
    send(b"%d" % os.getpid())
    threading.Event().wait()
    return b""


def print_and_wait(_payload: bytes, _send: Send) -> bytes:
    """Print a line without flushing, and run until the process is ended."""
    print("still here")  # noqa: T201
    threading.Event().wait()
    return b""


def print_and_run_a_command(_payload: bytes, _send: Send) -> bytes:
    """Write to every stream, here and in a subprocess."""
    print("from python", end="")  # noqa: T201
    print("from stderr", file=sys.stderr)  # noqa: T201
    subprocess.run([sys.executable, "-c", "print('from a command')"], check=True)
    return b""


def fail(_payload: bytes, _send: Send) -> bytes:
    """Let an exception escape."""
    raise ValueError("no luck")


def exit_softly(payload: bytes, _send: Send) -> bytes:
    """Leave with `sys.exit`."""
    sys.exit(int(payload))


def exit_hard(payload: bytes, _send: Send) -> bytes:
    """Leave with `os._exit`."""
    os._exit(int(payload))


def end_by_signal(payload: bytes, _send: Send) -> bytes:
    """Die of the signal that the payload names."""
    os.kill(os.getpid(), int(payload))
    threading.Event().wait()
    return b""


def leave_a_mark(_payload: bytes, _send: Send) -> bytes:
    """Answer with how often this has run in this process."""
    _marks.append(1)
    return b"%d" % len(_marks)


def describe(_payload: bytes, _send: Send) -> bytes:
    """Answer with a variable, whether there is a PATH, the working directory and all of stdin."""
    return f"{os.environ['ZENML_CHECK']}|{'PATH' in os.environ}|{os.getcwd()}|{sys.stdin.read()}".encode()


def handle_sigterm(_payload: bytes, send: Send) -> bytes:
    """Exit with 17 at SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(17))
    send(b"ready")
    while True:
        time.sleep(
            0.1
        )  # not `pause`: a signal that comes just before it begins would be acted on with the next


def ignore_sigterm(_payload: bytes, send: Send) -> bytes:
    """Go on after SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    send(b"ready")
    while True:
        signal.pause()
