"""Looking at processes, without guessing how long something takes."""

import contextlib
import os
import select

from zenml.components.launcher_check import Watched, make_task
from zenml.flavors.process_tree import children_of

SECONDS = 30


def task(function, payload=b"", **options):
    return make_task(function, payload, module="process_launcher_entries", **options)


def watch(launcher, function, payload=b"", **options):
    return Watched(launcher, task(function, payload, **options))


def wait_until_gone(pids):
    """Wait until none of the processes is alive; fail if one still is after a long time."""
    poll = select.poll()
    open_fds = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(pid)
            open_fds.add(fd)
            poll.register(fd, select.POLLIN)
    try:
        while open_fds:
            ready = poll.poll(SECONDS * 1000)
            assert ready, f"still alive of {pids}"
            for fd, _ in ready:
                poll.unregister(fd)
                open_fds.remove(fd)
                os.close(fd)
    finally:
        for fd in open_fds:
            os.close(fd)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


def warden_of(launcher):
    return launcher._loop._links[-1].pid


def forkserver_of(launcher):
    (forkserver,) = children_of(warden_of(launcher))
    return forkserver
