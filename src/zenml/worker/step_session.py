"""The context inside a step: step calls are plain function calls, prints go to the step's log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from zenml.context import session
from zenml.logs.output import Capture, Printer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from types import TracebackType

    from zenml.logs.step_log import StepLog
    from zenml.records.events import StepEvent
    from zenml.records.run import Artifact
    from zenml.records.task import StepTask
    from zenml.store.store import Store
    from zenml.worker.step_context import OutputNotes, StepContext
    from zenml.worker.step_loops import StepLoops


class StepSession:
    """The active session while a step's function runs."""

    def __init__(
        self,
        task: StepTask,
        log: StepLog | None,
        emit: Callable[[StepEvent], None],
        *,
        state: Callable[[], Any] | None = None,
        store: Store | None = None,
    ) -> None:
        self.task = task
        # In a process of its own a step prints to descriptors that are its own.
        self.printer = Printer(log) if Capture.runs else None
        self.emit = emit
        """Tells the owner of the run what the step says of itself; returns at once."""
        self.saved: list[Artifact] = []
        """What the step saved beside its outputs: it may load it before the owner has recorded it."""
        self._state = state
        self._store = store
        self._context: StepContext | None = None
        self._loops: StepLoops | None = None
        self._token: Token[session.Session | None] | None = None

    @property
    def place(self) -> str:
        """Where something was called that cannot be called in a step, as a clause."""
        return f"inside step `{self.task.invocation.id}`, where a step is a plain function"

    @property
    def context(self) -> StepContext:
        """What the step can know and say of itself; made when somebody asks."""
        if self._context is None:
            from zenml.worker.step_context import StepContext

            self._context = StepContext(self.task, self.emit, state=self._state, store=self._store)
        return self._context

    @property
    def loops(self) -> StepLoops:
        """The loops that the step tells of; made with the first one."""
        if self._loops is None:
            from zenml.worker.step_loops import StepLoops

            self._loops = StepLoops(self.emit)
        return self._loops

    def said_of_outputs(self) -> OutputNotes | None:
        """Return what the step said of its outputs, None if nothing."""
        return None if self._context is None else self._context.output_notes

    def __enter__(self) -> Self:
        self._token = session.active.set(self)
        if self.printer is not None:
            self.printer.begin()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._token is not None:
            session.active.reset(self._token)
        if self._loops is not None:
            self._loops.close()
        if self.printer is not None:
            self.printer.end()

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Call the step's function: inside a step, a step is a function."""
        return step.function(*args, **kwargs)

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Start a run of its own for a pipeline that is called inside a step."""
        token = session.active.set(None)
        try:
            return pipeline(*args, **kwargs)
        finally:
            session.active.reset(token)
