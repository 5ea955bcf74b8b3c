"""Schedules that would start themselves for ever: found before they are stored."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from zenml.errors import ConfigurationError
from zenml.records.schedules import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.records.plan import Plan
    from zenml.store.store import Store


def check_circles(wanted: Schedule, plan: Plan, store: Store) -> None:
    """Check that what a schedule starts does not bring about what it waits for.

    Runs of pipelines are followed through all schedules of the store. Artifacts and models are looked for in what the
    plan itself makes; what a dynamic pipeline makes is not known.

    Raises:
        ConfigurationError: it does; the message names the circle.
    """
    event = wanted.event
    if event is None:
        return
    if event.kind == "run_ended":
        others = [one for one in store.select(Schedule) if one.name != wanted.name]
        chain = _chain(event.name, wanted.pipeline_name, others)
        if chain:
            shown = " → ".join(f"`{name}`" for name in (*chain, chain[0]))
            raise ConfigurationError(
                f"Schedule `{wanted.name}` would have pipelines start each other for ever: {shown}. Wait for another pipeline, "
                "or have it run at times."
            )
    elif event.name in (_artifacts(plan) if event.kind == "artifact" else _models(plan)):
        what = "artifact" if event.kind == "artifact" else "model"
        raise ConfigurationError(
            f"Schedule `{wanted.name}` would start itself for ever: pipeline `{plan.pipeline}` makes versions of the {what} "
            f"`{event.name}` that it waits for. Wait for something that others make."
        )


def _chain(waited_for: str, started: str, schedules: Iterable[Schedule]) -> list[str]:
    """Return the pipelines by which `started` comes to `waited_for`, both included; nothing if it does not."""
    follows: dict[str, list[str]] = {}
    for one in schedules:
        if one.event is not None and one.event.kind == "run_ended":
            follows.setdefault(one.event.name, []).append(one.pipeline_name)
    paths = deque([[started]])
    seen = {started}
    while paths:
        path = paths.popleft()
        if path[-1] == waited_for:
            return path
        for name in follows.get(path[-1], []):
            if name not in seen:
                seen.add(name)
                paths.append([*path, name])
    return []


def _artifacts(plan: Plan) -> set[str]:
    """Return the names of the artifacts that the steps of a plan make."""
    return {
        output.artifact_name or output.name
        if output.is_named
        else f"{plan.pipeline}::{call.id}::{output.name}"
        for call in plan.invocations
        for output in plan.definitions[call.definition].outputs
    }


def _models(plan: Plan) -> set[str]:
    """Return the names of the models of which a plan makes new versions."""
    asked = [plan.options.model, *(one.options.model for one in plan.definitions.values())]
    return {model.name for model in asked if model is not None and model.version is None}
