"""Schedules by name: reading, changing, pausing and deleting them, and what became of their times.

`Client` inherits what is here. A change names what it has seen, so it is never lost to a scheduler that
works on the same schedule, nor undoes what that has done.
"""

from __future__ import annotations

import difflib
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.resolving import named
from zenml.config.fields import nearest
from zenml.config.schedule import Schedule as GivenSchedule
from zenml.context import live
from zenml.errors import AmbiguousNameError, ConfigurationError, NotFoundError, ScheduleError
from zenml.execute import conditions
from zenml.execute.scheduling import TIMES, fields_of
from zenml.records import values
from zenml.records.ids import microseconds_now, new_id
from zenml.records.instants import instants_after
from zenml.records.query import Page, read_page
from zenml.records.schedules import Schedule, Tick, key_of_time, run_id_of
from zenml.records.upcoming import with_next
from zenml.views.schedule_view import ScheduleView, TickView

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from zenml.store.store import Store

_TRIES = 10
_MOST_COUNTED = 10_000
_WAYS = ("cron_expression", "interval_second", "run_once_start_time", "on")


class SchedulesClient:
    """The part of a client that deals with schedules."""

    if TYPE_CHECKING:

        @property
        def store(self) -> Store:
            """The store this client speaks to."""

        def _list(self, *arguments: Any) -> Page: ...

    def list_schedules(
        self,
        sort_by: str = "desc:created",
        page: int = 1,
        size: int = 20,
        **filters: Any,
    ) -> Page:
        """Return a page of schedules, such as those with `pipeline_name="train"`."""
        return self._list(Schedule, sort_by, page, size, filters, lambda one: ScheduleView(one, self.store))

    list_pipeline_schedules = list_schedules

    def get_schedule(self, name_id_or_prefix: str) -> ScheduleView:
        """Return a schedule by name, id, or a part of either."""
        return ScheduleView(find_schedule(self.store, named(name_id_or_prefix, "schedule")), self.store)

    def update_schedule(
        self,
        name_id_or_prefix: str,
        *,
        name: str | None = None,
        active: bool | None = None,
        parameters: Mapping[str, Any] | None = None,
        **times_and_rules: Any,
    ) -> ScheduleView:
        """Change a schedule in place; what it has done stays, and what it is not told stays as it is.

        Args:
            name_id_or_prefix: the schedule.
            name: its new name.
            active: False pauses it, True has it go on.
            parameters: arguments of the pipeline that replace those of then, by name. They are checked against the
                pipeline as it is now; where that cannot be imported here, its next run does.
            times_and_rules: what `Schedule(…)` takes, such as `cron_expression`; a new way to say when
                replaces the old one.

        Raises:
            ConfigurationError: something has a value that it cannot have, or the name is taken.
            ArgumentError: the pipeline does not take an argument as it is given.
        """

        def updated(seen: Schedule) -> tuple[Schedule, tuple[Tick, ...]]:
            after = _updated(seen, name, parameters, times_and_rules, self.store)
            if parameters:
                _check_arguments(after, seen, parameters, self.store)
            return after, ()

        changed = self._change(name_id_or_prefix, updated)
        if active is not None and active != changed.is_active:
            return self.resume_schedule(changed.id) if active else self.pause_schedule(changed.id)
        return ScheduleView(changed, self.store)

    def pause_schedule(self, name_id_or_prefix: str, reason: str | None = None) -> ScheduleView:
        """Have a schedule start nothing until it is resumed; runs that have begun go on, fires that wait are skipped."""
        why = "the schedule was paused" + (f": {reason}" if reason else "")

        def paused(seen: Schedule) -> tuple[Schedule, tuple[Tick, ...]]:
            now = microseconds_now()
            at = seen.paused_at if not seen.is_active else now
            return with_next(
                msgspec.structs.replace(
                    seen, is_active=False, paused_at=at, pause_reason=reason, updated_at=now
                )
            ), ()

        changed = self._change(name_id_or_prefix, paused)
        now = microseconds_now()
        for one in self.store.schedules.unsettled(changed.id):
            if one.tick.outcome == "queued":
                ended = msgspec.structs.replace(
                    one.tick, outcome="skipped", reason=why, ended_at=now, settled_at=now
                )
                self.store.schedules.move(one.tick, ended)
        return ScheduleView(changed, self.store)

    def resume_schedule(self, name_id_or_prefix: str) -> ScheduleView:
        """Have a schedule go on that is paused or was set aside.

        One that was paused goes on from now, and the ledger says how many times have passed meanwhile. Of one that was set
        aside what has passed is made up for as its `catchup` says.
        """

        def resumed(seen: Schedule) -> tuple[Schedule, tuple[Tick, ...]]:
            if seen.is_active and seen.problem is None:
                return seen, ()
            passed: tuple[Tick, ...] = ()
            now = microseconds_now()
            after = msgspec.structs.replace(seen, problem=None, updated_at=now)
            if not seen.is_active:
                passed = _of_the_pause(seen, now)
                after = msgspec.structs.replace(
                    after, is_active=True, paused_at=None, pause_reason=None, since=max(seen.since, now)
                )
            return with_next(after, runs_begun=self.store.schedules.runs_begun(seen.id)), passed

        return ScheduleView(self._change(name_id_or_prefix, resumed), self.store)

    def trigger_schedule(self, name_id_or_prefix: str) -> TickView:
        """Have a scheduler start a run of a schedule now, paused or not, once none of it goes on; return its tick."""
        schedule = find_schedule(self.store, named(name_id_or_prefix, "schedule"))
        now, key = microseconds_now(), f"m{new_id()}"
        tick = Tick(
            schedule_id=schedule.id, key=key, cause="manual", instant=now, due_at=now, outcome="queued",
            run_id=run_id_of(schedule.id, key, now), reason="a person asked for it", recorded_at=now,
        )  # fmt: skip
        self._change(schedule.id, lambda seen: (seen, (tick,)))
        return TickView(tick, schedule, self.store)

    def delete_schedule(
        self, name_id_or_prefix: str | None = None, *, schedule_id: str | None = None
    ) -> None:
        """Delete a schedule with its ledger by name, id, or a part of either; runs that it began stay."""
        given = name_id_or_prefix if name_id_or_prefix is not None else schedule_id
        if given is None:
            raise NotFoundError("No schedule was named. Give its name or id.")
        self.store.delete(Schedule, find_id(self.store, str(given)))

    def list_ticks(self, name_id_or_prefix: str, *, page: int = 1, size: int = 20) -> list[TickView]:
        """Return what became of the times of a schedule, the latest first."""
        schedule = find_schedule(self.store, named(name_id_or_prefix, "schedule"))
        page, size = read_page(page, size)
        ticks = self.store.schedules.ticks(schedule.id, size, (page - 1) * size)
        return [TickView(tick, schedule, self.store) for tick in ticks]

    def _change(
        self,
        name_id_or_prefix: str,
        change: Callable[[Schedule], tuple[Schedule, tuple[Tick, ...]]],
    ) -> Schedule:
        """Change a schedule, however often a scheduler is quicker."""
        for _ in range(_TRIES):
            seen = find_schedule(self.store, named(name_id_or_prefix, "schedule"))
            becomes, ticks = change(seen)
            if becomes is seen and not ticks:
                return seen
            if self.store.schedules.change(seen, becomes, ticks):
                self.store.wait_durable()
                return msgspec.structs.replace(becomes, revision=seen.revision + 1)
        raise ScheduleError(f"Schedule `{name_id_or_prefix}` is being changed all the time. Try again.")


