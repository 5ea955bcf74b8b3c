"""Calling one hook: the session around it, what it asks for, what became of it.

What a hook raises is its own failure: it is recorded and shown, and changes no result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.execute.hook_context import HookContext, RunHookSession, RunInHook, StepHookSession
from zenml.materializers import storage
from zenml.records.hooks import HookRun, HookRunId
from zenml.records.ids import microseconds_now, new_id
from zenml.signatures.hook_signature import ARGUMENT, NOTHING, OUTPUT, read_hook
from zenml.views.failure_panel import cause
from zenml.worker import failures
from zenml.worker.step_runner import _wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.records.plan import HookName, Source
    from zenml.records.run import Artifact, Run, StepRun


class Due(msgspec.Struct, frozen=True):
    """A hook that is to be called: its row, its function, and what there is to give to it."""

    row: HookRun
    function: Callable[..., Any]
    step: StepRun | None = None
    artifacts: tuple[Artifact, ...] = ()
    """The outputs of the step."""
    exception: BaseException | None = None
    arguments: dict[str, Any] = {}
    """What the configuration gives."""


def due(
    run: Run,
    hook: HookName,
    function: Callable[..., Any],
    source: Source,
    step: StepRun | None = None,
    **there_is: Any,
) -> Due:
    """Return a hook that is due now, with a new row."""
    row = HookRun(
        id=HookRunId(new_id()),
        run_id=run.id,
        step_run_id=None if step is None else step.id,
        invocation_id=None if step is None else step.invocation_id,
        hook=hook,
        source=source,
        created_at=microseconds_now(),
    )
    return Due(row, function, step, **there_is)


class HookRunner:
    """Calls the hooks of one run, from any thread."""

    def __init__(self, shared: RunInHook, artifact_store: ArtifactStore) -> None:
        self.shared = shared
        self._artifact_store = artifact_store

    def call(
        self, one: Due, *, is_signal: Callable[[BaseException], bool]
    ) -> tuple[Any, BaseException | None]:
        """Call a hook and record what became of it; return its result, and what it raised.

        Args:
            one: the hook.
            is_signal: tells whether an exception was raised by a signal; then it is raised, and the hook stays due.
        """
        started = microseconds_now()
        session = self._session(one)
        session.hook_run_id = one.row.id
        result, error = None, None
        try:
            with session.entered():
                result = self._call(one, session.context)
        except BaseException as raised:  # whatever user code raises is the hook's failure
            if is_signal(raised):
                raise
            error = raised
        self._record(one, session, started, error)
        return result, error

    def _session(self, one: Due) -> RunHookSession:
        context = HookContext(one.row.hook, self.shared, one.step)
        if one.step is None:
            return RunHookSession(context, self.shared)
        return StepHookSession(context, self.shared, one.step)

    def _call(self, one: Due, context: HookContext) -> Any:
        outputs = [artifact.output for artifact in one.artifacts]
        signature = read_hook(one.function, one.row.hook, outputs=outputs, arguments=one.arguments)
        positional, named = signature.arguments(lambda what: self._thing(what, one, context))
        result = one.function(*positional, **named)
        return _wait_for(result) if hasattr(result, "__await__") else result

    def _thing(self, what: str, one: Due, context: HookContext) -> Any:
        """Return what a parameter asks for; a run has None for what only a step has."""
        if what.startswith(ARGUMENT):
            return one.arguments[what.removeprefix(ARGUMENT)]
        if what.startswith(OUTPUT):
            name = what.removeprefix(OUTPUT)
            return next((self._load(one) for one in one.artifacts if one.output == name), None)
        if what == "context":
            return context
        if what == "exception":
            return one.exception
        if what == "output":
            values = tuple(map(self._load, one.artifacts))
            return values[0] if len(values) == 1 else values or None
        if what == "run":
            return context.pipeline_run
        if what == "parameters":
            return context.step_run.config.parameters if one.step else context.pipeline_run.parameters
        if what in ("pipeline", "pipeline_state"):
            return getattr(context, what)
        if what == NOTHING or one.step is None:
            return None
        return context.step_run if what == "step" else getattr(context, what)

    def _load(self, artifact: Artifact) -> Any:
        """Return the value of an artifact that this process made, or whose signature was looked at (`owed_hooks`)."""
        stored = artifact.stored_value()
        if stored.inline is None and stored.key is None:
            stored = msgspec.structs.replace(stored, inline=self.shared.store.inline_bytes(artifact.id))
        return storage.load(stored, artifact_store=self._artifact_store, trusted=artifact.needs_trust)

    def _record(self, one: Due, session: RunHookSession, started: int, error: BaseException | None) -> None:
        printer = self.shared.printer
        log = printer.log.path if session.has_printed and printer is not None and printer.log else None
        failure = failures.describe(error) if error is not None else None
        if failure is not None:
            self.shared.note(f"{one.row.title} failed: {cause(failure)}")
        try:
            self.shared.store.update(
                HookRun,
                one.row.id,
                status="completed" if failure is None else "failed",
                failure=failure,
                started_at=started,
                ended_at=microseconds_now(),
                log=log,
            )
        except Exception as problem:  # the store may fail in any way; the hook then counts as due
            self.shared.note(f"What became of: {one.row.title} could not be recorded: {problem}")
