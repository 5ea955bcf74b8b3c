"""Schedules in the terminal: the list, one with all that is set, what comes and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.cli.style import local_time, painted
from zenml.cli.tables import table, terminal_width
from zenml.client.input_changes import shown_value
from zenml.records.ids import short
from zenml.reporting.reporter import count, duration
from zenml.views.schedule_text import instant_text, span_text, state_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.run import Owner
    from zenml.records.schedules import Scheduler
    from zenml.views.schedule_view import Coming, ScheduleView, TickView

NOBODY_SERVES = "No scheduler serves this store. Start one: zenml schedule serve"
_COLOURS = {"fired": "completed", "missed": "failed", "failed": "failed"}
_STATES = {"active": "completed", "set aside": "failed"}


def list_lines(views: Sequence[ScheduleView]) -> list[str]:
    """Return the list of schedules."""
    rows = []
    for view in views:
        last = view.history(1)
        rows.append(
            (
                view.name,
                view.pipeline_name,
                view.times,
                view.timezone or "UTC",
                state_text(view.record),
                _in_its_zone(view.record.next_at, view.timezone),
                last[0].outcome if last else "-",
            )
        )
    return table(
        ("NAME", "PIPELINE", "TIMES", "ZONE", "STATE", "NEXT RUN", "LAST"),
        rows,
        width=terminal_width(),
        cut=(0, 1, 2, 4),
        paint={
            4: _state,
            6: _outcome,
        },
    )


def schedule_lines(
    view: ScheduleView,
    coming: Sequence[Coming],
    ticks: Sequence[TickView],
    schedulers: Sequence[tuple[Scheduler, Owner]],
) -> list[str]:
    """Return a schedule with all that is set, what comes next and what came last."""
    rows = [*_set(view), ("Served by", _served(schedulers))]
    if not coming and view.active and view.problem is None:
        rows.append(("Next", view.coming))
    lines = table((), rows)
    if coming:
        heading = "Next" if view.active and view.problem is None else "Next, if it were active"
        lines += ["", heading, *(f"  {line}" for line in coming_lines(coming))]
    if ticks:
        lines += ["", "Last", *(f"  {line}" for line in tick_lines(ticks))]
    return lines


def coming_lines(coming: Sequence[Coming]) -> list[str]:
    """Return the times at which a schedule is going to be due, with what changes of the clocks mean for them."""
    has_jitter = any(one.due != one.instant for one in coming)
    lines = []
    for one in coming:
        put_off = (one.due - one.instant).total_seconds()
        jitter = f"  + {put_off:.1f} s" if has_jitter else ""
        lines.append(f"{one.text}{jitter}" + (f"  ! {one.note}" if one.note else ""))
    return lines


def tick_lines(ticks: Sequence[TickView], *, has_headings: bool = False) -> list[str]:
    """Return what became of the times of a schedule, a line each."""
    return table(
        ("DUE", "OUTCOME", "RUN", "LATE", "WHY") if has_headings else (),
        [_tick_cells(tick) for tick in ticks],
        width=terminal_width(),
        cut=(4,),
        paint={1: _outcome},
    )


def _tick_cells(tick: TickView) -> tuple[str, ...]:
    record, run = tick.record, tick.run
    when = tick.text
    if record.count > 1:
        when += f" to {tick.last_text}, {record.count} times"
    if record.cause == "manual":
        when += " (triggered)"
    late = "-" if tick.lateness is None else duration(record.due_at, record.ended_at)
    why = record.reason or ""
    if record.cause == "event" and record.subject is not None:
        why = "; ".join(one for one in (f"because of {short(record.subject)}", why) if one)
    if record.outcome == "fired" and run is None:
        why = why or "its run was deleted"
    return when, record.outcome, "-" if run is None else f"{short(run.id)} {run.record.status}", late, why


def _set(view: ScheduleView) -> list[tuple[str, str]]:
    """Return what is set, a row each; what is at its default and says nothing is left out."""
    record, zone = view.record, view.timezone
    rows = [
        ("Schedule", view.name),
        ("Id", f"{short(view.id)} ({view.id})"),
        ("Pipeline", view.pipeline_name),
        ("State", state_text(record)),
        ("Times", view.times),
        ("Zone", zone or "UTC"),
    ]
    for name, instant in (("Starts", record.start_at), ("Ends", record.end_at)):
        if instant is not None:
            rows.append((name, instant_text(instant, zone)))
    rows += [("Overlap", view.overlap), ("Catch-up", _catchup(view))]
    if record.jitter is not None:
        rows.append(("Jitter", f"up to {span_text(record.jitter)}"))
    if view.max_runs is not None:
        rows.append(("Runs", f"{view.max_runs} at most, {view.runs_begun} begun"))
    if record.run_name is not None:
        rows.append(("Run name", record.run_name))
    for number, (name, raw) in enumerate(record.parameters.items()):
        rows.append(("" if number else "Parameters", f"{name} = {shown_value(name, raw)}"))
    rows += [("Folder", record.folder), ("Python", record.python)]
    changed = f", changed {local_time(record.updated_at)}" if record.updated_at != record.created_at else ""
    rows.append(("Made", f"{local_time(record.created_at)}{changed}"))
    return rows


def _catchup(view: ScheduleView) -> str:
    return f"all, {view.record.catchup_limit} at most" if view.catchup == "all" else view.catchup


def _served(schedulers: Sequence[tuple[Scheduler, Owner]]) -> str:
    if not schedulers:
        return "nobody; start a scheduler: zenml schedule serve"
    listed = ", ".join(f"process {owner.pid} on {owner.host}" for _, owner in schedulers)
    return f"{count(len(schedulers), 'scheduler')}: {listed}"


def _in_its_zone(instant: int | None, timezone: str | None) -> str:
    """Return an instant without the name of the zone, which has a column of its own."""
    return "-" if instant is None else instant_text(instant, timezone).rpartition(" ")[0]


def _state(cell: str, text: str) -> str:
    return painted(_STATES.get(cell.partition(":")[0], "paused"), text)


def _outcome(cell: str, text: str) -> str:
    """Return an outcome in its colour, and the space behind it in none: it is cut off at the end of a line."""
    return painted(_COLOURS.get(cell, "waiting"), cell) + text[len(cell) :]
