"""What became of the steps of two runs: executed or cached and why, how it ended, how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.client.explaining import explain
from zenml.client.run_pairs import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.client.run_pairs import RunPair
    from zenml.store.store import Store
    from zenml.views.step_view import StepView

EXPLAINED = 50
"""Steps whose decisions are explained; a hundred steps that were all cached have one reason."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the cache decided of a step in each run: `executed`, `cached` or `skipped`."""

    name: str
    before: str
    after: str
    before_why: str | None = None
    """A clause that continues "was executed"; None beyond the first 50 steps."""
    after_why: str | None = None


class Timing(msgspec.Struct, frozen=True):
    """How long a step took in each run, in seconds; None where it did not run to an end."""

    step: str
    before: float | None
    after: float | None


def cache_decisions(store: Store, runs: RunPair) -> Iterator[Decision]:
    """Yield the steps that were executed in one run and not in the other, with the reasons."""
    explained = 0
    for name, one, other in runs.both():
        said = _decision(one), _decision(other)
        if said[0] == said[1]:
            continue
        explained += 1
        why = [
            explain(store, step.run.id, name).reason if explained <= EXPLAINED else None
            for step in (one, other)
        ]
        yield Decision(name=name, before=said[0], after=said[1], before_why=why[0], after_why=why[1])


def status_differences(runs: RunPair) -> Iterator[Difference]:
    """Yield the states that differ; executed and cached steps have both succeeded."""
    states = runs.before.record.status, runs.after.record.status
    if states[0] != states[1]:
        yield Difference("run", *states)
    good = ("completed", "cached")
    for pair in runs.steps:
        said = [step.record.status if step is not None else None for step in (pair.before, pair.after)]
        if said[0] != said[1] and not (said[0] in good and said[1] in good):
            yield Difference(pair.name, *said)


def timings(runs: RunPair) -> Iterator[Timing]:
    """Yield the times of both runs, and of the steps that were executed in one of them."""
    yield Timing("run", runs.before.duration, runs.after.duration)
    for pair in runs.steps:
        taken = [
            step.duration if step is not None and _decision(step) == "executed" else None
            for step in (pair.before, pair.after)
        ]
        if taken != [None, None]:
            yield Timing(pair.name, *taken)


def _decision(step: StepView) -> str:
    return step.record.status if step.record.status in ("cached", "skipped") else "executed"
