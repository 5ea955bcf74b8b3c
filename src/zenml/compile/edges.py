"""Checks on the wiring of a plan: types along edges, known ids, no cycles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from zenml.compile.handles import OutputHandle, unfolded
from zenml.errors import DeclarationError, TypeMismatchError
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_check import can_flow
from zenml.signatures.type_names import bare, describe

if TYPE_CHECKING:
    from zenml.records.plan import Invocation


def check_flow(handle: OutputHandle, annotation: Any, call_id: str, name: str) -> None:
    """Raise when an output can certainly not be what an argument expects."""
    if not can_flow(handle.annotation, annotation):
        raise TypeMismatchError(
            f"Step `{call_id}` expects `{name}: {describe(annotation)}` but output `{handle.name}` of step "
            f"`{handle.invocation_id}` is `{describe(handle.annotation)}`. "
            "Correct one of the annotations, or add a step between them that converts the value."
        )


def check_collection(items: Sequence[Any], annotation: Any, call_id: str, name: str) -> bool:
    """Raise when outputs are given together to an argument that takes one; tell whether it gets a tuple.

    It gets what was given, a list or a tuple, unless its annotation wants the other.
    """
    takes_list, takes_tuple = can_flow(list, annotation), can_flow(tuple, annotation)
    if not takes_list and not takes_tuple:
        raise TypeMismatchError(
            f"Step `{call_id}` expects `{name}: {describe(annotation)}` but gets a list of {len(items)} outputs. "
            f"Annotate `{name}` as a list, or pass a single output."
        )
    parts = get_args(bare(annotation))
    if get_origin(bare(annotation)) in (list, Sequence, Iterable) and len(parts) == 1:
        for index, item in enumerate(map(unfolded, items)):
            if isinstance(item, OutputHandle):
                check_flow(item, parts[0], call_id, f"{name}[{index}]")
    return takes_tuple and (isinstance(items, tuple) or not takes_list)


def check_mapping(items: Mapping[Any, Any], annotation: Any, call_id: str, name: str) -> None:
    """Raise when outputs are given together under names to an argument that takes no mapping, or under other keys."""
    if not can_flow(dict, annotation):
        raise TypeMismatchError(
            f"Step `{call_id}` expects `{name}: {describe(annotation)}` but gets a mapping of {len(items)} outputs. "
            f"Annotate `{name}` as a dict, or pass a single output."
        )
    for key in items:
        if not isinstance(key, str):
            raise DeclarationError(
                f"`{name}` of step `{call_id}` is a mapping of outputs with the key {key!r}. Its keys must be texts; "
                "pass a list where the keys say nothing."
            )
    parts = get_args(bare(annotation))
    if get_origin(bare(annotation)) in (dict, Mapping) and len(parts) == 2:
        for key, given in items.items():
            item = unfolded(given)
            if isinstance(item, OutputHandle):
                check_flow(item, parts[1], call_id, f"{name}[{key!r}]")


def check_order(invocations: Sequence[Invocation], pipeline: str) -> None:
    """Raise for an `after` that names no step of the pipeline, and for steps that wait for each other."""
    waiting = {invocation.id: invocation.upstream() for invocation in invocations}
    for invocation in invocations:
        for upstream in invocation.after:
            if upstream not in waiting:
                raise DeclarationError(
                    f"Step `{invocation.id}` of pipeline `{pipeline}` is to run after `{upstream}`, "
                    f"but there is no step with that id. {did_you_mean(upstream, waiting)}"
                    f"The ids are: {', '.join(f'`{known}`' for known in waiting)}."
                )
    cycle = _find_cycle(waiting)
    if cycle:
        raise DeclarationError(
            f"Steps of pipeline `{pipeline}` wait for each other: {' → '.join(f'`{i}`' for i in cycle)}. "
            "Remove one of the `after=` between them."
        )


def annotated_names(annotation: Any, count: int) -> list[str | None]:
    """Return the names that a return annotation gives to `count` returned values, None where it gives none."""
    if get_origin(annotation) is Annotated:
        name = next((extra for extra in annotation.__metadata__ if isinstance(extra, str)), None)
        return [name, *[None] * (count - 1)]
    parts = get_args(annotation) if get_origin(annotation) is tuple else ()
    if len(parts) != count:
        return [None] * count
    return [annotated_names(part, 1)[0] for part in parts]


def _find_cycle(waiting: dict[str, tuple[str, ...]]) -> list[str]:
    """Return one cycle as a list that begins and ends with the same id, or an empty list."""
    left = {identifier: len(upstream) for identifier, upstream in waiting.items()}
    followers: dict[str, list[str]] = {}
    for identifier, upstream in waiting.items():
        for one in upstream:
            followers.setdefault(one, []).append(identifier)
    free = [identifier for identifier, count in left.items() if not count]
    while free:
        for follower in followers.get(free.pop(), ()):
            left[follower] -= 1
            if not left[follower]:
                free.append(follower)
    stuck = {identifier for identifier, count in left.items() if count}
    if not stuck:
        return []
    path = [min(stuck)]
    while True:
        path.append(next(one for one in waiting[path[-1]] if one in stuck))
        if path[-1] in path[:-1]:
            return path[path.index(path[-1]) :]
