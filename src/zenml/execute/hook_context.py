"""What a hook can know: the same as the step that it is called for, as it is recorded by now.

`get_step_context()` in a hook of a step returns a `HookContext` whose `step_run` is the ended step with
its outputs. In a hook of the run itself it has the run's part, and an error for the rest.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zenml.components.artifact_stores import artifact_stores
from zenml.context import session
from zenml.errors import ContextError
from zenml.execute.posted_news import PostedNews
from zenml.records.events import LoggedMetadata, LoggedTags, Target
from zenml.records.ids import microseconds_now
from zenml.records.metadata_values import read_metadata
from zenml.records.models import key_of
from zenml.records.run import StepRun
from zenml.records.tagging import read_tags
from zenml.records.task import StepTask
from zenml.views.run_view import RunView
from zenml.views.step_view import StepView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zenml.logs.output import Printer
    from zenml.records.events import StepEvent
    from zenml.records.models import ModelVersion
    from zenml.records.plan import HookName, Plan
    from zenml.records.run import Run
    from zenml.store.store import Store
    from zenml.views.artifact_view import ArtifactView
    from zenml.views.named import Named
    from zenml.views.pipeline_view import PipelineView
    from zenml.worker.step_model import StepModel, StepModelVersion


class RunInHook:
    """What all hooks of a run share."""

    def __init__(
        self,
        run: Run,
        plan: Plan,
        store: Store,
        hear: Callable[[StepRun, StepEvent], None],
        note: Callable[[str], None],
    ) -> None:
        self.run = run
        self.plan = plan
        self.store = store
        self.hear = hear
        """Takes what a hook says of its step."""
        self.note = note
        """Tells the user something."""
        self._noted: set[str] = set()
        self.state: Any = None
        """What `on_init` returned."""
        self.posted = PostedNews(run, store)
        """What its hooks have posted."""
        self.printer: Printer | None = None
        """Takes what hooks print: the printer of the run."""

    def note_once(self, text: str) -> None:
        """Tell the user something, unless it was told in this run already."""
        if text not in self._noted:
            self._noted.add(text)
            self.note(text)

    def view(self) -> RunView:
        """Return the run, without reading its plan from the store again."""
        view = RunView(self.run, self.store)
        vars(view)["plan"] = self.plan
        return view

    def model_of(self, step: StepRun) -> ModelVersion | None:
        """Return the version that a step works on; the store is asked only where its code names a model."""
        spec = self.plan.definitions[step.definition].options.model
        return None if spec is None else self.store.models.of_run(self.run.id).get(key_of(spec))


class HookContext:
    """The context of one hook."""

    def __init__(self, hook: HookName, shared: RunInHook, step: StepRun | None) -> None:
        self._hook = hook
        self._shared = shared
        self._step = step
        self.said_of_model: dict[str, Any] = {}
        """What this hook has logged of the version of the step's model so far."""

    @cached_property
    def pipeline_run(self) -> RunView:
        """The run."""
        return self._shared.view()

    @property
    def pipeline(self) -> PipelineView:
        """The pipeline of the run."""
        return self.pipeline_run.pipeline

    @property
    def pipeline_state(self) -> Any:
        """What the `on_init` hook returned, None without one."""
        return self._shared.state

    @cached_property
    def step_run(self) -> StepView:
        """The step as it is recorded now: its status, configuration, outputs, metadata."""
        record = self._step_record("step_run")
        return StepView(record, self.pipeline_run, self._shared.store)

    @property
    def is_of_step(self) -> bool:
        """Whether the hook is called for a step, and not for the run as a whole."""
        return self._step is not None

    @property
    def step_name(self) -> str:
        """The invocation id: the step's name inside the run."""
        return self._step_record("step_name").invocation_id

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 1."""
        return self._step_record("attempt").attempt

    @property
    def inputs(self) -> Named[Any]:
        """The artifacts that the step took, by argument."""
        self._step_record("inputs")
        return self.step_run.inputs

    @cached_property
    def model(self) -> StepModel | None:
        """The model that the step works on, with its version; None where none is configured."""
        from zenml.worker.step_model import StepModel

        version = self._shared.model_of(self._step_record("model"))
        return None if version is None else StepModel(version, self._shared.store, self)

    @cached_property
    def model_version(self) -> StepModelVersion | None:
        """The same by the name of its version."""
        from zenml.worker.step_model import StepModelVersion

        version = self._shared.model_of(self._step_record("model_version"))
        return None if version is None else StepModelVersion(version, self._shared.store, self)

    @property
    def run_metadata(self) -> dict[str, Any]:
        """What was logged of the step."""
        self._step_record("run_metadata")
        return self.step_run.run_metadata

    def log_metadata(self, target: Target, metadata: Any) -> None:
        """Tell the owner of the run values to keep with a target."""
        step = self._step_record("log_metadata")
        values = read_metadata(metadata, f"the metadata in hook `{self._hook}`")
        self._shared.hear(step, LoggedMetadata(target, values, microseconds_now()))
        if target.kind == "model_version" and self.model is not None and self.model.id == target.id:
            self.said_of_model.update(values)

    def log_tags(self, target: Target, tags: Any, *, is_removal: bool = False) -> None:
        """Tell the owner of the run tags to put on a target, or to take off it."""
        step = self._step_record("log_tags")
        self._shared.hear(step, LoggedTags(target, read_tags(tags, f"hook `{self._hook}`"), is_removal))

    def add_output_metadata(self, metadata: Any, output_name: str | None = None) -> None:
        """Have metadata recorded with an output of the step."""
        self.log_metadata(self._target(output_name), metadata)

    def add_output_tags(self, tags: Any, output_name: str | None = None) -> None:
        """Have an output of the step tagged."""
        self.log_tags(self._target(output_name), tags)

    def remove_output_tags(self, tags: Any, output_name: str | None = None) -> None:
        """Take tags off an output of the step."""
        self.log_tags(self._target(output_name), tags, is_removal=True)

    def get_output_artifact_uri(self, name: str | None = None) -> str:
        """Return the folder of an output's files, or a text that says that the value lies in the database."""
        return self._output(name).uri

    def get_output_metadata(self, output_name: str | None = None) -> dict[str, Any]:
        """Return what is recorded of an output."""
        return self._output(output_name).run_metadata

    def get_output_tags(self, output_name: str | None = None) -> list[str]:
        """Return the tags of an output."""
        return list(self._output(output_name).tags)

    def _output(self, name: str | None) -> ArtifactView:
        return self.step_run.outputs[name] if name is not None else self.step_run.output

    def _target(self, name: str | None) -> Target:
        return Target("artifact", self._output(name).id)

    def _step_record(self, asked: str) -> StepRun:
        if self._step is None:
            raise ContextError(
                f"Hook `{self._hook}` asked for `{asked}`, but it is called for the run as a whole and not for a "
                "step. It can ask for `pipeline_run`, `pipeline` and `pipeline_state`."
            )
        return self._step

    def __repr__(self) -> str:
        where = f"step `{self._step.invocation_id}` of " if self._step is not None else ""
        return f"<context of hook `{self._hook}` of {where}run `{self._shared.run.name}`>"


