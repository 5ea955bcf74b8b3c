"""What calling a step means right now: the one context variable, and what it may hold.

Outside a pipeline the variable is empty, and a step call starts a run of that one step. While
a pipeline function is traced, calls are recorded; inside a step they are plain function
calls. `Step.__call__` asks this module and nothing else.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol


class Session(Protocol):
    """The meaning of step and pipeline calls in one context."""

    def call_step(
        self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], invocation_id: str | None, after: Any
    ) -> Any:
        """Answer a call of a step."""

    def call_pipeline(self, pipeline: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer a call of a pipeline."""


active: ContextVar[Session | None] = ContextVar("zenml_session", default=None)
"""The session of this thread or task; None outside any run."""
