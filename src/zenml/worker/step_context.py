"""What a running step can know and say of itself: what `get_step_context()` returns.

Everything it knows comes from the task, so it is the same in a thread and in a process far away.
What it says goes to the owner of the run as events; what it says of its outputs, which do not
exist yet, travels with the outcome and is recorded together with them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from zenml.artifacts.commit import key_for
from zenml.components.artifact_stores import ArtifactStores, artifact_stores_of
from zenml.context.masking import mask_value
from zenml.errors import ContextError
from zenml.materializers import storage
from zenml.records.events import LoggedMetadata, LoggedTags, Target
from zenml.records.ids import microseconds_now
from zenml.records.metadata_values import read_metadata
from zenml.records.run import Run, StepRun
from zenml.records.tagging import read_tags
from zenml.records.task import StepTask, TaskArtifact, TaskList
from zenml.views.named import Named
from zenml.views.step_view import StepConfiguration, StepView

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.records.events import StepEvent
    from zenml.records.plan import TagSpec
    from zenml.store.store import Store
    from zenml.views.pipeline_view import PipelineView
    from zenml.views.run_view import RunView
    from zenml.worker.step_model import StepModel, StepModelVersion


class OutputNotes:
    """What a step said of its outputs, by output."""

    def __init__(self) -> None:
        self.metadata: dict[str, dict[str, Any]] = {}
        self._tags: dict[str, dict[str, TagSpec]] = {}

    def tag(self, output: str, tags: tuple[TagSpec, ...], *, is_removal: bool = False) -> None:
        """Note tags to be put on an output, or no longer to be put on it."""
        known = self._tags.setdefault(output, {})
        for tag in tags:
            if is_removal:
                known.pop(tag.name, None)
            else:
                known[tag.name] = tag

    def tags(self) -> dict[str, tuple[TagSpec, ...]]:
        """Return the tags by output."""
        return {output: tuple(tags.values()) for output, tags in self._tags.items()}


class _Current:
    """Something that the task tells a part of; the rest is read from the store when somebody asks."""

    def __init__(self, view: Callable[[], Any]) -> None:
        self._view = view

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._view(), name)


class CurrentPipeline(_Current):
    """The pipeline of the run."""

    def __init__(self, name: str, view: Callable[[], PipelineView]) -> None:
        super().__init__(view)
        self.name = name


class CurrentRun(_Current):
    """The run that the step belongs to."""

    def __init__(self, task: StepTask, view: Callable[[], RunView]) -> None:
        super().__init__(view)
        self.id = task.run_id
        self.name = task.run_name
        self.run_metadata: dict[str, Any] = {}
        """What this step has logged of the run so far."""


class CurrentStep(_Current):
    """The step run itself."""

    def __init__(self, task: StepTask, view: Callable[[], StepView]) -> None:
        super().__init__(view)
        self.id = task.step_run_id
        self.name = task.invocation.id
        self.config = StepConfiguration(task.invocation, task.definition)
        self.attempt = task.attempt
        self.run_metadata: dict[str, Any] = {}
        """What this step has logged of itself so far."""


class InputArtifact:
    """An artifact that the step takes as an argument."""

    def __init__(self, item: TaskArtifact, stores: ArtifactStores) -> None:
        self.id = item.id
        self.name = item.name
        self.data_type = item.stored.type
        self.metadata = dict(item.stored.metadata)
        self._item = item
        self._stores = stores

    @property
    def uri(self) -> str:
        """The folder of the stored files, or a text that says that the value lies in the database."""
        stored = self._item.stored
        return f"inline:{self.id}" if stored.key is None else self._stores.of(stored.store_id).uri(stored.key)

    def load(self) -> Any:
        """Return the value, read anew."""
        return storage.load(self._item.stored, artifact_store=self._stores, trusted=self._item.is_trusted)

    def __repr__(self) -> str:
        return f"<input artifact `{self.name}`, {self.data_type}>"


class StepContext:
    """The context of one attempt of one step."""

    def __init__(
        self,
        task: StepTask,
        emit: Callable[[StepEvent], None],
        *,
        state: Callable[[], Any] | None = None,
        store: Store | None = None,
    ) -> None:
        self._task = task
        self._emit = emit
        self._state = state
        self._store = store
        self.pipeline = CurrentPipeline(task.pipeline, lambda: self._run_view.pipeline)
        self.pipeline_run = CurrentRun(task, lambda: self._run_view)
        self.step_run = CurrentStep(task, self._step_view)
        self.said_of_model: dict[str, Any] = {}
        """What this step has logged of the version of its model so far."""
        self.output_notes = OutputNotes()

    # What the step can know

    @property
    def step_name(self) -> str:
        """The invocation id: the step's name inside the run."""
        return self.step_run.name

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._task.attempt

    @property
    def run_metadata(self) -> dict[str, Any]:
        """What this step has logged of itself so far."""
        return self.step_run.run_metadata

    @property
    def pipeline_state(self) -> Any:
        """What the `on_init` hook of the pipeline returned, None without one: in a process of its own a copy."""
        return None if self._state is None else self._state()

    @cached_property
    def model(self) -> StepModel | None:
        """The model that the step works on, with its version; None where none is configured."""
        if self._task.model is None:
            return None
        from zenml.worker.step_model import StepModel

        return StepModel(self._task.model, self._recorded_in, self)

    @cached_property
    def model_version(self) -> StepModelVersion | None:
        """The same by the name of its version."""
        if self._task.model is None:
            return None
        from zenml.worker.step_model import StepModelVersion

        return StepModelVersion(self._task.model, self._recorded_in, self)

    @cached_property
    def inputs(self) -> Named[Any]:
        """The artifacts it takes, by argument; a list where several were given as one argument."""
        found: dict[str, Any] = {}
        stores = artifact_stores_of(self._task)
        for name, item in self._task.inputs.items():
            if isinstance(item, TaskArtifact):
                found[name] = InputArtifact(item, stores)
            elif isinstance(item, TaskList):
                found[name] = [
                    InputArtifact(one, stores) for one in item.items if isinstance(one, TaskArtifact)
                ]
        return Named(found, f"input of step `{self.step_name}`")

    def get_output_artifact_uri(self, name: str | None = None) -> str:
        """Return the folder that will hold an output's files; small values lie in the database instead.

        The folder appears when the step has returned, whole. Do not write into it.
        """
        hint = f"{self._task.step_run_id}/{self.output_called(name)}"
        return artifact_stores_of(self._task).uri(key_for(hint))

    # What the step can say

    def log_metadata(self, target: Target, metadata: Any) -> None:
        """Tell the owner of the run values to keep with a target."""
        values = mask_value(read_metadata(metadata, f"the metadata of step `{self.step_name}`"))
        self._emit(LoggedMetadata(target, values, microseconds_now()))
        for known in (self.step_run, self.pipeline_run):
            if known.id == target.id:
                known.run_metadata.update(values)
        if self._task.model is not None and self._task.model.id == target.id:
            self.said_of_model.update(values)

    def log_tags(self, target: Target, tags: Any, *, is_removal: bool = False) -> None:
        """Tell the owner of the run tags to put on a target, or to take off it."""
        specs = read_tags(tags, f"step `{self.step_name}`")
        self._emit(LoggedTags(target, specs, is_removal))

    def add_output_metadata(self, metadata: Any, output_name: str | None = None) -> None:
        """Have metadata recorded with an output; the name may be left out where there is one output."""
        output = self.output_called(output_name)
        values = mask_value(read_metadata(metadata, f"the metadata of output `{output}`"))
        self.output_notes.metadata.setdefault(output, {}).update(values)

    def get_output_metadata(self, output_name: str | None = None) -> dict[str, Any]:
        """Return what was said of an output so far."""
        return dict(self.output_notes.metadata.get(self.output_called(output_name), {}))

    def add_output_tags(self, tags: Any, output_name: str | None = None) -> None:
        """Have an output tagged; the name may be left out where there is one output."""
        output = self.output_called(output_name)
        self.output_notes.tag(output, read_tags(tags, f"output `{output}`"))

    def get_output_tags(self, output_name: str | None = None) -> list[str]:
        """Return the tags that an output is to have so far."""
        return [tag.name for tag in self.output_notes.tags().get(self.output_called(output_name), ())]

    def remove_output_tags(self, tags: Any, output_name: str | None = None) -> None:
        """Take back tags that this step wanted on an output."""
        output = self.output_called(output_name)
        self.output_notes.tag(output, read_tags(tags, f"output `{output}`"), is_removal=True)

    @property
    def _recorded_in(self) -> Store:
        """The store; a step in a process of its own opens it."""
        from zenml.store.opening import open_store

        return self._store or open_store()

    @cached_property
    def _run_view(self) -> RunView:
        """The run as it is recorded."""
        from zenml.views.run_view import RunView

        store = self._recorded_in
        record = store.get(Run, self._task.run_id)
        if record is None:
            raise ContextError(f"Run `{self._task.run_name}` is no longer in the store `{store.root}`.")
        return RunView(record, store)

    def _step_view(self) -> StepView:
        record = self._run_view._store.get(StepRun, self._task.step_run_id)
        if record is None:
            raise ContextError(f"Step `{self.step_name}` is no longer in the store.")
        return StepView(record, self._run_view, self._run_view._store)

    def output_called(self, name: str | None) -> str:
        """Return the name of an output, which need not be given where there is only one.

        Raises:
            ContextError: there is no such output, or no name was given and there is not exactly one.
        """
        names = [output.name for output in self._task.definition.outputs]
        if name in names or (name is None and len(names) == 1):
            return name or names[0]
        asked = f"has no output `{name}`" if name is not None else f"has {len(names)} outputs"
        listed = ", ".join(f"`{one}`" for one in names) or "none"
        raise ContextError(
            f"Step `{self.step_name}` {asked}; its outputs are: {listed}. Give the name of one of them."
        )

    def __repr__(self) -> str:
        return f"<context of step `{self.step_name}` of run `{self.pipeline_run.name}`>"
