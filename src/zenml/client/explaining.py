"""Why a step ran, or did not: the answer of `zenml step why`, as a value.

A step that was answered from the cache names where the result comes from. One that was executed
is compared, part by part of its cache key, with the newest earlier result of the same step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from zenml.client.changes import Change
from zenml.client.code_changes import code_changes
from zenml.client.declared_changes import declared_changes
from zenml.client.input_changes import input_change, read_arguments
from zenml.client.resolving import find_run, find_step
from zenml.client.step_reference import StepReference, find_references, reference_to
from zenml.compile.refresh import EVERY
from zenml.records.query import Condition, Query
from zenml.records.run import Run, StepRun
from zenml.records.status import SUCCESSFUL
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.records.plan import StepDefinition
    from zenml.store.store import Store
    from zenml.views.step_view import StepView

Verdict = Literal["cached", "executed", "skipped"]
Cause = Literal[
    "hit",
    "changed",
    "disabled",
    "refreshed",
    "first",
    "expired",
    "invalidated",
    "damaged",
    "skipped",
    "resumed",
    "replayed",
    "unknown",
]

RUNS_SEARCHED = 200
"""How many earlier runs are searched for a result to compare with."""
CANDIDATES = 20
"""How many results under a similar name are looked at, where there is none under the very same."""
_INPUT = "input:"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step of a run was executed, answered from the cache, or skipped."""

    run: str
    run_id: str
    step: str
    step_run_id: str
    status: str
    verdict: Verdict
    cause: Cause
    reason: str
    """One clause for people, which continues "was executed": because `clean()` in features.py:12 changed."""
    reference: StepReference | None = None
    """Where the cached result comes from, or the earlier result that this one was compared with."""
    changes: tuple[Change, ...] = ()
    blind_spots: tuple[str, ...] = ()
    """What the fingerprint of the step's code cannot see."""


def explain(store: Store, run: str, step: str) -> Explanation:
    """Explain what became of a step.

    Args:
        store: the store that holds the run.
        run: name, id or short id of the run.
        step: invocation id of the step.

    Raises:
        NotFoundError: there is no such run, or no such step in it.
    """
    view = RunView(find_run(store, run), store)
    found = find_step(view, step)
    if found.record.status == "skipped":
        return _answer(found, "skipped", "skipped", f"because {found.reason or 'the run ended first'}")
    if found.record.status == "cached":
        return _explain_hit(store, found)
    return _explain_execution(store, found)


def _explain_hit(store: Store, step: StepView) -> Explanation:
    source = step.record.cached_from or ""
    reference = find_references(store, [source]).get(source)
    if reference is None:
        return _answer(step, "cached", "hit", "from a step run that was deleted since")
    if step.run.stored_plan.replay is not None and step.record.reason is not None:
        although = step.record.reason.partition(", ")[2]
        reason = f"from step `{reference.step}` of run `{reference.run}`, as the replay was told"
        reason += f", {although}" if although else ""
        return _answer(step, "cached", "replayed", reason, reference)
    where = "of the same run" if reference.run_id == step.run.id else f"of run `{reference.run}`"
    return _answer(step, "cached", "hit", f"from step `{reference.step}` {where}", reference)


_BEFORE = {
    "interrupted": "was interrupted",
    "failed": "had failed",
    "stopped": "was stopped",
    "skipped": "was skipped",
}


def _explain_resumed(store: Store, step: StepView) -> Explanation | None:
    """Explain an attempt that another one of the same run preceded, which was resumed in between."""
    own = [one for one in step.run.attempts if one.invocation_id == step.name]
    earlier = [one for one in own if one.attempt < step.record.attempt]
    done = [one for one in earlier if one.status in SUCCESSFUL and one.cache_key != step.record.cache_key]
    if done:
        changes = tuple(_changes(store, step, done[-1], step.run.record))
        if changes:
            first = changes[0].text if len(changes) == 1 else f"{len(changes)} things changed"
            reason = f"because {first}, since it was done in this run before"
            reference = reference_to(done[-1], step.run.record)
            return _answer(step, "executed", "changed", reason, reference, changes)
    if not earlier or earlier[-1].status not in _BEFORE:
        return None
    last = earlier[-1]
    why = f": {last.reason}" if last.reason else ""
    reason = f"because its attempt {last.attempt} {_BEFORE[last.status]}{why}, and the run was resumed"
    return _answer(step, "executed", "resumed", reason)


