"""What a run asks a person: which question is open, what to tell of it, and recording the answer."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import AnswerError, ResumeError
from zenml.records.answer_schema import as_json, check_answer
from zenml.records.ids import microseconds_now, short
from zenml.records.waits import Wait, reason_of

if TYPE_CHECKING:
    from zenml.views.run_view import RunView


def open_wait(run: RunView, name: str | None = None) -> Wait:
    """Return the question that a run waits for an answer to: its own, or of a run that it called.

    Args:
        run: the run; it is looked up anew.
        name: what the question has to be called.

    Raises:
        AnswerError: there is none, it was answered, or it is too late.
    """
    run = run.refresh()
    what = f"Run `{run.name}` ({short(run.id)})"
    asked = [(one, wait) for one in paused_inside(run) or [run] for wait in one.waits]
    chosen = [(one, wait) for one, wait in asked if name in (None, wait.name)]
    if not chosen:
        listed = ", ".join(f"`{wait.name}`" for _, wait in asked)
        if name is not None and asked:
            raise AnswerError(f"{what} has no question `{name}`. It has asked: {listed}.")
        raise AnswerError(
            f"{what} is {run.record.status} and has asked nothing. See: zenml run show {short(run.id)}"
        )
    asking, found = next((one for one in chosen if one[1].status == "open"), chosen[-1])
    _refuse_if_closed(found, f"Run `{asking.name}` ({short(asking.id)})", asking)
    return found


def answer(run: RunView, value: Any, name: str | None = None, *, by: str | None = None) -> Wait:
    """Record the answer to what a run asks, or a run that it called; return it.

    Raises:
        AnswerError: there is no question, it was answered, or it is too late.
        TypeMismatchError: the answer does not fit.
    """
    wait = open_wait(run, name)
    plain = as_json(value)
    check_answer(plain, wait.answer_schema)
    answered = msgspec.structs.replace(
        wait, status="answered", answer=plain, answered_at=microseconds_now(), answered_by=by or _user()
    )
    if not run._store.answer_wait(answered):
        open_wait(run, wait.name)  # says what has happened meanwhile
        raise AnswerError(f"Run `{run.name}` did not take the answer to `{wait.name}`. Try again.")
    return answered


def paused_inside(run: RunView) -> list[RunView]:
    """Return a paused run and the paused ones that it called, in the order in which they began; none if it is not paused."""
    if run.record.status != "paused":
        return []
    return [run, *(one for child in run.children for one in paused_inside(child))]


def top_of(run: RunView) -> RunView:
    """Return the run that has to be resumed for a run to go on: the one that called it, if that has not completed."""
    parent = run.parent
    return run if parent is None or parent.record.status == "completed" else top_of(parent)


def asked_by(run: RunView) -> Wait | None:
    """Return what a paused run waits for itself; None for one that is not paused."""
    if run.record.status != "paused":
        return None
    return next((one for one in run.waits if one.status == "open"), None)


def check_answered(run: RunView) -> None:
    """Refuse to go on with a paused run where that would bring it no further.

    Raises:
        ResumeError: all that was asked waits for an answer.
    """
    found = paused_inside(run)
    waits = [wait for one in found if (wait := _open_of(one)) is not None]
    if not waits or any(map(_can_go_on, found)):
        return
    more = f" (and {len(waits) - 1} more)" if len(waits) > 1 else ""
    raise ResumeError(
        f"Run `{run.name}` ({short(run.id)}) waits for an answer to `{waits[0].question}`{more} and would pause again. "
        f"Answer it: zenml run answer {short(run.id)}"
    )


def _open_of(run: RunView) -> Wait | None:
    """Return what can still be answered of what a paused run asks."""
    wait = asked_by(run)
    return None if wait is None or wait.is_late(microseconds_now()) else wait


def _can_go_on(run: RunView) -> bool:
    """Tell whether a paused run has what it was paused for: an answer, or a child that is not paused any more."""
    own = [wait for wait in run.waits if reason_of(wait.name) == run.record.reason]
    if own:
        return _open_of(run) is None
    return not any(child.record.status == "paused" for child in run.children)


def asking_text(run: RunView) -> str:
    """Return what a person is told of a paused run: the questions, or what has become of them, and what to do."""
    found = [(one, wait) for one in paused_inside(run) if (wait := _open_of(one)) is not None]
    if not found:
        is_late = any(asked_by(one) is not None for one in paused_inside(run))
        became = "was not answered in time" if is_late else "was answered"
        return f"Run `{run.name}` is paused, and what it asked {became}. Go on: zenml run resume {short(top_of(run).id)}"
    return "\n".join(
        f"Run `{one.name}` waits for an answer: {wait.question}\nAnswer it: zenml run answer {short(one.id)}"
        for one, wait in found
    )


def _refuse_if_closed(wait: Wait, what: str, run: RunView) -> None:
    how = f"`{wait.question}` (`{wait.name}`)"
    if wait.status == "answered":
        shown = msgspec.json.encode(wait.answer).decode()
        by = f" by {wait.answered_by}" if wait.answered_by else ""
        then = f" Go on: zenml run resume {short(top_of(run).id)}" if run.record.status == "paused" else ""
        raise AnswerError(f"{what}: {how} has been answered{by}: {shown}. One answer counts.{then}")
    if wait.is_late(microseconds_now()):
        raise AnswerError(
            f"{what}: it is too late to answer {how}. Go on with what then holds: zenml run resume {short(top_of(run).id)}"
        )
    if wait.status == "withdrawn" or run.record.status != "paused":
        raise AnswerError(
            f"{what} is {run.record.status} and does not wait for an answer to {how}. See: zenml run show {short(run.id)}"
        )


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # nobody that the system knows, as in some containers
        return None