def find_schedule(store: Store, text: str) -> Schedule:
    """Return the schedule that a name, an id, or the beginning of a name or either end of an id stands for.

    Raises:
        NotFoundError: nothing fits; close names are listed.
        AmbiguousNameError: several schedules fit; they are listed.
    """
    found = store.get(Schedule, find_id(store, text))
    if found is None:
        raise NotFoundError(f"Schedule `{text}` was deleted just now.")
    return found


def find_id(store: Store, text: str) -> str:
    """Return the id of a schedule; no row is read for it, which might be damaged. See `find_schedule`."""
    known = store.schedules.names()
    found = [one for one in known if text in one] or [
        (identifier, name)
        for identifier, name in known
        if text and (name.startswith(text) or (len(text) >= 4 and _is_end(identifier, text)))
    ]
    if len(found) == 1:
        return found[0][0]
    if found:
        listed = ", ".join(f"`{name}`" for _, name in found)
        raise AmbiguousNameError(
            f"`{text}` fits {len(found)} schedules: {listed}. Type more of the name or id."
        )
    names = [name for _, name in known]
    listed = ", ".join(f"`{name}`" for name in difflib.get_close_matches(text, names, 3) or names[-3:])
    raise NotFoundError(
        f"There is no schedule `{text}`. "
        + (f"Close or recent: {listed}. " if listed else "The store has no schedules. ")
        + "List them with `zenml schedule list`."
    )


