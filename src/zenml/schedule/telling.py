"""Telling people of fires that were missed, that could not start, or whose run failed: by the alerter of the active stack."""

from __future__ import annotations

import queue
import shlex
import threading
from typing import TYPE_CHECKING

from zenml.components.active_stack import active_stack
from zenml.components.alerter import Alert
from zenml.components.parts import open_part
from zenml.errors import ZenMLError
from zenml.records.hooks import HookRun
from zenml.records.ids import short
from zenml.records.run import Run
from zenml.records.schedules import Schedule, Tick
from zenml.views.schedule_text import instant_text

if TYPE_CHECKING:
    from zenml.schedule.scheduler import Journal
    from zenml.store.database import Database

_MOST = 100
_LONGEST = 1000


class Teller:
    """Posts what the ledger says is to be told, in a thread: no alerter holds the scheduler up."""

    def __init__(self, store: Database, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._queue: queue.SimpleQueue[Tick | None] = queue.SimpleQueue()
        self._taken: set[tuple[str, str]] = set()
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Take up what is to be told."""
        ticks = self._store.schedules.to_tell(_MOST)
        self._taken &= {(tick.schedule_id, tick.key) for tick in ticks}
        for tick in ticks:
            if (tick.schedule_id, tick.key) not in self._taken:
                self._taken.add((tick.schedule_id, tick.key))
                self._queue.put(tick)
        if ticks and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="schedule-alerts", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Tell nothing more; what is left is told by the next scheduler."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(timeout=5.0)

    def _work(self) -> None:
        while (tick := self._queue.get()) is not None:
            try:
                said = self._tell(tick)
            except Exception as error:  # the border to an alerter's code
                said = f"failed: {error if isinstance(error, ZenMLError) else f'{type(error).__name__}: {error}'}"
                self._journal.say(f"alert {said}")
            try:
                self._store.schedules.told(tick, said[:_LONGEST])
            except ZenMLError as error:
                self._journal.say(f"what was told could not be noted: {error}")

    def _tell(self, tick: Tick) -> str:
        """Post the news of a tick; return what is to be noted of that."""
        component = active_stack(self._store).components.get("alerter")
        if component is None:
            return "nobody: the active stack has no alerter"
        schedule = self._store.get(Schedule, tick.schedule_id)
        run = self._store.get(Run, tick.run_id)
        if run is not None and any(one.posted for one in self._store.select(HookRun, run_id=run.id)):
            return "the run's own hook told it"
        if schedule is None or self._is_known(tick):
            return "the one before was the same"
        taken = open_part(component, self._store).post(alert_of(schedule, tick, run))
        return "posted" if taken else "failed: it was not taken"

    def _is_known(self, tick: Tick) -> bool:
        """Tell whether the fire before came to the same, and people were told."""
        before = self._store.schedules.before(tick)
        return (
            before is not None
            and tick.outcome == before.outcome == "failed"
            and before.reason == tick.reason
            and before.alert in ("posted", "the one before was the same")
        )


def alert_of(schedule: Schedule, tick: Tick, run: Run | None) -> Alert:
    """Return the message on a tick."""
    facts = {"schedule": schedule.name, "pipeline": schedule.pipeline_name}
    facts["due"] = instant_text(tick.instant, schedule.timezone)
    if tick.outcome == "missed":
        many = f"{tick.count} fires" if tick.count > 1 else "A fire"
        title, text = (
            f"{many} of schedule `{schedule.name}` {'were' if tick.count > 1 else 'was'} missed",
            tick.reason or "",
        )
        facts["look"] = f"zenml schedule history {shlex.quote(schedule.name)}"
    elif run is None:
        title, text = f"A run of schedule `{schedule.name}` did not start", tick.reason or ""
        facts["look"] = f"zenml schedule history {shlex.quote(schedule.name)}"
    else:
        came_to = "was interrupted" if run.status == "interrupted" else run.status
        title = f"Run `{run.name}` of schedule `{schedule.name}` {came_to}"
        text = "" if run.failure is None else f"{run.failure.type.rpartition('.')[2]}: {run.failure.message}"
        text = text or run.reason or ""
        facts["look"] = f"zenml run show {short(run.id)}"
    return Alert(
        title=title,
        text=text,
        level="failure",
        fields=facts,
        key=f"{tick.schedule_id} {tick.key} {tick.outcome}",
        thread=tick.schedule_id,
    )
