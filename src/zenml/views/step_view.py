"""A step run as a user reads it."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zenml.records import values
from zenml.records.ids import short
from zenml.records.plan import Value
from zenml.records.run import Artifact, StepInput, StepRun
from zenml.views.artifact_view import ArtifactView
from zenml.views.logs import StepLogs
from zenml.views.named import Named
from zenml.views.record_view import ExecutionView
from zenml.views.variables import shown_step

if TYPE_CHECKING:
    from zenml.records.events import Progress
    from zenml.records.plan import Invocation, StepDefinition
    from zenml.records.run import MemoryGuard, NotedKind
    from zenml.store.store import Store
    from zenml.views.model_view import ModelVersionView
    from zenml.views.run_view import RunView


class StepConfiguration:
    """What a step was configured with."""

    def __init__(self, invocation: Invocation, definition: StepDefinition) -> None:
        self._definition = definition
        self._invocation = invocation

    @property
    def name(self) -> str:
        """The name of the step."""
        return self._definition.name

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The arguments that were given as values, not as outputs of other steps."""
        return {
            name: values.decode(bytes(binding.data), allow_types=True)
            for name, binding in self._invocation.inputs.items()
            if isinstance(binding, Value)
        }

    def __getattr__(self, name: str) -> Any:
        return getattr(self._definition.options, name)


class StepSpec:
    """How a step stands in its pipeline."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation_id = invocation.id
        self.upstream_steps = list(invocation.upstream())


class StepView(ExecutionView[StepRun]):
    """One step of a run, in its last attempt."""

    kind: NotedKind = "step"

    def __init__(self, record: StepRun, run: RunView, store: Store) -> None:
        super().__init__(record, store)
        self.run = run

    @property
    def name(self) -> str:
        """The invocation id: the step's name inside the run."""
        return self.record.invocation_id

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.record.attempt

    @property
    def cache_key(self) -> str | None:
        """The key under which the result is stored."""
        return self.record.cache_key

    @property
    def cpu_seconds(self) -> float | None:
        """The processor time of this attempt; None where it had no process of its own, or did not run."""
        return None if self.record.cpu_time is None else self.record.cpu_time / 1e6

    @property
    def peak_memory(self) -> int | None:
        """The bytes that its largest process had at most; where `memory` is capped, all its processes together."""
        return self.record.peak_memory

    @property
    def memory_guard(self) -> MemoryGuard | None:
        """What kept its memory below its cap: `cgroup` or `watchdog`; None where there is no cap."""
        return self.record.memory_guard

    @property
    def progress(self) -> Progress | None:
        """How far it is, if it was running and using `track` when the run was asked for its progress."""
        return self.run.progress.get(self.id) if self.record.status == "running" else None

    @cached_property
    def definition(self) -> StepDefinition:
        """What the step was when it ran."""
        return self.run.definition(self.record.definition)

    @property
    def config(self) -> StepConfiguration:
        """The configuration: options and parameters."""
        invocation, definition = self.record.invocation, self.definition
        return StepConfiguration(*shown_step(invocation, definition, self.run.record, self._store))

    @property
    def spec(self) -> StepSpec:
        """How the step stands in its pipeline."""
        return StepSpec(self.record.invocation)

    @property
    def model_version(self) -> ModelVersionView | None:
        """The version of the model that the step worked on: its own, or that of the pipeline."""
        return self.run.model_version_of(self.definition.options.model)

    @property
    def logs(self) -> StepLogs | None:
        """What the step printed; None when it printed nothing, was cached, or logs are switched off."""
        path = os.path.join(self._store.root, "logs", self.record.run_id, f"{self.record.id}.log")
        return StepLogs(path) if os.path.exists(path) else None

    @cached_property
    def outputs(self) -> Named[ArtifactView]:
        """The outputs by name."""
        producer = self.record.cached_from or self.record.id
        artifacts = self._store.outputs_of([producer]).get(producer, ())
        return Named(
            {
                # An output whose name has placeholders goes by the name that its artifact got.
                artifact.name if "{" in artifact.output else artifact.output: ArtifactView(
                    artifact, self._store
                )
                for artifact in artifacts
            },
            f"output of step `{self.name}`",
        )

    @property
    def output(self) -> ArtifactView:
        """The only output."""
        if len(self.outputs) != 1:
            raise ValueError(
                f"Step `{self.name}` has {len(self.outputs)} outputs ({', '.join(self.outputs) or 'none'}). "
                "Choose one from `.outputs`."
            )
        return next(iter(self.outputs.values()))

    @cached_property
    def inputs(self) -> Named[Any]:
        """The artifacts it took, by argument; a list where several were given as one argument."""
        rows = self._store.select(StepInput, step_run_id=self.record.id)
        artifacts = {
            a.id: a for a in self._store.select(Artifact, id=tuple({row.artifact_id for row in rows}))
        }
        grouped: dict[str, list[ArtifactView]] = {}
        for row in sorted(rows, key=lambda row: row.position):
            grouped.setdefault(row.name, []).append(ArtifactView(artifacts[row.artifact_id], self._store))
        found: dict[str, Any] = {
            name: views[0] if len(views) == 1 else views for name, views in grouped.items()
        }
        return Named(found, f"input of step `{self.name}`")

    def _noted_ids(self) -> tuple[str, ...]:
        """Return its own id, after that of the step it was cached from: what was logged there counts here."""
        return (self.record.cached_from, self.id) if self.record.cached_from else (self.id,)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from zenml.views.html import step_html

        return step_html(self)

    def __repr__(self) -> str:
        return f"<step `{self.name}` ({short(self.id)}), {self.record.status}>"