def _is_end(identifier: str, text: str) -> bool:
    return identifier.startswith(text) or identifier.endswith(text)


def _updated(
    seen: Schedule,
    name: str | None,
    parameters: Mapping[str, Any] | None,
    given: Mapping[str, Any],
    store: Store,
) -> Schedule:
    """Return a schedule with what is changed of it, checked like a new one."""
    now = microseconds_now()
    said = ScheduleView(seen, store).as_given()
    if any(given.get(way) is not None for way in _WAYS):
        said = {key: value for key, value in said.items() if key not in _WAYS}
    checked = GivenSchedule(**{**said, **given, "name": name or seen.name})
    if name and name != seen.name and store.select(Schedule, name=name):
        raise ConfigurationError(f"There is a schedule `{name}` already. Choose another name.")
    encoded = {name: msgspec.Raw(values.encode(value)) for name, value in (parameters or {}).items()}
    after = msgspec.structs.replace(
        seen,
        name=checked.name or seen.name,
        parameters={**seen.parameters, **encoded},
        problem=None,
        updated_at=now,
        **fields_of(checked),
    )
    moved = any(getattr(after, field) != getattr(seen, field) for field in TIMES)
    if moved or seen.problem is not None:
        after = msgspec.structs.replace(after, since=max(seen.since, now))
    return with_next(after, runs_begun=store.schedules.runs_begun(seen.id))


def _check_arguments(after: Schedule, seen: Schedule, names: Collection[str], store: Store) -> None:
    """Check that the pipeline takes what a schedule gives it; say so if that cannot be told here.

    Args:
        after: the schedule as it is to be.
        seen: the schedule as it is.
        names: the parameters that are changed.
        store: where it is recorded.
    """
    problem = live.check_scheduled(after, names, store)
    if problem is None:
        return
    for name in names:
        if name not in seen.parameters:
            close = nearest(name, seen.parameters)
            hint = f"Did you mean `{close}`?" if close else f"It has: {', '.join(seen.parameters) or 'none'}."
            raise ConfigurationError(
                f"Schedule `{seen.name}` has no recorded parameter `{name}` of pipeline `{seen.pipeline_name}`. {hint}"
            )
    reporter = conditions.of(store).open_reporter(store)
    reporter.note(f"The parameters of schedule `{after.name}` are not checked: {problem}")
    reporter.close()


def _of_the_pause(seen: Schedule, now: int) -> tuple[Tick, ...]:
    """Return the row that counts the times that have passed in a pause; nothing if there were none."""
    first = next(iter(instants_after(seen, seen.since)), None)
    if first is None or first > now:
        return ()
    last, count, more = _passed_since(seen, first, now)
    why = "the schedule was paused" + (f": {seen.pause_reason}" if seen.pause_reason else "")
    key = key_of_time(first)
    return (
        Tick(
            schedule_id=seen.id, key=key, cause="time", instant=first, due_at=first, outcome="skipped",
            run_id=run_id_of(seen.id, key, first), reason=f"{why}{more}",
            last_instant=last if last > first else None, count=count, recorded_at=now, ended_at=now, settled_at=now,
        ),
    )  # fmt: skip


def _passed_since(seen: Schedule, first: int, now: int) -> tuple[int, int, str]:
    """Return the last time of a schedule until now, how many there are from the first on, and what is to be said of that."""
    if seen.every is not None:
        until = now if seen.end_at is None else min(now, seen.end_at)
        count = (until - first) // seen.every + 1
        return first + (count - 1) * seen.every, count, ""
    passed = list(islice(_until(now, seen, first - 1), _MOST_COUNTED))
    if len(passed) < _MOST_COUNTED:
        return passed[-1], len(passed), ""
    back = 3_600_000_000  # microseconds: the last one is looked for ever farther from now
    while not (latest := list(_until(now, seen, max(first - 1, now - back)))):
        back *= 2
    return latest[-1], _MOST_COUNTED, "; so many times at least"


def _until(now: int, seen: Schedule, after: int) -> Iterator[int]:
    return takewhile(lambda one: one <= now, instants_after(seen, after))
