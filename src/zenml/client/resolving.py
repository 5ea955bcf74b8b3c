"""From what a person types to one run or step: a name, an id, or the beginning or end of an id."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, get_args

from zenml.config.preview import preview
from zenml.errors import AmbiguousNameError, ConfigurationError, NotFoundError
from zenml.records.ids import short
from zenml.records.query import Condition, Query
from zenml.records.run import Run
from zenml.records.status import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.store.store import Store
    from zenml.views.run_view import RunView
    from zenml.views.step_view import StepView

LATEST = "latest"
"""Stands for the newest run that no other run called, unless a run is called so."""
_NEWEST = Query((Condition("parent_id", "equals", None),), size=1, needs_total=False)
SHOWN = 10
"""Candidates listed for an ambiguous name."""


def named(given: object, kind: str) -> str:
    """Return the name or id that somebody gave as text.

    Raises:
        NotFoundError: nothing was given.
    """
    text = "" if given is None else str(given)
    if not text.strip():
        raise NotFoundError(f"No {kind} was named: got {preview(given)}. Give its name or its id as text.")
    return text


def check_statuses(conditions: Iterable[Condition]) -> None:
    """Raise for filters by a status that no run can have, which would find nothing.

    Raises:
        ConfigurationError: it names the close status.
    """
    known = get_args(RunStatus)
    for condition in conditions:
        if condition.field == "status" and condition.operator in ("equals", "ne", "oneof"):
            asked = condition.value if condition.operator == "oneof" else (condition.value,)
            for status in asked:
                if status not in known:
                    close = difflib.get_close_matches(str(status), known, 1)
                    hint = f"Did you mean `{close[0]}`? " if close else ""
                    listed = ", ".join(f"`{one}`" for one in known)
                    raise ConfigurationError(
                        f"No run has the status {preview(status)}. {hint}There is: {listed}."
                    )


def find_run(store: Store, text: str) -> Run:
    """Return the run that a name, an id, a part of an id at either end, or `latest` stands for.

    Raises:
        NotFoundError: nothing fits; close names are listed.
        AmbiguousNameError: several runs fit; they are listed.
    """
    exact = store.get(Run, text) or next(iter(store.select(Run, name=text)), None)
    if exact is not None:
        return exact
    if text == LATEST:
        newest = store.find(Run, _NEWEST).items
        if newest:
            return newest[0]  # type: ignore[no-any-return]  # pages hold what was asked for
    found = _ending_or_beginning(store, text)
    if len(found) == 1:
        return found[0]
    if found:
        listed = "\n".join(f"  {short(run.id)}  {run.name}" for run in found[:SHOWN])
        more = f"\n  … and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise AmbiguousNameError(
            f"`{text}` fits {len(found)} runs:\n{listed}{more}\nType more of the id or name."
        )
    recent = store.find(Run, Query(size=200, needs_total=False)).items
    known = [name for run in recent for name in (run.name, short(run.id))]
    close = difflib.get_close_matches(text, known, 3) or [run.name for run in recent[:3]]
    listed = ", ".join(f"`{name}`" for name in close)
    raise NotFoundError(
        f"There is no run `{text}`. "
        + (f"Close or recent: {listed}. " if close else "The store has no runs. ")
        + "List them with `zenml run list`."
    )


def find_step(run: RunView, text: str) -> StepView:
    """Return the step of a run that an invocation id, or the last digits of its own id, stand for.

    Raises:
        NotFoundError: the run has no such step, or it did not begin; close names are listed.
    """
    if text not in run.steps:
        by_id = [step for step in run.steps.values() if len(text) >= 4 and step.id.endswith(text)]
        if len(by_id) == 1:
            return by_id[0]
        if any(invocation.id == text for invocation in run.plan.invocations):
            raise NotFoundError(
                f"Step `{text}` of run `{run.name}` has not started; the run is {run.record.status}. "
                f"See what did with `zenml run show {short(run.id)}`."
            )
    return run.steps[text]


def _ending_or_beginning(store: Store, text: str) -> list[Run]:
    if not text:
        return []
    by_name = store.find(Run, Query((Condition("name", "startswith", text),), size=50)).items
    if len(text) < 4 or any(letter not in "0123456789abcdef" for letter in text):
        return by_name
    return store.with_digits(Run, text) or by_name
