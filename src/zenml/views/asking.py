"""What a run asks a person: which question is open, what to tell of it, and recording the answer."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import AnswerError, ResumeError
from zenml.records.answer_schema import as_json, check_answer
from zenml.records.ids import microseconds_now, short
from zenml.records.waits import Wait

if TYPE_CHECKING:
    from zenml.views.run_view import RunView


def open_wait(run: RunView, name: str | None = None) -> Wait:
    """Return the question that a run waits for an answer to.

    Args:
        run: the run; it is looked up anew.
        name: what the question has to be called.

    Raises:
        AnswerError: there is none, it was answered, or it is too late.
    """
    run = run.refresh()
    what = f"Run `{run.name}` ({short(run.id)})"
    waits = run.waits
    chosen = [one for one in waits if name in (None, one.name)]
    if not chosen:
        listed = ", ".join(f"`{one.name}`" for one in waits)
        if name is not None and waits:
            raise AnswerError(f"{what} has no question `{name}`. It has asked: {listed}.")
        raise AnswerError(
            f"{what} is {run.record.status} and has asked nothing. See: zenml run show {short(run.id)}"
        )
    found = next((one for one in chosen if one.status == "open"), chosen[-1])
    _refuse_if_closed(found, what, run)
    return found


def answer(run: RunView, value: Any, name: str | None = None, *, by: str | None = None) -> Wait:
    """Record the answer to what a run asks, and return it.

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


def asked_by(run: RunView) -> Wait | None:
    """Return what a paused run waits for; None for one that is not paused."""
    if run.record.status != "paused":
        return None
    return next((one for one in run.waits if one.status == "open"), None)


def check_answered(run: RunView) -> None:
    """Refuse to go on with a paused run whose question can still be answered.

    Raises:
        ResumeError: it waits for an answer.
    """
    wait = asked_by(run)
    if wait is not None and not wait.is_late(microseconds_now()):
        raise ResumeError(
            f"Run `{run.name}` ({short(run.id)}) waits for an answer to `{wait.question}` and would pause again. "
            f"Answer it: zenml run answer {short(run.id)}"
        )


def asking_text(run: RunView) -> str:
    """Return what a person is told of a paused run: the question, or what has become of it, and what to do."""
    wait = asked_by(run)
    if wait is None or wait.is_late(microseconds_now()):
        became = "was answered" if wait is None else "was not answered in time"
        return (
            f"Run `{run.name}` is paused, and what it asked {became}. Go on: zenml run resume {short(run.id)}"
        )
    return (
        f"Run `{run.name}` waits for an answer: {wait.question}\nAnswer it: zenml run answer {short(run.id)}"
    )


def _refuse_if_closed(wait: Wait, what: str, run: RunView) -> None:
    how = f"`{wait.question}` (`{wait.name}`)"
    if wait.status == "answered":
        shown = msgspec.json.encode(wait.answer).decode()
        by = f" by {wait.answered_by}" if wait.answered_by else ""
        then = f" Go on: zenml run resume {short(run.id)}" if run.record.status == "paused" else ""
        raise AnswerError(f"{what}: {how} has been answered{by}: {shown}. One answer counts.{then}")
    if wait.is_late(microseconds_now()):
        raise AnswerError(
            f"{what}: it is too late to answer {how}. Go on with what then holds: zenml run resume {short(run.id)}"
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
