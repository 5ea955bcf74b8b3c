"""A run as a user reads it: `run.steps["train"].outputs["model"].load()`."""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.context import live
from zenml.errors import NotFoundError
from zenml.records import wire
from zenml.records.hooks import HookRun
from zenml.records.ids import short
from zenml.records.models import key_of
from zenml.records.plan import Plan, StepDefinition
from zenml.records.run import Artifact, Document, Environment, Run, RunOutput, StepRun
from zenml.records.status import AT_REST
from zenml.records.waits import Wait
from zenml.views.artifact_view import ArtifactView
from zenml.views.logs import StepLogs
from zenml.views.named import Named
from zenml.views.noted import TagName, tags_of
from zenml.views.progress import Standing, read_standing
from zenml.views.record_view import ExecutionView
from zenml.views.run_configuration import RunConfiguration
from zenml.views.step_states import ordered
from zenml.views.step_tree import Call, group_of
from zenml.views.step_view import StepView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.records.events import Progress
    from zenml.records.plan import ModelSpec
    from zenml.records.run import NotedKind
    from zenml.views.model_view import ModelVersionView
    from zenml.views.pipeline_view import PipelineView
    from zenml.views.replay_report import ReplayReport
    from zenml.views.schedule_view import ScheduleView, TickView
    from zenml.views.stack_view import StackView


FIRST_LOOK = 0.02
"""Seconds until a run that is waited for is looked at again; doubles up to the last one."""
LAST_LOOK = 0.5


