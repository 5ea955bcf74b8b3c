"""Serving the schedules of a store until somebody says stop: `zenml schedule serve`."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

from zenml.errors import ConfigurationError, StoreError
from zenml.records.ids import microseconds_now
from zenml.schedule.scheduler import POLL, Scheduler
from zenml.schedule.starting import ProcessStarter
from zenml.schedule.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from zenml.schedule.scheduler import Journal
    from zenml.store.database import Database

_AFTER_ERROR = 5.0
"""Seconds until a store is tried again that was not reached."""


def serve(store: Database, journal: Journal, *, most_at_once: int) -> None:
    """Serve the schedules until SIGTERM or SIGINT; runs that have begun go on.

    Args:
        store: the store.
        journal: hears what is done.
        most_at_once: how many scheduled runs of this process go on at the same time.

    Raises:
        ConfigurationError: the store lies in the memory of this process.
    """
    if store.root == ":memory:":
        raise ConfigurationError(
            "Schedules need a store on the disk; this one lies in the memory of this process."
        )
    alarm = _Alarm()
    starter = ProcessStarter(store.root, most_at_once)
    teller = Teller(store, journal)
    owner_id = ""
    try:
        while not alarm.is_stopping:
            seconds, is_reached = POLL, True
            try:
                if store.owner().id != owner_id:  # at first, and after others have given this process up
                    owner_id = store.schedules.begin_to_serve(microseconds_now()).id
                    scheduler = Scheduler(store, owner_id, starter, microseconds_now, journal)
                next_at = scheduler.turn()
                teller.look()
                if next_at is not None:
                    seconds = min(POLL, max(0.0, (next_at - microseconds_now()) / 1e6))
            except StoreError as error:
                journal.say(f"the store is not reached, and tried again: {error}")
                seconds, is_reached = _AFTER_ERROR, False
            # Nobody asks what has ended before the store is there.
            alarm.sleep(seconds, [starter.descriptor] if is_reached else [])
    finally:
        alarm.close()
        starter.close()
        teller.close()
        if owner_id:
            store.schedules.end_serving(owner_id)


class _Alarm:
    """Sleeps until it is time, a process has ended, or a signal asks to stop."""

    def __init__(self) -> None:
        self.is_stopping = False
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {
            number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)
        }
        self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)

    def sleep(self, seconds: float, wakes: list[int]) -> None:
        ready, _, _ = select.select([self._reading, *wakes], [], [], seconds)
        if self._reading in ready:
            os.read(self._reading, 4096)

    def close(self) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reading)
        os.close(self._writing)

    def _stop(self, *_: object) -> None:
        self.is_stopping = True
