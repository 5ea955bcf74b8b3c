"""Hooks that post what became of a step through the alerter of the active stack.

    @step(on_failure=alerter_failure_hook, on_success=alerter_success_hook)
    def train() -> None: ...

Without an alerter they post nothing, and say so once in each run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client.client import Client
from zenml.context import session

if TYPE_CHECKING:
    from zenml.execute.hook_context import HookContext

LONGEST_CAUSE = 500
"""Letters of an exception that are posted."""


def alerter_success_hook(context: HookContext) -> None:
    """Post that a step has succeeded."""
    _post(f"Step `{context.step_name}` of run `{context.pipeline_run.name}` succeeded.")


def alerter_failure_hook(context: HookContext, exception: BaseException) -> None:
    """Post that a step, or a run without a failed step, has failed, and why."""
    whose = f"Step `{context.step_name}` of run" if context.is_of_step else "Run"
    cause = f"{type(exception).__name__}: {exception}"
    if len(cause) > LONGEST_CAUSE:
        cause = f"{cause[: LONGEST_CAUSE - 1]}…"
    _post(f"{whose} `{context.pipeline_run.name}` failed. {cause}")


def _post(text: str) -> None:
    alerter = Client().active_stack.alerter
    if alerter is not None:
        alerter.post(text)
        return
    active: Any = session.active.get()
    active.note_once("The active stack has no alerter: the alerter hooks post nothing.")