def _explain_execution(store: Store, step: StepView) -> Explanation:
    resumed = _explain_resumed(store, step) if step.run.record.epoch else None
    if resumed is not None:
        return resumed
    same = _same_result(store, step.record)
    if step.run.stored_plan.replay is not None:
        reference = reference_to(*same) if same is not None else None
        reason = "because the run is a replay, which executes what it is not to skip"
        if step.record.reason is not None:
            reason = f"because {step.record.reason}"
        return _answer(step, "executed", "replayed", reason, reference)
    if not {step.name, step.definition.name, EVERY}.isdisjoint(step.run.plan.refreshed):
        reference = reference_to(*same) if same is not None else None
        return _answer(step, "executed", "refreshed", "because the run was to refresh it", reference)
    if step.definition.options.enable_cache and same is not None:
        return _explain_refusal(step, *same)
    earlier = _earlier_result(store, step) if same is None else None
    changes = tuple(_changes(store, step, *earlier)) if earlier is not None else ()
    found = same or earlier
    reference = reference_to(*found) if found is not None else None
    if not step.definition.options.enable_cache:
        reason = "because caching is disabled for it"
        if step.definition.is_pipeline:
            reason = "because it is a pipeline and a run of its own, whose steps are cached and not it"
        return _answer(step, "executed", "disabled", reason, reference, changes)
    if reference is None:
        return _answer(step, "executed", "first", f"because {_without_result(store, step)}")
    if not changes:
        reason = "although no part of its cache key differs from the last result"
        return _answer(step, "executed", "unknown", reason, reference)
    first = changes[0].text if len(changes) == 1 else f"{len(changes)} things changed"
    return _answer(step, "executed", "changed", f"because {first}", reference, changes)


def _explain_refusal(step: StepView, same: StepRun, run: Run) -> Explanation:
    """Explain why a stored result with the very same key was not used."""
    reference = reference_to(same, run)
    if same.invalidated_at is not None and same.invalidated_at <= step.record.started_at:
        reason = f"because the result of run `{run.name}` was taken out of use"
        return _answer(step, "executed", "invalidated", reason, reference)
    limit = step.definition.options.cache.max_age
    age = (step.record.started_at - (same.ended_at or same.started_at)) / 1e6
    if limit is not None and age > limit:
        reason = f"because the result of run `{run.name}` was older than its cache policy allows"
        return _answer(step, "executed", "expired", reason, reference)
    reason = f"because the stored result of run `{run.name}` was damaged or incomplete"
    return _answer(step, "executed", "damaged", reason, reference)


def _answer(
    step: StepView,
    verdict: Verdict,
    cause: Cause,
    reason: str,
    reference: StepReference | None = None,
    changes: tuple[Change, ...] = (),
) -> Explanation:
    return Explanation(
        run=step.run.name,
        run_id=step.run.id,
        step=step.name,
        step_run_id=step.id,
        status=step.record.status,
        verdict=verdict,
        cause=cause,
        reason=reason,
        reference=reference,
        changes=changes,
        blind_spots=step.definition.blind_spots,
    )


# Earlier results


def _same_result(store: Store, step: StepRun) -> tuple[StepRun, Run] | None:
    """Return the newest result with the very same key that was there when the step began."""
    if step.cache_key is None:
        return None
    conditions = (
        Condition("cache_key", "equals", step.cache_key),
        Condition("status", "equals", "completed"),
        Condition("id", "lt", step.id),
        Condition("ended_at", "lte", step.started_at),
    )
    return _newest(store, conditions)


