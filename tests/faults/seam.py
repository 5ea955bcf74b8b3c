"""Who watches the seam of a process that is to be killed there: it counts the operations, and dies at one of them.

In the process from which isolated steps are forked this is imported with the module of their functions. The owner's
environment tells it which file to count in, for all isolated steps together, and at which operation to die.
"""

import os
import signal
import sys
import threading
import time

from zenml import fs

FILE_OF_CHILDREN = "FAULTS_CHILD_POINTS"
POINT_OF_CHILDREN = "FAULTS_CHILD_KILL"
KILLED = ".killed"


def die():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # no other thread does anything meanwhile


class Watch:
    """Counts the operations of the owner of a run, and kills it before or after one of them."""

    def __init__(self, kind, at, counts):
        self._kind, self._at, self._counts = kind, at, counts
        self._lock = threading.Lock()

    def __call__(self, operation, path, other):
        with self._lock:
            self._counts["points"] += 1
            is_due = self._counts["points"] == self._at
        if is_due and self._kind == "before":
            die()
        if is_due and self._kind == "after":
            after_operation(die)


class WatchOfChildren:
    """Counts the operations of all isolated steps of a run in one file, and kills the process that comes to one of them."""

    def __init__(self, path, kind, at):
        self._path, self._kind, self._at = path, kind, at
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def __call__(self, operation, path, other):
        os.write(self._file, b".")
        if os.lseek(self._file, 0, os.SEEK_CUR) == self._at:  # it is appended to: this is where ours ends
            if self._kind == "before":
                self._die()
            else:
                after_operation(self._die)

    def _die(self):
        os.close(os.open(self._path + KILLED, os.O_WRONLY | os.O_CREAT, 0o600))
        die()


def after_operation(do):
    """Do something when the operation has been done, or has failed, that the seam is telling of in this thread.

    The seam tells of it in the function that calls the system next: what returns there next, after the telling, is it.
    """
    telling = sys._getframe(2)  # `fs.point`
    place = telling.f_back

    def profile(frame, event, _):
        is_over = frame is place if event in ("c_return", "c_exception") else frame.f_back is place
        if event not in {"call", "c_call"} and is_over and frame is not telling:
            sys.setprofile(None)
            do()

    sys.setprofile(profile)


def forget_children():
    """Begin to count anew."""
    os.environ.pop(POINT_OF_CHILDREN, None)
    for suffix in ("", KILLED):
        if os.path.exists(os.environ[FILE_OF_CHILDREN] + suffix):
            os.unlink(os.environ[FILE_OF_CHILDREN] + suffix)


def name_point_of_children(kind, at):
    """Tell the processes of isolated steps where one of them is to die."""
    os.environ[POINT_OF_CHILDREN] = f"{kind} {at}"


def count_of_children(path):
    """Return how many operations isolated steps have done, and whether one of them was killed."""
    count = os.path.getsize(path) if os.path.exists(path) else 0
    return {"child points": count, "child killed": os.path.exists(path + KILLED)}


def watch_if_apart():
    """Watch this process if it is that of isolated steps of a run whose owner is watched."""
    path = os.environ.get(FILE_OF_CHILDREN)
    if path is not None:
        kind, _, at = os.environ.get(POINT_OF_CHILDREN, " 0").partition(" ")
        fs.watch = WatchOfChildren(path, kind, int(at))
