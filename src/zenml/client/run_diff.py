"""Two runs compared: code, parameters, settings, inputs, packages, decisions, metrics, outputs, logs, times.

    diff = run_diff(store, "monday", "tuesday")

The answer is one value, which the command line prints as text or JSON. What could not be
compared is part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from zenml.client.artifact_changes import OutputDiff, output_diffs
from zenml.client.changes import Change
from zenml.client.code_changes import code_changes, is_opaque
from zenml.client.decision_changes import Decision, Timing, cache_decisions, status_differences, timings
from zenml.client.input_changes import input_change, read_arguments
from zenml.client.log_changes import LogChange, log_changes
from zenml.client.metric_changes import MetricChange, metric_changes
from zenml.client.resolving import find_run
from zenml.client.run_pairs import BlindSpot, Difference, RunPair
from zenml.client.setting_changes import (
    environment_differences,
    package_differences,
    parameter_differences,
    setting_differences,
)
from zenml.records.run import Run
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zenml.store.store import Store

Section = Literal[
    "code",
    "params",
    "settings",
    "inputs",
    "packages",
    "environment",
    "cache",
    "status",
    "metrics",
    "outputs",
    "logs",
    "timings",
]
SECTIONS: tuple[Section, ...] = get_args(Section)


class StepChange(msgspec.Struct, frozen=True):
    """A difference, and the steps that have it."""

    change: Change
    steps: tuple[str, ...]


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
    cache: tuple[Decision, ...] = ()
    status: tuple[Difference, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    outputs: tuple[OutputDiff, ...] = ()
    """All outputs, those with the same content too."""
    logs: tuple[LogChange, ...] = ()
    timings: tuple[Timing, ...] = ()
    blind_spots: tuple[BlindSpot, ...] = ()
    """What was not compared in the sections that were asked for."""


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
    runs = RunPair(old, new)
    blind = list(_lone_steps(runs))
    makers: dict[Section, Any] = {
        "code": lambda: _code(store, runs, blind),
        "params": lambda: parameter_differences(runs),
        "settings": lambda: setting_differences(runs),
        "inputs": lambda: _inputs(store, runs),
        "packages": lambda: package_differences(runs),
        "environment": lambda: environment_differences(runs),
        "cache": lambda: cache_decisions(store, runs),
        "status": lambda: status_differences(runs),
        "metrics": lambda: metric_changes(store, runs),
        "outputs": lambda: _outputs(store, runs, blind),
        "logs": lambda: log_changes(runs, blind),
        "timings": lambda: timings(runs),
    }
    found = {section: tuple(makers[section]()) for section in SECTIONS if section in only}
    return RunDiff(before=old.record, after=new.record, blind_spots=tuple(dict.fromkeys(blind)), **found)


def _lone_steps(runs: RunPair) -> Iterator[BlindSpot]:
    for pair in runs.steps:
        if pair.before is None or pair.after is None:
            run = runs.before if pair.after is None else runs.after
            yield BlindSpot(f"step {pair.name}", f"only run `{run.name}` has begun it")


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


def _code(store: Store, runs: RunPair, blind: list[BlindSpot]) -> Iterator[StepChange]:
    compared: dict[tuple[str, str], list[Change]] = {}

    def changes() -> Iterator[tuple[str, Change]]:
        for name, one, other in runs.both():
            key = one.record.definition, other.record.definition
            if key not in compared:
                compared[key] = code_changes(one.definition, other.definition, store.document)
            # Versions of packages have a section of their own.
            yield from ((name, change) for change in compared[key] if change.kind != "package")

    for name, one, other in runs.both():
        spots = dict.fromkeys((*one.definition.blind_spots, *other.definition.blind_spots))
        blind.extend(BlindSpot(f"code of step {name}", spot) for spot in spots)
    for found in _grouped(changes()):
        if is_opaque(found.change):
            blind.append(BlindSpot(f"code {found.change.name}", "its source is not stored for both runs"))
        yield found


def _inputs(store: Store, runs: RunPair) -> Iterator[StepChange]:
    both = list(runs.both())
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


def _outputs(store: Store, runs: RunPair, blind: list[BlindSpot]) -> Iterator[OutputDiff]:
    for one in output_diffs(store, runs.steps):
        if one.not_compared is not None:
            blind.append(BlindSpot(f"output {one.step}.{one.output}", one.not_compared))
        yield one
