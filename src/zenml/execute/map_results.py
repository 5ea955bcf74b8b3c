"""What a map comes to: the results of its elements in their order, or the failures of some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import RunStoppedError, StepCancelledError
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.execute.futures import StepRunFuture
    from zenml.execute.map_future import MapFuture

NAMED = 10
"""How many failed elements a message names, and how many say where their log is."""


class Failure(msgspec.Struct, frozen=True):
    """What `on_error="collect"` puts in the place of an element that failed."""

    element: str
    """The invocation id of the element: `train[3]`."""
    key: Any
    """Its position, or its key if a mapping was gone through."""
    exception: BaseException
    """What it, or a step that it needs, failed with."""


def gather(future: MapFuture[Any], timeout: float | None, take: Callable[[StepRunFuture[Any]], Any]) -> Any:
    """Wait for a map; return what is taken from each element, in the order of the elements.

    Raises:
        ExceptionGroup: what elements failed with, unless failures are collected.
    """
    future.until_joined(timeout)
    holes: dict[str, Failure] = {}
    if future.on_error == "collect" and not future.session.is_stopping and future.problem is None:
        holes = _holes(future)
    elif (error := _failure(future)) is not None:
        raise error
    return arranged(
        future,
        [holes[one.invocation_id] if one.invocation_id in holes else take(one) for one in future.elements],
    )


def failure_of(future: MapFuture[Any], timeout: float | None) -> BaseException | None:
    """Wait for a map and return what its elements failed with, as one exception."""
    future.until_joined(timeout)
    return _failure(future)


def given_on(future: MapFuture[Any]) -> list[StepRunFuture[Any]]:
    """Return the elements that a step gets which takes a map: without those that failed, if failures are collected."""
    if future.on_error != "collect":
        return list(future.elements)
    failed = {one.invocation_id for one in future.failed}
    return [one for one in future.elements if one.invocation_id not in failed]


def arranged(future: MapFuture[Any], items: list[Any]) -> Any:
    """Return items as what was gone through: a list, or a dict."""
    if future.keys is None:
        return items
    keys = future.keys
    if len(items) < len(keys):
        given = {one.invocation_id for one in given_on(future)}
        keys = [k for k, one in zip(keys, future.elements, strict=False) if one.invocation_id in given]
    return dict(zip(keys, items, strict=False))


def _holes(future: MapFuture[Any]) -> dict[str, Failure]:
    """Return what stands in the place of the elements without a result, by invocation id."""
    holes = {}
    for position, key, one in _failed(future):
        error = one.exception()
        if error is not None:
            _say_which(future, position, key, one, error)
            holes[one.invocation_id] = Failure(one.invocation_id, key, error)
    return holes


def _failure(future: MapFuture[Any]) -> BaseException | None:
    """Return the failures of a map as one exception, and note that somebody has taken them."""
    errors: dict[int, BaseException] = {}
    named = []
    for position, key, one in _failed(future):
        causes = future.session.take_causes(one)
        if causes:
            named.append(f"[{key!r}]")
        for error in causes:
            _say_which(future, position, key, one, error)
            errors[id(error)] = error
    if future.problem is not None:
        future.take_problem()
        failures.add_note(
            future.problem,
            f"Map `{future.invocation_id}` ended early: {len(future.elements)} elements had been started.",
        )
        errors[id(future.problem)] = future.problem
    if not errors:
        return _unfinished(future)
    found = list(errors.values())
    if future.problem is not None and len(found) == 1:
        return future.problem
    shown = ", ".join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")
    total = f" of {future.total}" if future.total is not None else ""
    message = f"{len(named)}{total} elements of map `{future.invocation_id}` failed: {shown}"
    plain = [error for error in found if isinstance(error, Exception)]
    return ExceptionGroup(message, plain) if len(plain) == len(found) else BaseExceptionGroup(message, found)


def _unfinished(future: MapFuture[Any]) -> BaseException | None:
    """Return why a map without failures has no result, None if it has one."""
    name, run = future.invocation_id, future.session.run_name
    if future.is_cancelled or any(one.cancelled() for one in future.failed):
        return StepCancelledError(
            f"Map `{name}` of run `{run}` has no result: it, or a part of it, was cancelled."
        )
    if future.failed or future.is_cut_short or not future.is_settled:
        return RunStoppedError(f"Map `{name}` of run `{run}` did not run to its end: the run was stopped.")
    return None


def _failed(future: MapFuture[Any]) -> list[tuple[int, Any, StepRunFuture[Any]]]:
    """Return the elements without a result, with position and key, in the order of the elements."""
    wanted = {one.invocation_id for one in future.failed}
    if not wanted:
        return []
    return [
        (position, position if future.keys is None else future.keys[position], one)
        for position, one in enumerate(future.elements)
        if one.invocation_id in wanted
    ]


def _say_which(
    future: MapFuture[Any], position: int, key: Any, element: StepRunFuture[Any], error: BaseException
) -> None:
    """Note at an exception which element it is of, once."""
    start = f"Element {key!r} of map `{future.invocation_id}`"
    notes = getattr(error, "__notes__", ())
    if any(str(note).startswith(start) for note in notes) or len(notes) > NAMED:
        return
    given = future.session.preview_of(element, future.mapped)
    log = future.session.log_of(element) if len(future.failed) <= NAMED else None
    failures.add_note(error, start + (f": {given}." if given else ".") + (f" Its log: {log}" if log else ""))
