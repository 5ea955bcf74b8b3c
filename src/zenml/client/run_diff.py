"""Two runs compared: code, parameters, settings, inputs, packages, decisions, outputs, times.

    diff = run_diff(store, "monday", "tuesday")

The answer is one value, which the command line prints as text or JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from zenml.client.artifact_changes import OutputDiff, output_diff
from zenml.client.changes import Change
from zenml.client.code_changes import code_changes
from zenml.client.input_changes import input_change, read_arguments, shown_value
from zenml.client.resolving import find_run
from zenml.config.placeholders import name_of
from zenml.records.run import Run
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zenml.records.run import Artifact
    from zenml.store.store import Store
    from zenml.views.step_view import StepView

Section = Literal[
    "code", "params", "settings", "inputs", "packages", "environment", "cache", "status", "outputs", "timings"
]
SECTIONS: tuple[Section, ...] = get_args(Section)
Pair = tuple["StepView | None", "StepView | None"]


class StepChange(msgspec.Struct, frozen=True):
    """A difference, and the steps that have it."""

    change: Change
    steps: tuple[str, ...]


class Difference(msgspec.Struct, frozen=True):
    """Something that has one value in each run; None where it is missing."""

    name: str
    before: str | None
    after: str | None


class Timing(msgspec.Struct, frozen=True):
    """How long a step took in each run, in seconds; None where it did not run to an end."""

    step: str
    before: float | None
    after: float | None


class RunDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two runs; sections that were not asked for are empty."""

    before: Run
    after: Run
    code: tuple[StepChange, ...] = ()
    params: tuple[Difference, ...] = ()
    settings: tuple[Difference, ...] = ()
    inputs: tuple[StepChange, ...] = ()
    packages: tuple[Difference, ...] = ()
    environment: tuple[Difference, ...] = ()
    cache: tuple[Difference, ...] = ()
    status: tuple[Difference, ...] = ()
    outputs: tuple[OutputDiff, ...] = ()
    """All outputs, those with the same content too."""
    timings: tuple[Timing, ...] = ()


def run_diff(store: Store, before: str, after: str, only: Sequence[Section] = SECTIONS) -> RunDiff:
    """Compare two runs.

    Args:
        store: the store that holds both.
        before: name, id or short id of the one run.
        after: the same of the other.
        only: the sections to fill.

    Raises:
        NotFoundError: there is no such run.
    """
    old, new = (RunView(find_run(store, text), store) for text in (before, after))
    pairs = _pairs(old, new)
    makers: dict[Section, Any] = {
        "code": lambda: _code(store, pairs),
        "params": lambda: _parameters(old, new),
        "settings": lambda: _settings(old, new, pairs),
        "inputs": lambda: _inputs(store, pairs),
        "packages": lambda: _mapping(old.environment.packages, new.environment.packages),
        "environment": lambda: _environment(old, new),
        "cache": lambda: _cache(pairs),
        "status": lambda: _statuses(old, new, pairs),
        "outputs": lambda: _outputs(store, pairs),
        "timings": lambda: _timings(old, new, pairs),
    }
    found = {section: tuple(makers[section]()) for section in SECTIONS if section in only}
    return RunDiff(before=old.record, after=new.record, **found)


def _pairs(old: RunView, new: RunView) -> dict[str, Pair]:
    """Return the steps of both runs by their id inside the run."""
    return {name: (old.steps.get(name), new.steps.get(name)) for name in {**old.steps, **new.steps}}


def _both(pairs: dict[str, Pair]) -> Iterator[tuple[str, StepView, StepView]]:
    for name, (one, other) in pairs.items():
        if one is not None and other is not None:
            yield name, one, other


def _grouped(found: Iterator[tuple[str, Change]]) -> Iterator[StepChange]:
    """Say what several steps share once."""
    steps: dict[tuple[object, ...], list[str]] = {}
    changes: dict[tuple[object, ...], Change] = {}
    for step, change in found:
        key = (change.kind, change.name, change.text, change.diff or "")
        changes[key] = change
        steps.setdefault(key, []).append(step)
    for shared, one in changes.items():
        yield StepChange(one, tuple(steps[shared]))


def _code(store: Store, pairs: dict[str, Pair]) -> Iterator[StepChange]:
    compared: dict[tuple[str, str], list[Change]] = {}

    def changes() -> Iterator[tuple[str, Change]]:
        for name, one, other in _both(pairs):
            key = one.record.definition, other.record.definition
            if key not in compared:
                compared[key] = code_changes(one.definition, other.definition, store.document)
            # Versions of packages have a section of their own.
            yield from ((name, change) for change in compared[key] if change.kind != "package")

    return _grouped(changes())


