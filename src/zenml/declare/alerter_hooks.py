"""Hooks that post what became of a step through the alerter of the active stack.

    @step(on_failure=alerter_failure_hook, on_success=alerter_success_hook)
    def train() -> None: ...

Without an alerter they post nothing, and say so once in each run.
"""

from __future__ import annotations

from zenml.client.client import Client
from zenml.context import session
from zenml.context.step import get_step_context

LONGEST_CAUSE = 500
"""Letters of an exception that are posted."""


def alerter_success_hook() -> None:
    """Post that a step has succeeded."""
    _post(f"{_whose()} succeeded.")


def alerter_failure_hook(exception: BaseException) -> None:
    """Post that a step, or a run without a failed step, has failed, and why."""
    cause = f"{type(exception).__name__}: {exception}"
    if len(cause) > LONGEST_CAUSE:
        cause = f"{cause[: LONGEST_CAUSE - 1]}…"
    _post(f"{_whose()} failed. {cause}")


def _whose() -> str:
    context = get_step_context()
    run = context.pipeline_run.name
    if not getattr(context, "is_of_step", True):
        return f"Run `{run}`"
    return f"Step `{context.step_name}` of run `{run}`"


def _post(text: str) -> None:
    alerter = Client().active_stack.alerter
    if alerter is not None:
        alerter.post(text)
        return
    note_once = getattr(session.active.get(), "note_once", None)
    if note_once is not None:
        note_once("The active stack has no alerter: the alerter hooks post nothing.")
