"""Telling a person what a run does: plain lines on standard error, whole and in order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from zenml.logs.output import say
from zenml.records.ids import microseconds_now
from zenml.reporting import screen
from zenml.views.step_states import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.records.events import Progress
    from zenml.records.plan import Invocation, Plan
    from zenml.records.run import Failure, Run, StepRun
    from zenml.store.store import Store

GROUPED = 3
"""Cached or skipped steps that are still named one by one; more are counted."""
PROGRESS_SECONDS = 5.0
PROGRESS_SHARE = 0.1
"""How much time and work at least lies between two lines about the progress of a step."""


class Reporter(Protocol):
    """Hears of everything that happens in a run; must be quick and must not raise."""

    def run_started(self, run: Run, plan: Plan) -> None:
        """Hear that a run began, and what it is to do."""

    def step_added(self, invocation: Invocation) -> None:
        """Hear that a dynamic pipeline called a step, which begins now or later."""

    def waiting(self, counts: Mapping[str, int]) -> None:
        """Hear how many calls wait, by map or step, where nobody knows which they are."""

    def children(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Hear how many steps of each child are in which state, by the id of its run, from who watches."""

    def step(self, step: StepRun) -> None:
        """Hear that a step began or ended: its status tells."""

    def progress(self, step_run_id: str, progress: Progress) -> None:
        """Hear how far a running step has come, from any thread."""

    def note(self, text: str) -> None:
        """Hear of something else."""

    def run_ended(self, run: Run) -> None:
        """Hear that a run ended: its status tells."""

    def close(self) -> None:
        """Give back whatever is held; comes last, also when the end of the run could not be recorded."""