class RunHookSession:
    """The active session while a hook of the run runs: pipelines that it calls are runs of their own."""

    def __init__(self, context: HookContext, shared: RunInHook) -> None:
        self.context = context
        self.printer = _CountingPrinter(shared.printer) if shared.printer is not None else None
        self.note_once = shared.note_once
        self.posted = shared.posted
        self.hook_run_id = ""
        """The row of the hook that runs."""

    @property
    def has_printed(self) -> bool:
        """Tell whether the hook printed something."""
        return self.printer is not None and self.printer.has_written

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be the session of this thread."""
        token = session.active.set(self)
        try:
            yield
        finally:
            session.active.reset(token)

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Call the step's function: inside a hook, a step is a function."""
        return step.function(*args, **kwargs)

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Start a run of its own for a pipeline that is called inside a hook."""
        token = session.active.set(None)
        try:
            return pipeline(*args, **kwargs)
        finally:
            session.active.reset(token)


class StepHookSession(RunHookSession):
    """The active session while a hook of a step runs: what it says is said of the step."""

    def __init__(self, context: HookContext, shared: RunInHook, step: StepRun) -> None:
        super().__init__(context, shared)
        self.emit: Callable[[StepEvent], None] = lambda event: shared.hear(step, event)
        self.saved: list[Any] = []
        """What the hook saved."""
        self.task = StepTask(
            step_run_id=step.id,
            run_id=shared.run.id,
            run_name=shared.run.name,
            pipeline=shared.run.pipeline_name,
            invocation=step.invocation,
            definition=shared.plan.definitions[step.definition],
            inputs={},
            artifact_root=shared.store.artifact_root,
            attempt=step.attempt,
            model=shared.model_of(step),
            store=artifact_stores(shared.store).book.current(),
        )


class _CountingPrinter:
    """Prints for the run, and remembers that it did."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self.has_written = False

    def write(self, text: str, *, is_error: bool) -> None:
        """Take text from any thread."""
        self.has_written = True
        self._printer.write(text, is_error=is_error)
