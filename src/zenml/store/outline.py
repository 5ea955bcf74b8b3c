"""The attempts of a run and of its children in outline: what a tree of a hundred thousand of them needs, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.records.run import Failure, StepOutline

if TYPE_CHECKING:
    from zenml.store.file import StoreFile

_OUTLINE = """
SELECT id, invocation_id, attempt, status, definition, started_at, ended_at, reason, cached_from, invocation, failure,
    cpu_time, peak_memory, memory_guard, child_run_id
FROM step_runs WHERE run_id = :run ORDER BY id
"""

_STATES_OF_CHILDREN = """
SELECT one.run_id, one.status, count(*)
FROM step_runs AS one JOIN runs ON runs.id = one.run_id
WHERE runs.parent_id = :run AND NOT EXISTS (
    SELECT 1 FROM step_runs AS later
    WHERE later.run_id = one.run_id AND later.invocation_id = one.invocation_id AND later.attempt > one.attempt)
GROUP BY one.run_id, one.status
"""


class _Binding(msgspec.Struct, frozen=True, gc=False):
    """Any binding of a plan, as far as it says what was waited for; the rest is not even read."""

    step: str | None = None
    items: tuple[_Binding, ...] = ()


class _Wiring(msgspec.Struct, frozen=True, gc=False):
    """As much of an invocation."""

    inputs: dict[str, _Binding] = {}
    after: tuple[str, ...] = ()
    map: str | None = None


_wiring = msgspec.json.Decoder(_Wiring)
_failure = msgspec.json.Decoder(Failure)


def outline(file: StoreFile, run_id: str) -> list[StepOutline]:
    """Return all attempts of a run, in the order in which they began."""
    found = []
    for row in file.read(_OUTLINE, {"run": run_id}):
        identifier, name, attempt, status, kind, start, end, reason, origin, invocation, failure, *used = row
        wiring = _wiring.decode(invocation)
        known = None if failure is None else _failure.decode(failure)
        found.append(
            StepOutline(
                identifier, name, attempt, status, kind, start, end, reason, origin,
                _upstream(wiring), wiring.map, known, *used,
            )
        )  # fmt: skip
    return found


def states_of_children(file: StoreFile, run_id: str) -> dict[str, dict[str, int]]:
    """Return how many steps of each child of a run are in which state, by the id of the child's run."""
    found: dict[str, dict[str, int]] = {}
    for child, status, number in file.read(_STATES_OF_CHILDREN, {"run": run_id}):
        found.setdefault(child, {})[status] = number
    return found


def _upstream(wiring: _Wiring) -> tuple[str, ...]:
    """Return what `Invocation.upstream` does."""
    found = dict.fromkeys(wiring.after)
    for binding in wiring.inputs.values():
        if binding.step is not None:
            found[binding.step] = None
        for item in binding.items:
            if item.step is not None:
                found[item.step] = None
    return tuple(found)