def _earlier_result(store: Store, step: StepView) -> tuple[StepRun, Run] | None:
    """Return the newest earlier result of the step: in its own pipeline, else of its name in any."""
    named = Condition("invocation_id", "equals", step.name)
    in_runs = _in_runs(store, *_before_in_pipeline(step))
    own = _newest(store, (in_runs, named, *_finished_before(step)))
    if own is not None:
        return own
    alike = Condition("invocation_id", "startswith", step.definition.name)
    anywhere = _in_runs(store, Condition("id", "lt", step.run.id))
    return _newest_alike(store, step, (anywhere, alike, *_finished_before(step)))


def _without_result(store: Store, step: StepView) -> str:
    """Return a clause on a step that has no earlier result: it is new, or it never succeeded."""
    own = Condition("invocation_id", "equals", step.name)
    in_runs = _in_runs(store, *_before_in_pipeline(step))
    last = _newest(store, (in_runs, own, Condition("id", "lt", step.id)))
    if last is None:
        return "there is no earlier result of it"
    return f"it has no result yet: in run `{last[1].name}`, the last one before, it was {last[0].status}"


def _newest_alike(
    store: Store, step: StepView, conditions: tuple[Condition, ...]
) -> tuple[StepRun, Run] | None:
    """Return the newest result of the same function under another id, or in another pipeline."""
    views: dict[str, RunView] = {}
    for candidate in store.find(StepRun, Query(conditions, size=CANDIDATES, needs_total=False)).items:
        if candidate.run_id not in views:
            run = store.get(Run, candidate.run_id)
            if run is None:
                continue
            views[candidate.run_id] = RunView(run, store)
        view = views[candidate.run_id]
        if _is_same_step(view.plan.definitions[candidate.definition], step.definition):
            return candidate, view.record
    return None


def _is_same_step(one: StepDefinition, other: StepDefinition) -> bool:
    """Tell whether two definitions are of one step: unrelated functions may share a name."""
    if one.name != other.name:
        return False
    return one.code == other.code or (one.source.name, one.source.file) == (
        other.source.name,
        other.source.file,
    )


def _before_in_pipeline(step: StepView) -> tuple[Condition, ...]:
    return (
        Condition("id", "lt", step.run.id),
        Condition("pipeline_name", "equals", step.run.record.pipeline_name),
    )


def _finished_before(step: StepView) -> tuple[Condition, ...]:
    return (
        Condition("status", "oneof", ("completed", "cached")),
        Condition("ended_at", "lte", step.record.started_at),
    )


def _in_runs(store: Store, *conditions: Condition) -> Condition:
    """Return the condition that a step run belongs to one of the newest runs that fit."""
    runs = store.find(Run, Query(conditions, size=RUNS_SEARCHED, needs_total=False)).items
    return Condition("run_id", "oneof", tuple(run.id for run in runs))


def _newest(store: Store, conditions: tuple[Condition, ...]) -> tuple[StepRun, Run] | None:
    found = store.find(StepRun, Query(conditions, size=1, needs_total=False)).items
    if not found:
        return None
    run = store.get(Run, found[0].run_id)
    return (found[0], run) if run is not None else None


# Differences


def _changes(store: Store, step: StepView, earlier: StepRun, run: Run) -> Iterator[Change]:
    """Yield what differs between two cache keys: code first, then what was given, then what was declared."""
    before, after = earlier.key_parts, step.record.key_parts
    old, new = RunView(run, store).plan.definitions[earlier.definition], step.definition
    if before.get("code") != after.get("code"):
        yield from code_changes(old, new, store.document)
    inputs = sorted(name for name in {**before, **after} if name.startswith(_INPUT))
    differing = [name for name in inputs if before.get(name) != after.get(name)]
    if differing:
        arguments = read_arguments(store, earlier, step.record)
        for name in differing:
            counted = name in before, name in after
            yield input_change(name.removeprefix(_INPUT), *arguments, counted=counted)
    yield from declared_changes(before, after, old, new)
