"""What was logged of two runs with `log_metadata`, of their steps and of the outputs of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.step_reference import CHUNK
from zenml.client.value_changes import value_changes
from zenml.records.run import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zenml.client.run_pairs import RunPair
    from zenml.records.run import NotedKind
    from zenml.store.store import Store

    Logged = dict[str, dict[str, Any]]


class MetricChange(msgspec.Struct, frozen=True, kw_only=True):
    """A logged value that differs; of each name the value that was logged last counts."""

    of: str
    """`run`, the id of a step inside its run, or `step.output`."""
    name: str
    """The name it was logged under, with the path inside a nested value."""
    before: Any
    """None where it was not logged, or null was."""
    after: Any
    change: float | None
    """After minus before, where both are numbers."""


def metric_changes(store: Store, runs: RunPair) -> Iterator[MetricChange]:
    """Yield the logged values that differ: of the runs, then step by step."""
    sides = [run.run_metadata for run in (runs.before, runs.after)]
    yield from _changes("run", *sides)
    steps = _of_steps(store, runs)
    made = store.outputs_of([one for pair in runs.steps for one in pair.producers if one])
    noted = _last(store, "artifact", (artifact.id for one in made.values() for artifact in one))
    for pair, (before, after) in zip(runs.steps, steps, strict=True):
        yield from _changes(pair.name, before, after)
        old, new = (
            {one.output: one.id for one in made.get(producer or "", ())} for producer in pair.producers
        )
        for output in {**old, **new}:
            values = (noted.get(side.get(output, ""), {}) for side in (old, new))
            yield from _changes(f"{pair.name}.{output}", *values)


def _of_steps(store: Store, runs: RunPair) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what was logged of each pair of steps; a cached one has what its source has."""
    ids = {step.id for pair in runs.steps for step in (pair.before, pair.after) if step is not None}
    ids |= {one for pair in runs.steps for one in pair.producers if one}
    logged = _last(store, "step", ids)
    found = []
    for pair in runs.steps:
        old, new = (
            {**logged.get(producer or "", {}), **logged.get(step.id if step is not None else "", {})}
            for producer, step in zip(pair.producers, (pair.before, pair.after), strict=True)
        )
        found.append((old, new))
    return found


def _last(store: Store, kind: NotedKind, ids: Iterable[str]) -> Logged:
    """Return the value that was logged last, by id and name."""
    wanted = list(dict.fromkeys(ids))
    rows: list[Metadata] = []
    for start in range(0, len(wanted), CHUNK):
        rows += store.select(Metadata, kind=kind, target_id=wanted[start : start + CHUNK])
    found: Logged = {}
    for row in sorted(rows, key=lambda row: row.created_at):
        found.setdefault(row.target_id, {})[row.name] = row.value
    return found


def _changes(of: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[MetricChange]:
    for name in {**before, **after}:
        if name not in before or name not in after:
            yield MetricChange(of=of, name=name, before=before.get(name), after=after.get(name), change=None)
            continue
        for one in value_changes(before[name], after[name], name):
            is_number = all(type(side) in (int, float) for side in (one.before, one.after))
            change = one.after - one.before if is_number else None
            yield MetricChange(of=of, name=one.path, before=one.before, after=one.after, change=change)
