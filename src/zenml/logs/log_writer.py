"""The thread that takes what is printed to the log files, a few times a second.

There is one for the process, started with the first line that a step prints: a run whose steps
say nothing has none. It sleeps while no log is open.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Protocol

INTERVAL = 0.1
"""Seconds from one round to the next; with the silence before an unfinished line less than a second."""


class Flushable(Protocol):
    """What wants to be flushed in each round."""

    def flush(self) -> None:
        """Pass on what waits; must not wait for others for long."""

    def begin_anew(self) -> None:
        """Forget what waits and make new locks, in a fork."""


_lock = threading.Lock()
_watched: dict[int, Flushable] = {}
_wake = threading.Event()
_thread: threading.Thread | None = None


def watch(log: Flushable) -> None:
    """Flush a log in each round from now on."""
    global _thread
    if id(log) in _watched:
        return
    with _lock:
        _watched[id(log)] = log
        if _thread is None:
            _thread = threading.Thread(target=_serve, name="zenml-logs", daemon=True)
            _thread.start()
        _wake.set()


def forget(log: Flushable) -> None:
    """Leave a log alone from now on."""
    with _lock:
        _watched.pop(id(log), None)
        if not _watched:
            _wake.clear()


def _serve() -> None:
    while True:
        _wake.wait()
        time.sleep(INTERVAL)
        _flush_all()


def _flush_all() -> None:
    for log in list(_watched.values()):
        try:
            log.flush()
        except (OSError, ValueError):  # a terminal that is gone or closed; the step hears of it itself
            continue


def _begin_anew() -> None:
    """In a fork: its parent writes what waited, and this process has no such thread."""
    global _thread, _lock, _wake
    _thread, _lock, _wake = None, threading.Lock(), threading.Event()
    for log in _watched.values():
        log.begin_anew()
    _watched.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_flush_all, after_in_child=_begin_anew)
