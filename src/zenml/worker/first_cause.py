"""The exception with which a failure began: what people need to hear of first."""

from __future__ import annotations

from zenml.errors import ZenMLError

_LONGEST_CHAIN = 100


def first_cause(error: BaseException) -> BaseException:
    """Return the exception at the root of another, which may be that itself.

    What was raised `from` another, or while that was handled, has it as its cause; a group of exceptions has the first one
    that was put in. An error of ours explains what is below it, so it is the root for people.
    """
    seen: set[int] = set()
    while id(error) not in seen and len(seen) < _LONGEST_CHAIN:
        seen.add(id(error))
        below = _below(error)
        if below is None:
            break
        error = below
    return error


def _below(error: BaseException) -> BaseException | None:
    if isinstance(error, ZenMLError):
        return None
    if error.__cause__ is not None:
        return error.__cause__
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[0]
    return None if error.__suppress_context__ else error.__context__
