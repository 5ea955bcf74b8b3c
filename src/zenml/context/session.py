"""What calling a step means right now: the one context variable, and what it may hold.

Outside a pipeline the variable is empty, and a step call starts a run of that one step. While
a pipeline function is traced, calls are recorded; inside a step they are plain function
calls. `Step.__call__` asks this module and nothing else.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from zenml.errors import ContextError


class Session(Protocol):
    """The meaning of step and pipeline calls in one context."""

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Answer a call of a step."""

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer a call of a pipeline."""


class MapOptions(NamedTuple):
    """How a step is mapped."""

    is_product: bool
    invocation_id: str | None
    after: Any
    max_concurrency: int | None
    on_error: Any


class DynamicCaller(Session, Protocol):
    """The meaning of what only the function of a dynamic pipeline can ask."""

    def submit_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Have a step run while the function goes on."""

    def map_step(self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: MapOptions) -> Any:
        """Have a step run for each of many items."""

    def submit_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have a pipeline run, as a run of its own, while the function goes on."""

    def ask(
        self, wanted: Any, question: str, timeout: float | None, name: str, fallback: tuple[Any, ...]
    ) -> Any:
        """Return a person's answer, or leave the function until there is one."""


active: ContextVar[Session | None] = ContextVar("zenml_session", default=None)
"""The session of this thread or task; None outside any run."""


def dynamic(what: str, otherwise: str = "") -> DynamicCaller:
    """Return the active session if the function of a dynamic pipeline is running here.

    Args:
        what: what needs it, such as `train.submit(…)`.
        otherwise: what to write instead, as a clause.

    Raises:
        ContextError: none is running here.
    """
    found: Any = active.get()
    if hasattr(found, "submit_step"):
        caller: DynamicCaller = found
        return caller
    place = getattr(found, "place", "where no pipeline is running")
    raise ContextError(
        f"`{what}` was called {place}. Call it in the function of a `@pipeline(dynamic=True)`"
        + (f", or {otherwise}." if otherwise else ".")
    )