class SilentReporter:
    """Says nothing."""

    def run_started(self, run: Run, plan: Plan) -> None:
        """Say nothing."""

    def step_added(self, invocation: Invocation) -> None:
        """Say nothing."""

    def waiting(self, counts: Mapping[str, int]) -> None:
        """Say nothing."""

    def children(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Say nothing."""

    def step(self, step: StepRun) -> None:
        """Say nothing."""

    def progress(self, step_run_id: str, progress: Progress) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def run_ended(self, run: Run) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Hold nothing."""


class PlainReporter:
    """Writes one line for what ended; cached and skipped steps that come together are counted."""

    def __init__(self) -> None:
        self._waiting: list[StepRun] = []
        self._counts: dict[str, int] = {}
        self._names: dict[str, str] = {}
        """What the running steps are called."""
        self._told: dict[str, tuple[float, float]] = {}
        """When something was said of a step's progress, and what share was done."""

    def run_started(self, run: Run, plan: Plan) -> None:
        """Say which run begins."""
        known = "" if plan.is_dynamic else f": {count(len(plan.invocations), 'step')}"
        verb = "resumed" if run.epoch else "started"
        _say(f"Run `{run.name}` {verb}{known}.")

    def step_added(self, invocation: Invocation) -> None:
        """Say nothing: what comes of it is told."""

    def waiting(self, counts: Mapping[str, int]) -> None:
        """Say nothing."""

    def children(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Say nothing: the end of a child is told as that of a step."""

    def step(self, step: StepRun) -> None:
        """Say what became of a step; that it started goes without saying unless it prints."""
        if step.status == "running":
            self._names[step.id] = step.invocation_id
            return
        if step.status == "retrying":
            return  # the attempt before it has said so
        self._names.pop(step.id, None)
        self._told.pop(step.id, None)
        if step.status == "retried":
            self._flush()
            said = _first_line(step.failure).rstrip(".")
            _say(f"Step `{step.invocation_id}` failed: {said}; {step.reason}.")
            return
        self._counts[step.status] = self._counts.get(step.status, 0) + 1
        if step.status in ("cached", "skipped"):
            if self._waiting and self._waiting[0].status != step.status:
                self._flush()
            self._waiting.append(step)
            return
        self._flush()
        if step.status == "completed":
            _say(f"Step `{step.invocation_id}` finished in {duration(step.started_at, step.ended_at)}.")
        elif step.status == "failed":
            _say(screen.red(f"Step `{step.invocation_id}` failed: {_first_line(step.failure)}"))
        else:
            _say(f"Step `{step.invocation_id}` {step.status}: {step.reason}.")

    def progress(self, step_run_id: str, progress: Progress) -> None:
        """Say how far a step is, unless little time has passed or little was done since the last word."""
        now, share = time.monotonic(), progress.share
        since, told = self._told.setdefault(step_run_id, (now, 0.0))
        if share is not None and share < told:
            told = 0.0  # another loop has begun
        if now - since < PROGRESS_SECONDS or (share is not None and share - told < PROGRESS_SHARE):
            return
        self._told[step_run_id] = (now, share or 0.0)
        # Not by `note`: this may be another thread, and what waits there is the engine's.
        _say(f"Step `{self._names.get(step_run_id, step_run_id)}`: {progress_text(progress)}.")

    def note(self, text: str) -> None:
        """Say something that is neither a start nor an end."""
        self._flush()
        _say(text)

    def run_ended(self, run: Run) -> None:
        """Say how the run ended, with counts."""
        self._flush()
        counts = ", ".join(words(self._counts, run_status=run.status).values())
        verb = "finished" if run.status == "completed" else run.status
        ended_at = microseconds_now() if run.status == "paused" else run.ended_at
        took = duration(run.created_at, ended_at)
        _say(f"Run `{run.name}` {verb} in {took}" + (f": {counts}." if counts else "."))

    def close(self) -> None:
        """Hold nothing."""

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        status = waiting[0].status
        if len(waiting) > GROUPED:
            names = f"`{waiting[0].invocation_id}` … `{waiting[-1].invocation_id}`"
            _say(f"Steps {names} {status} ({len(waiting)}).")
        else:
            for step in waiting:
                _say(f"Step `{step.invocation_id}` {status}" + (f": {step.reason}." if step.reason else "."))


def choose_reporter(store: Store, *, at_once: bool = False) -> Reporter:
    """Return the reporter that the environment asks for; `at_once` if a run is drawn however short it is."""
    if screen.is_quiet():
        return SilentReporter()
    if screen.is_live():
        from zenml.reporting.live_reporter import LiveReporter

        return LiveReporter(store, at_once=at_once)
    return PlainReporter()


def duration(start: int, end: int | None) -> str:
    """Return the time between two instants for people."""
    seconds = ((end or start) - start) / 1e6
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def progress_text(progress: Progress) -> str:
    """Return how far a step is in words: `25%, 30 of 120, rounds`."""
    share = progress.share
    parts = [] if share is None else [f"{share:.0%}"]
    parts.append(reached(progress))
    if progress.description:
        parts.append(progress.description)
    parts += [inner_text(one) for one in progress.inner]
    return ", ".join(parts)


def reached(progress: Progress) -> str:
    """Return how many items are done, and of how many if that is known."""
    done = f"{progress.done:,.10g}"
    return done if progress.total is None else f"{done} of {progress.total:,.10g}"


def inner_text(progress: Progress) -> str:
    """Return how far a loop beside the outermost one is: `batches 25%`."""
    share = progress.share
    said = reached(progress) if share is None else f"{share:.0%}"
    return f"{progress.description} {said}" if progress.description else said


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _first_line(failure: Failure | None) -> str:
    if failure is None:
        return "no reason recorded."
    line = failure.message.strip().partition("\n")[0]
    return f"{failure.type.rpartition('.')[2]}: {line}" if line else failure.type.rpartition(".")[2]


def _say(text: str) -> None:
    try:
        say(text + "\n")
    except (OSError, ValueError, AttributeError):
        pass  # the terminal is gone or was closed; that is no reason to fail a run
