"""Asking, inside a step, for what is known of it; and telling how far it has come."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any, TypeVar

from zenml.context import session
from zenml.errors import ContextError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zenml.worker.step_context import StepContext
    from zenml.worker.step_session import StepSession

T = TypeVar("T")


def current_step() -> StepSession | None:
    """Return the session of the step that runs in this thread or task, None outside steps."""
    active: Any = session.active.get()
    return active if hasattr(active, "emit") else None


def get_step_context() -> StepContext:
    """Return what is known of the step that is running here: its names, inputs and configuration.

    In a hook it is the step that the hook is called for, or the run: a `HookContext`.

    Example:
        `get_step_context().pipeline_run.name`

    Raises:
        ContextError: no step is running here.
    """
    active: Any = session.active.get()
    context: StepContext | None = getattr(active, "context", None)
    if context is None:
        raise ContextError(
            "`get_step_context()` was called where no step is running. Call it inside a step's function, in the "
            "step's own thread; other threads get the context with `contextvars.copy_context().run(…)`."
        )
    return context


def track(iterable: Iterable[T], total: float | None = None, description: str = "") -> Iterator[T]:
    """Yield the items, and show how many of them the step has worked through; outside a step just yield.

    Loops may be inside each other, or go on at the same time.

    Args:
        iterable: what to go through.
        total: how many items there are, where `len` does not tell.
        description: what is being done, such as "epochs".
    """
    step = current_step()
    if step is None:
        yield from iterable
        return
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    loop = step.loops.begin(total, description)
    try:
        for item in iterable:
            yield item
            loop.done += 1
    finally:
        step.loops.end(loop)
