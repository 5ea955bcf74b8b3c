"""`zenml run watch`: follow a run of another process as if it were one's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Command, quiet_option
from zenml.cli.completing import complete_run
from zenml.cli.shapes import progress_shape
from zenml.client.client import Client
from zenml.records.ids import short
from zenml.records.query import MAX_PAGE_SIZE, Condition, Query
from zenml.records.run import Run, StepRun
from zenml.records.status import AT_REST, ENDED
from zenml.reporting import screen
from zenml.reporting.reporter import choose_reporter
from zenml.views.asking import asking_text
from zenml.views.failure_panel import failure_panel
from zenml.views.progress import read_standing
from zenml.views.run_view import RunView
from zenml.views.step_tree import group_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zenml.records.events import Progress
    from zenml.records.plan import Invocation, Plan
    from zenml.reporting.reporter import Reporter
    from zenml.store.store import Store

INTERVAL = 0.5
"""Seconds between two looks into the store."""
CHECKS = 10
"""Looks after which it is asked whether the process that owns the run still lives."""
CHILDREN = 2
"""Looks after which the steps of children are counted."""


@click.command(cls=Command, example="zenml run watch nightly")
@click.argument("run", shell_complete=complete_run)
@quiet_option
@click.option("--json", "as_json", is_flag=True, help="Print an event a line as JSON, for programs.")
def watch(run: str, *, as_json: bool) -> None:
    """Follow RUN until it ends; Ctrl-C ends the watching, not the run.

    The exit status is 0 if the run completed, and 1 if it did not. JSON: an object a line with
    event (run, step, progress or waiting), name, status, reason, attempt, at in microseconds since 1970; of
    progress done, total and description; of waiting the count of calls that have not begun, and groups, the
    count by step, or by map as `NAME[]`.
    """
    client = Client()
    view = client.get_pipeline_run(run)
    reporter = EventPrinter() if as_json else choose_reporter(client.store, at_once=True)
    try:
        ended = follow(view, client.store, reporter)
    except KeyboardInterrupt:
        reporter.close()
        again = short(view.id)
        click.echo(
            f"Run `{view.name}` goes on. Watch it: zenml run watch {again}   Stop it: zenml run stop {again}",
            err=True,
        )
        click.get_current_context().exit(130)
    finally:
        reporter.close()
    if ended.status == "completed":
        return
    if ended.status == "paused":
        if not as_json:
            click.echo(asking_text(RunView(ended, client.store)), err=True)
        return
    if not as_json and not screen.is_live():
        panel = failure_panel(RunView(ended, client.store))
        click.echo(f"\n{panel}\nThe whole run: zenml run show {short(ended.id)}", err=True)
    click.get_current_context().exit(1)


def follow(view: RunView, store: Store, reporter: Reporter) -> Run:
    """Tell a reporter what happens in a run until it ends; return the ended run."""
    reporter.run_started(view.record, view.stored_plan)
    steps = _Steps(store, view.id)
    looks = 0
    while True:
        # The run first: if it has ended, all of its steps have.
        record = store.get(Run, view.id) or view.refresh().record
        for step in steps.changed():
            reporter.step(step)
        for step_run_id, progress in steps.progress():
            reporter.progress(step_run_id, progress)
        if steps.has_children and (looks % CHILDREN == 0 or record.status in AT_REST):
            reporter.children(store.states_of_children(view.id))
        reporter.waiting({} if record.status in AT_REST else steps.waiting)
        if record.status in AT_REST:
            reporter.run_ended(record)
            return record
        looks += 1
        if looks % CHECKS == 1:
            store.interrupt_dead_runs()
        time.sleep(INTERVAL)


class _Steps:
    """The step runs of a run that is going on, as far as they are known."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._last = ""
        self._running: dict[str, StepRun] = {}
        self._progress: dict[str, Progress] = {}
        self.waiting: dict[str, int] = {}
        """How many calls wait, by map or step, when `progress` was asked last."""
        self.has_children = False
        """Whether a pipeline was called."""
        self._begun: dict[str, str] = {}
        """The map or step of each call that has begun."""

    def changed(self) -> Iterator[StepRun]:
        """Yield what began or ended since the last look: only that is read, and what may have ended."""
        if self._running:
            for step in self._store.select(StepRun, id=list(self._running)):
                if step.status != self._running[step.id].status:
                    self._running[step.id] = step
                    if step.status in ENDED:
                        del self._running[step.id]
                    yield step
        while True:
            found = self._newer()
            for step in found:
                self._last = step.id
                self.has_children = self.has_children or step.child_run_id is not None
                self._begun[step.invocation_id] = group_of(step.invocation_id, step.invocation.map)
                if step.status not in ENDED:
                    self._running[step.id] = step
                yield step
            if len(found) < MAX_PAGE_SIZE:
                return

    def progress(self) -> Iterator[tuple[str, Progress]]:
        """Yield how far running steps are of which that has changed."""
        before, standing = self._progress, read_standing(self._store.root, self._run_id)
        self._progress, self.waiting = standing.steps, standing.waiting(self._begun.values())
        for step_run_id, progress in self._progress.items():
            if step_run_id in self._running and progress != before.get(step_run_id):
                yield step_run_id, progress

    def _newer(self) -> list[StepRun]:
        conditions = (Condition("run_id", "equals", self._run_id), Condition("id", "gt", self._last))
        found: list[StepRun] = self._store.find(
            StepRun, Query(conditions, is_descending=False, size=MAX_PAGE_SIZE, needs_total=False)
        ).items
        return found


class EventPrinter:
    """Prints every event as a line of JSON."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}

    def run_started(self, run: Run, plan: Plan) -> None:
        """Print the run as it is found."""
        _print(
            event="run",
            name=run.name,
            id=run.id,
            status="running",
            at=run.created_at,
            steps=len(plan.invocations),
        )

    def step_added(self, invocation: Invocation) -> None:
        """Print nothing: who watches hears only how many wait."""

    def waiting(self, counts: Mapping[str, int]) -> None:
        """Print how many calls wait, if that has changed."""
        if counts != self._waiting:
            self._waiting = dict(counts)
            _print(event="waiting", count=sum(counts.values()), groups=self._waiting)

    def children(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Print nothing: `run show --json` has it."""

    def step(self, step: StepRun) -> None:
        """Print a step with its state."""
        at = step.started_at if step.ended_at is None else step.ended_at
        _print(
            event="step", name=step.invocation_id, id=step.id, status=step.status,
            reason=step.reason, attempt=step.attempt, at=at,
        )  # fmt: skip

    def progress(self, step_run_id: str, progress: Progress) -> None:
        """Print how far a step is."""
        _print(event="progress", id=step_run_id, **progress_shape(progress))

    def note(self, text: str) -> None:
        """Print something else."""
        _print(event="note", text=text)

    def run_ended(self, run: Run) -> None:
        """Print the run as it ended."""
        _print(event="run", name=run.name, id=run.id, status=run.status, reason=run.reason, at=run.ended_at)

    def close(self) -> None:
        """Hold nothing."""


def _print(**event: Any) -> None:
    import json

    click.echo(json.dumps(event, ensure_ascii=False))