def _inputs(store: Store, pairs: dict[str, Pair]) -> Iterator[StepChange]:
    both = list(_both(pairs))
    arguments = read_arguments(store, *(step.record for _, *two in both for step in two))

    def changes() -> Iterator[tuple[str, Change]]:
        for number, (name, one, other) in enumerate(both):
            before, after = arguments[2 * number], arguments[2 * number + 1]
            keys = one.record.key_parts, other.record.key_parts
            for key in sorted({**keys[0], **keys[1]}):
                if key.startswith("input:") and keys[0].get(key) != keys[1].get(key):
                    counted = key in keys[0], key in keys[1]
                    yield name, input_change(key.removeprefix("input:"), before, after, counted=counted)

    return _grouped(changes())


def _parameters(old: RunView, new: RunView) -> Iterator[Difference]:
    before, after = old.record.parameters, new.record.parameters
    for name in {**before, **after}:
        raw = [bytes(side[name]) if name in side else None for side in (before, after)]
        if raw[0] != raw[1]:
            shown = [None if one is None else shown_value(name, msgspec.Raw(one)) for one in raw]
            yield Difference(name, *shown)


def _settings(old: RunView, new: RunView, pairs: dict[str, Pair]) -> Iterator[Difference]:
    yield from _mapping(_options(old.record.options), _options(new.record.options), "pipeline.")
    for name, one, other in _both(pairs):
        yield from _mapping(_options(one.definition.options), _options(other.definition.options), f"{name}.")


def _options(options: msgspec.Struct) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in msgspec.structs.asdict(options).items():
        if isinstance(value, dict):
            found.update({f"{name}.{key}": repr(one) for key, one in value.items()})
        else:
            found[name] = repr(value)
    return found


def _environment(old: RunView, new: RunView) -> Iterator[Difference]:
    one, other = old.environment, new.environment
    sides = [
        {
            "python": environment.python,
            "platform": environment.platform,
            "commit": environment.commit or "none",
            "uncommitted changes": record.changes or "none",
            "command": " ".join(environment.command),
            "folder": environment.folder,
        }
        for environment, record in ((one, old.record), (other, new.record))
    ]
    yield from _mapping(sides[0], sides[1])
    before, after = old.record.variables, new.record.variables
    for expression in sorted(before.keys() & after.keys()):
        if before[expression] != after[expression]:  # values are not in the store, only that they differ
            yield Difference(f"variable {name_of(expression)}", "a value", "another value")


def _cache(pairs: dict[str, Pair]) -> Iterator[Difference]:
    for name, one, other in _both(pairs):
        decisions = [_decision(step) for step in (one, other)]
        if decisions[0] != decisions[1]:
            yield Difference(name, *decisions)


def _decision(step: StepView) -> str:
    return step.record.status if step.record.status in ("cached", "skipped") else "executed"


def _statuses(old: RunView, new: RunView, pairs: dict[str, Pair]) -> Iterator[Difference]:
    if old.record.status != new.record.status:
        yield Difference("run", old.record.status, new.record.status)
    good = ("completed", "cached")
    for name, (one, other) in pairs.items():
        states = [step.record.status if step is not None else None for step in (one, other)]
        if states[0] != states[1] and not (states[0] in good and states[1] in good):
            yield Difference(name, *states)


def _outputs(store: Store, pairs: dict[str, Pair]) -> Iterator[OutputDiff]:
    producers = {
        step.id: step.record.cached_from or step.id for pair in pairs.values() for step in pair if step
    }
    made = store.outputs_of(list(dict.fromkeys(producers.values())))

    def of(step: StepView | None) -> dict[str, Artifact]:
        return {} if step is None else {one.output: one for one in made.get(producers[step.id], ())}

    for name, (one, other) in pairs.items():
        before, after = of(one), of(other)
        for output in {**before, **after}:
            yield output_diff(store, name, output, before.get(output), after.get(output))


def _timings(old: RunView, new: RunView, pairs: dict[str, Pair]) -> Iterator[Timing]:
    yield Timing("run", *(_seconds(run.record.created_at, run.record.ended_at) for run in (old, new)))
    for name, pair in pairs.items():
        taken = [
            None
            if one is None or _decision(one) != "executed"
            else _seconds(one.record.started_at, one.record.ended_at)
            for one in pair
        ]
        if taken != [None, None]:
            yield Timing(name, *taken)


def _seconds(start: int, end: int | None) -> float | None:
    return None if end is None else (end - start) / 1e6


def _mapping(before: dict[str, str], after: dict[str, str], prefix: str = "") -> Iterator[Difference]:
    for name in sorted({**before, **after}):
        if before.get(name) != after.get(name):
            yield Difference(f"{prefix}{name}", before.get(name), after.get(name))
