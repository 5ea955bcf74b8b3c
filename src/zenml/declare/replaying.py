"""Replaying a run: find its pipeline, compile it with what the run recorded, and execute it as a new run.

    find the run → find the pipeline → compile → execute → compare

As with a run that is resumed, the source is the one of now, and what was said of the run holds as it was said
then. Everything is executed, whatever the cache knows, but what is to be taken from the original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.plan_changes import PlanChanges, changes_of_dynamic, plan_changes
from zenml.client.resolving import find_run, named
from zenml.compile.said import resumed_layers
from zenml.config.precedence import Layers, Replacing, merge
from zenml.declare.finding import Purpose, find_pipeline, find_steps, origin_of
from zenml.declare.recompiling import Earlier, compile_again
from zenml.declare.replay_request import ReplayRequest
from zenml.errors import ReplayError
from zenml.execute.running import failure_of, run_plan
from zenml.records.run import Run
from zenml.store.opening import open_store
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zenml.declare.pipeline import Pipeline
    from zenml.declare.step import Step
    from zenml.store.store import Store

REPLAYING = Purpose("replay", "input_overrides", ReplayError)


class PreparedReplay(msgspec.Struct, frozen=True):
    """A run that can be replayed, and how; nothing has begun."""

    original: RunView
    compiled: Any
    """What is to be executed, a `Compiled`."""
    changes: PlanChanges
    """How the pipeline differs from what the original was begun with."""


def replay(
    run: str | Run | RunView,
    *,
    skip: str | Sequence[str | Step[Any, Any]] = (),
    skip_successful_steps: bool = False,
    input_overrides: Mapping[str, Any] | None = None,
    step_input_overrides: Mapping[str, Mapping[str, Any]] | None = None,
    pipeline: Pipeline[Any] | None = None,
    store: Store | None = None,
) -> RunView:
    """Reproduce a run as a new one, from what it recorded; return that when it has ended.

    Args:
        run: the run, or its name, id or short id.
        skip: ids of calls, names of steps and of maps, whose recorded outputs are taken; all others are executed.
        skip_successful_steps: take the outputs of everything that has succeeded.
        input_overrides: arguments of the pipeline that replace those of then.
        step_input_overrides: plain values that replace arguments of calls, by id or name of the step.
        pipeline: its pipeline, where that cannot be imported: from a notebook, or from inside a function.
        store: where it is recorded; by default the active store.

    Raises:
        ReplayError: its pipeline cannot be found, or what is to be skipped has no result.
        Exception: the exception of the first step that failed, with notes that say where.

    Example:
        `again = zenml.replay("nightly", skip=["load"], input_overrides={"rate": 0.1}); print(again.replay_report)`
    """
    request = ReplayRequest.read(
        skip, input_overrides, step_input_overrides, skips_successful=skip_successful_steps
    )
    store = store or open_store()
    return carry_out(prepare(store, run, request, pipeline=pipeline), store)


def carry_out(prepared: PreparedReplay, store: Store) -> RunView:
    """Execute a replay; return it when it has ended.

    Raises:
        Exception: the exception of the first step that failed, with notes that say where.
    """
    ended = run_plan(prepared.compiled, store)
    error = failure_of(ended)
    if error is not None:
        raise error
    return RunView(ended.run, store)


def prepare(
    store: Store,
    run: str | Run | RunView,
    request: ReplayRequest,
    *,
    pipeline: Pipeline[Any] | None = None,
) -> PreparedReplay:
    """Find out whether and how a run can be replayed.

    Raises:
        ReplayError: its pipeline cannot be found, or what is asked for is not in the run.
        NotFoundError: there is no such run, or its plan is gone.
    """
    original = RunView(find_run(store, named(run, "run") if isinstance(run, str) else run.id), store)
    plan = original.plan
    request.check_original(original, store)
    origin = origin_of(original.record, store, REPLAYING)
    module = pipeline.function.__module__ if pipeline is not None else ""
    if pipeline is None:
        pipeline, module = find_pipeline(origin, plan)
    steps = find_steps(plan, module)
    request = request.typed(pipeline, steps)
    layers = _layers(pipeline, module, original, request)
    earlier = Earlier(origin, plan)
    compiled = compile_again(pipeline, layers, earlier, store, request.inputs)
    request.check_calls(original, compiled.plan, steps)
    compiled.plan = msgspec.structs.replace(
        compiled.plan,
        replay=request.recorded(original),
        unsaid=tuple(dict.fromkeys((*plan.unsaid, *compiled.plan.unsaid))),
    )
    if plan.is_dynamic:
        changes = changes_of_dynamic(plan, module, store, compiled.sources)
    else:
        changes = plan_changes(plan, compiled.plan, store, compiled.sources)
    return PreparedReplay(original, compiled, changes)


def _layers(pipeline: Pipeline[Any], module: str, original: RunView, request: ReplayRequest) -> Layers:
    """Return what is said of a replay: what was said then, what the pipeline at hand says now, and the overrides."""
    levels = resumed_layers(pipeline.layers, original.stored_plan, module).levels
    name = pipeline.layers.levels.get("with_options", {}).get("run_name")
    if name is not None:
        levels["with_options"] = {
            **levels["with_options"],
            "run_name": name.value if isinstance(name, Replacing) else name,
        }
    if request.step_inputs:
        levels["replay"] = merge((levels.get("replay", {}), request.said))
    return Layers(levels, is_resumed=True)