class RunView(ExecutionView[Run]):
    """One run of a pipeline."""

    kind: NotedKind = "run"

    @property
    def name(self) -> str:
        """The name, unique in the store."""
        return self.record.name

    @property
    def pipeline(self) -> PipelineView:
        """The pipeline that ran."""
        from zenml.views.pipeline_view import PipelineView

        return PipelineView(self.record.pipeline_name, self.record.pipeline_id, self._store)

    created = ExecutionView.start_time

    @property
    def config(self) -> RunConfiguration:
        """The configuration of the run: options and parameters."""
        return RunConfiguration(self.record, self._store)

    @property
    def stack(self) -> StackView:
        """The stack that the run was begun with, as it was then."""
        from zenml.views.stack_view import recorded_stack

        return recorded_stack(self.record, self._store)

    @property
    def schedule(self) -> ScheduleView | None:
        """The schedule that began the run; None for one that people began, and if that was deleted."""
        from zenml.views.schedule_view import schedule_of

        return schedule_of(self.record, self._store)

    @property
    def tick(self) -> TickView | None:
        """The time or event that the run stands for: `run.tick.instant` is when it was due, however late it began."""
        from zenml.views.schedule_view import tick_of

        return tick_of(self.record, self._store)

    @property
    def parameters(self) -> dict[str, Any]:
        """The arguments of the pipeline function."""
        return self.config.parameters

    @cached_property
    def plan(self) -> Plan:
        """What the run was to do; of a dynamic pipeline, with the calls that were made so far."""
        plan = self.stored_plan
        return self._with_calls(plan) if plan.is_dynamic else plan

    @cached_property
    def stored_plan(self) -> Plan:
        """What was known of the run when it began: that of a dynamic pipeline has no steps."""
        body = self._store.document(self.record.plan)
        if body is None:
            raise NotFoundError(f"The plan of run `{self.name}` is no longer in the store.")
        return wire.decode(body, Plan)

    def definition(self, digest: str) -> StepDefinition:
        """Return what a step of the run was when it ran, by the key of its definition."""
        known = self._definitions.get(digest) or self.stored_plan.definitions.get(digest)
        if known is None:
            body = self._store.document(digest)
            if body is None:
                raise NotFoundError(
                    f"What the steps of run `{self.name}` were is no longer in the store: document `{digest}` is missing."
                )
            known = self._definitions[digest] = wire.decode(body, StepDefinition)
        return known

    @cached_property
    def _definitions(self) -> dict[str, StepDefinition]:
        """Those of a dynamic pipeline that were asked for."""
        return {}

    def _with_calls(self, plan: Plan) -> Plan:
        """Return the plan of a dynamic pipeline with the calls that were made so far, in their order."""
        calls = {step.invocation_id: step.invocation for step in self.attempts}
        listed = tuple({call.definition for call in calls.values()})
        definitions = {
            one.digest: wire.decode(one.body, StepDefinition)
            for one in self._store.select(Document, digest=listed)
        }
        return msgspec.structs.replace(plan, invocations=tuple(calls.values()), definitions=definitions)

    @cached_property
    def environment(self) -> Environment:
        """What reproduces the run beside its code: Python, packages, command, commit."""
        body = self._store.document(self.record.environment)
        if body is None:
            raise NotFoundError(f"The environment of run `{self.name}` is no longer in the store.")
        return wire.decode(body, Environment)

    @property
    def logs(self) -> StepLogs | None:
        """What was printed during the run by none of its steps; None if there is nothing."""
        path = os.path.join(self._store.root, "logs", self.id, "run.log")
        return StepLogs(path) if os.path.exists(path) else None

    @property
    def tags(self) -> list[TagName]:
        """The tags of the run."""
        return tags_of(self._store, "run", self.id)

    @property
    def model_version(self) -> ModelVersionView | None:
        """The version of the model that its pipeline works on; None if it names none, or it was deleted."""
        return self.model_version_of(self.record.options.model)

    def model_version_of(self, spec: ModelSpec | None) -> ModelVersionView | None:
        """Return the version that a configuration stood for in this run."""
        if spec is None:
            return None
        from zenml.views.model_view import ModelVersionView

        found = self._store.models.of_run(self.id).get(key_of(spec))
        return None if found is None else ModelVersionView(found, self._store)

    @cached_property
    def steps(self) -> Named[StepView]:
        """The step runs by invocation id, the last attempt of each."""
        return Named(
            {step.invocation_id: StepView(step, self, self._store) for step in self.attempts},
            f"step of run `{self.name}`",
        )

    @cached_property
    def attempts(self) -> list[StepRun]:
        """All attempts of all steps, in the order in which they began."""
        return self._store.select(StepRun, run_id=self.id)

    @cached_property
    def calls(self) -> list[Call]:
        """All calls with their last attempts in outline: those that began in this order, then the rest of the plan.

        Of a run with a hundred thousand steps, they cost a tenth of `steps`.
        """
        begun = {step.invocation_id: step for step in self._store.outline(self.id)}
        calls = [Call(name, step.upstream, step, step.map) for name, step in begun.items()]
        rest = [one for one in self.stored_plan.invocations if one.id not in begun]
        return calls + [Call(one.id, one.upstream(), map=one.map) for one in rest]

    @cached_property
    def standing(self) -> Standing:
        """What its owner says of it while it goes on; `refresh` for what it is later."""
        return Standing() if self.end_time is not None else read_standing(self._store.root, self.id)

    @property
    def progress(self) -> dict[str, Progress]:
        """How far its running steps are that use `track`, by id of step run; `refresh` for what it is later."""
        return self.standing.steps

    @cached_property
    def waiting(self) -> dict[str, int]:
        """How many calls of a dynamic pipeline have not begun, by map or step (`step_tree.group_of`)."""
        return self.standing.waiting(group_of(call.id, call.map) for call in self.calls)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many steps are in which state, with those that wait."""
        found = {"waiting": sum(self.waiting.values())}
        for call in self.calls:
            found[call.status] = found.get(call.status, 0) + 1
        return ordered(found)

    @cached_property
    def counts_of_children(self) -> dict[str, dict[str, int]]:
        """How many steps of each run that this one called are in which state, by the id of that run."""
        found = self._store.states_of_children(self.id)
        return {child: ordered(counts) for child, counts in found.items()}

    def step_run(self, step_run_id: str) -> StepView:
        """Return one step by the id of its step run, without reading the others."""
        step = self._store.get(StepRun, step_run_id)
        if step is None:
            raise NotFoundError(f"Run `{self.name}` has no step run `{step_run_id}`, or was deleted.")
        return StepView(step, self, self._store)

    @property
    def hook_runs(self) -> list[HookRun]:
        """The hooks that were due, in this order; those that a dead process still owes are `pending`."""
        return self._store.select(HookRun, run_id=self.id)

    @property
    def parent(self) -> RunView | None:
        """The run whose function called this one; None for most, and if that was deleted."""
        identifier = self.record.parent_id
        found = None if identifier is None else self._store.get(Run, identifier)
        return None if found is None else RunView(found, self._store)

    @property
    def children(self) -> list[RunView]:
        """The runs that the function of this one called, in the order in which they began."""
        if not self.plan.is_dynamic:
            return []
        return [RunView(run, self._store) for run in self._store.select(Run, parent_id=self.id)]

    @property
    def original(self) -> RunView | None:
        """The run that this one reproduces; None for a run that is no replay, and if that was deleted."""
        identifier = self.record.original_id
        found = None if identifier is None else self._store.get(Run, identifier)
        return None if found is None else RunView(found, self._store)

    @property
    def replays(self) -> list[RunView]:
        """The runs that reproduce this one, in the order in which they began."""
        return [RunView(run, self._store) for run in self._store.select(Run, original_id=self.id)]

    @property
    def replay_report(self) -> ReplayReport | None:
        """How its outputs compare with those of its original; None for a run that is no replay."""
        if self.stored_plan.replay is None:
            return None
        from zenml.views.replay_report import read_report  # few runs are replays

        return read_report(self, self.original, self._store)

    @property
    def waits(self) -> list[Wait]:
        """What it has asked people, the oldest first: `question`, `answer_schema`, `status`, `answer`."""
        return self._store.select(Wait, run_id=self.id)

    def answer(self, value: Any, name: str | None = None, *, by: str | None = None) -> RunView:
        """Record the answer to what the run asks; go on with it by `resume()`. Return the run as it is now.

        Args:
            value: the answer, as a Python value or as JSON would have it.
            name: which question; may be left out, since a run waits for one.
            by: who answers.

        Raises:
            AnswerError: it asks nothing, it was answered by somebody else, or it is too late.
            TypeMismatchError: the answer does not fit.
        """
        from zenml.views.asking import answer  # few runs ask anything

        answer(self, value, name, by=by)
        return self.refresh()

    @property
    def outputs(self) -> list[ArtifactView]:
        """The outputs of the pipeline, in the order in which it returned them."""
        listed = sorted(self._store.select(RunOutput, run_id=self.id), key=lambda output: output.position)
        found = {a.id: a for a in self._store.select(Artifact, id=[output.artifact_id for output in listed])}
        return [ArtifactView(found[output.artifact_id], self._store) for output in listed]

    def refresh(self) -> RunView:
        """Return the run as it is recorded now."""
        self._store.interrupt_dead_runs()
        record = self._store.get(Run, self.id)
        if record is None:
            raise NotFoundError(f"Run `{self.name}` (`{self.id}`) was deleted.")
        return RunView(record, self._store)

    def resume(self, *, pipeline: Any = None, arguments: Mapping[str, Any] | None = None) -> RunView:
        """Execute what is missing of the run, which did not complete; return it when it has ended.

        Args:
            pipeline: its pipeline, where that cannot be imported: from a notebook, or from inside a function.
            arguments: arguments of the pipeline that could not be recorded.

        Raises:
            ResumeError: the run has completed or goes on, or its pipeline cannot be found.
        """
        resumed: RunView = live.resume(self, store=self._store, pipeline=pipeline, arguments=arguments)
        return resumed

    def replay(self, **options: Any) -> RunView:
        """Reproduce the run as a new one, from what it recorded; return that when it has ended.

        Args:
            options: what is to be otherwise: those of `zenml.replay`.

        Raises:
            ReplayError: its pipeline cannot be found, or what is to be skipped has no result.
        """
        replayed: RunView = live.replay(self, **{"store": self._store, **options})
        return replayed

    def wait(self, timeout: float | None = None) -> RunView:
        """Wait until the run has ended or is paused, and be the run as it is then.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_LOOK
        while self.record.status not in AT_REST:
            left = LAST_LOOK if end is None else end - time.monotonic()
            self.record = self.refresh().record
            if self.record.status in AT_REST or left <= 0:
                break
            time.sleep(min(pause, left))
            pause = min(pause * 2, LAST_LOOK)
        for name in (
            "attempts",
            "steps",
            "standing",
            "plan",
            "calls",
            "waiting",
            "counts",
            "counts_of_children",
        ):
            self.__dict__.pop(name, None)
        return self

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from zenml.views.html import run_html

        return run_html(self)

    def __repr__(self) -> str:
        remedy = f"; answer it: zenml run answer {short(self.id)}" if self.record.status == "paused" else ""
        return f"<run `{self.name}` ({short(self.id)}), {self.record.status}{remedy}>"
