"""Assertions on what became of the steps of a run; when they fail they tell why it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.client.explaining import explain

if TYPE_CHECKING:
    from zenml.views.run_view import RunView

_EXECUTED = ("completed", "failed")


def assert_cached(run: RunView, *steps: str) -> None:
    """Assert that steps were answered from the cache.

    Args:
        run: the run.
        steps: invocation ids; all steps of the run if there are none.

    Raises:
        AssertionError: one was not; the message says why.
        NotFoundError: the run has no such step.
    """
    _assert(run, steps, ("cached",), "answered from the cache")


def assert_executed(run: RunView, *steps: str) -> None:
    """Assert that steps were executed: neither answered from the cache nor skipped.

    Args:
        run: the run.
        steps: invocation ids; all steps of the run if there are none.

    Raises:
        AssertionError: one was not; the message says why.
        NotFoundError: the run has no such step.
    """
    _assert(run, steps, _EXECUTED, "executed")


def _assert(run: RunView, steps: tuple[str, ...], expected: tuple[str, ...], what: str) -> None:
    problems = []
    for name in steps or tuple(run.steps):
        step = run.steps[name]
        if step.record.status not in expected:
            said = explain(run._store, run.id, name)
            problems.append(f"Step `{name}` was not {what}: it was {said.verdict}, {said.reason}.")
    if problems:
        raise AssertionError("\n".join(problems))
