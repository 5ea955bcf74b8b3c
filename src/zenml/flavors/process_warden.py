"""The program that an owner of isolated steps starts: it becomes a warden and a forkserver.

    owner ── warden ── forkserver ── step ── whatever the step starts
                                  └─ step ── …

The owner is the process that runs the engine. The forkserver forks the steps and ends what they leave
behind. The warden does nothing but watch: when the owner or the forkserver is gone, it kills everything
below it. The forkserver in turn leaves, with everything below it, when the warden or the owner is gone.
So any one of the three may be killed or be stuck, and no process of a step survives. Each step process is
also tied to the owner by the kernel, should all three go at once.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import sys

from zenml.flavors.forkserver import Forkserver
from zenml.flavors.process_tree import become_subreaper, kill_children, send_signal

# What the interpreter runs. Arguments: the owner's process id, the working directory, the search path.
# (`-c` and an import instead of this file's path, because a main module is compiled anew each time.)
BOOTSTRAP = """\
import os, sys
os.chdir(sys.argv[2])
sys.path[:] = sys.argv[3:]
from zenml.flavors.process_warden import main
main()
"""

# The descriptors that the owner puts in place.
CONTROL_FD = 0
LIFELINE_FD = 3

_LEAVE_SECONDS = 1.0  # a forkserver that has not left by itself after that is stuck in an import


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
