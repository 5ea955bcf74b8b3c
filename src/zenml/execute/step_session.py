"""The context inside a step: step calls are plain function calls, prints go to the step's log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from zenml.context import session
from zenml.execute.output import Capture, Printer

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from zenml.execute.step_log import StepLog
    from zenml.records.task import StepTask


class StepSession:
    """The active session while a step's function runs."""

    def __init__(self, task: StepTask, log: StepLog | None) -> None:
        self.task = task
        # In a process of its own a step prints to descriptors that are its own.
        self.printer = Printer(log) if Capture.runs else None
        self._token: Token[session.Session | None] | None = None

    def __enter__(self) -> Self:
        self._token = session.active.set(self)
        if self.printer is not None:
            self.printer.begin()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._token is not None:
            session.active.reset(self._token)
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
