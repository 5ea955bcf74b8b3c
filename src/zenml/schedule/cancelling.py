"""Stopping what is in the way of a newer fire: it is asked to stop, then told by SIGTERM, then killed."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from zenml.client.run_control import GRACE
from zenml.records.run import Owner, Run
from zenml.store import owners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zenml.records.schedules import Schedule
    from zenml.store.schedules import OpenTick
    from zenml.store.store import Store

_SIGNALS = (signal.SIGTERM, signal.SIGKILL)


class Canceller:
    """Stops runs, the more urgently the longer they do not end.

    A step that runs in the process of its run cannot be asked: it does not listen. So the process is told, if it is one of
    this host that was started for this run; a run that somebody has resumed since lives in a process of theirs.

    Args:
        store: the store.
        clock: returns seconds; these never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._said: dict[str, dict[str, tuple[float, int]]] = {}
        """By schedule and run: when something was said last, and how many signals that makes."""

    def stop(self, schedule: Schedule, open_ticks: Iterable[OpenTick]) -> None:
        """Stop what goes on of a schedule, as far as it has begun."""
        before, now = self._said.get(schedule.id, {}), self._clock()
        self._said[schedule.id] = said = {}
        for one in open_ticks:
            run_id = one.tick.run_id
            if one.run_status in ("running", "paused"):
                reason = f"a newer fire of schedule `{schedule.name}` is due; overlap is `cancel`"
                self._store.request_stop(run_id, reason)
                said[run_id] = (now, 0)
            elif one.run_status == "stopping":
                since, signals = before.get(run_id, (now, 0))
                if now - since >= GRACE and signals < len(_SIGNALS) and self._tell(run_id, _SIGNALS[signals]):
                    since, signals = now, signals + 1
                said[run_id] = (since, signals)

    def forget(self, schedule_id: str) -> None:
        """Note that nothing of a schedule is in the way any more."""
        self._said.pop(schedule_id, None)

    def _tell(self, run_id: str, number: signal.Signals) -> bool:
        """Send a signal to the process of a run; return whether there is one to send it to."""
        run = self._store.get(Run, run_id)
        if run is None or run.epoch:
            return False
        owner = self._store.get(Owner, run.owner_id)
        is_other = owner is not None and owner.pid != os.getpid()  # a lab runs everything in one process
        return owner is not None and is_other and owners.send_signal(owner, number)
