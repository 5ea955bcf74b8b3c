"""Asking a person, in the function of a dynamic pipeline: the run pauses until there is an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar, overload

from zenml.context import session
from zenml.errors import DeclarationError

T = TypeVar("T")
_NONE = object()


@overload
def wait(
    schema: None = None,
    question: str | None = None,
    timeout: float | timedelta | None = None,
    name: str | None = None,
    default: Any = ...,
) -> bool: ...
@overload
def wait(
    schema: type[T],
    question: str | None = None,
    timeout: float | timedelta | None = None,
    name: str | None = None,
    default: Any = ...,
) -> T: ...
@overload
def wait(
    schema: Any,
    question: str | None = None,
    timeout: float | timedelta | None = None,
    name: str | None = None,
    default: Any = ...,
) -> Any: ...
def wait(
    schema: Any = None,
    question: str | None = None,
    timeout: float | timedelta | None = None,
    name: str | None = None,
    default: Any = _NONE,
) -> Any:
    """Return a person's answer. If there is none yet, the run pauses, without a process, until `zenml run answer`.

    When the run goes on, the function is called again: its steps are answered by what they have returned
    before, and this call by the answer.

    Args:
        schema: what to ask for: bool, int, float, str, Literal, an Enum, a list, a dataclass, a TypedDict, a pydantic
            model, or a JSON Schema. None asks for a plain yes or no.
        question: what to show.
        timeout: seconds until it is too late for an answer; None for never.
        name: what the question is called in its run; by default the words of the question.
        default: what to return when it is too late.

    Raises:
        WaitTimeoutError: nobody answered in time, and there is no default.
        ContextError: no function of a dynamic pipeline is running here.

    Example:
        `if wait(question="Deploy it?"): deploy(model)`
    """
    if isinstance(schema, str) and question is None:
        schema, question = None, schema  # `wait("Deploy it?")`, which can mean one thing only
    said = "Go on?" if question is None else question
    what = f"wait({said!r})"
    if not isinstance(said, str) or not said.strip():
        raise DeclarationError(f"`{what}`: the question has to be a text. Say what the person is to decide.")
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise DeclarationError(f"`{what}`: the name {name!r} has to be a text.")
    fallback = () if default is _NONE else (default,)
    return session.dynamic(what).ask(schema, said.strip(), _seconds(timeout, what), name or "", fallback)


def _seconds(timeout: Any, what: str) -> float | None:
    if timeout is None:
        return None
    if isinstance(timeout, timedelta):
        timeout = timeout.total_seconds()
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not is_number or not 0 < timeout < 1e10:
        raise DeclarationError(
            f"`{what}`: the timeout {timeout!r} is no time. Give seconds above 0, or a `timedelta`."
        )
    return float(timeout)
