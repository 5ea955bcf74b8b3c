"""Resuming a run: find its pipeline, compile it with what the run recorded, and execute what is missing.

    find the run → find the pipeline → compile → take the run over → execute

The source is the one of now: changed code is executed again, with what depends on it. What was said of the
run beside its source holds as it was said then: its arguments, its files, its `with_options`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.plan_changes import PlanChanges, changes_of_dynamic, plan_changes
from zenml.client.resolving import find_run, named
from zenml.compile.said import resumed_layers
from zenml.declare.finding import Purpose, find_pipeline, origin_of
from zenml.declare.recompiling import Earlier, compile_again
from zenml.errors import ResumeError
from zenml.execute.resumption import Resumption
from zenml.execute.running import failure_of, run_plan
from zenml.records.ids import short
from zenml.records.run import Owner, Run
from zenml.records.status import RESUMABLE
from zenml.store import owners
from zenml.store.opening import open_store
from zenml.views.asking import check_answered, top_of
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.compile.compiler import Compiled
    from zenml.declare.pipeline import Pipeline
    from zenml.records.plan import Plan
    from zenml.store.store import Store

RESUMING = Purpose("resume", "arguments", ResumeError)


class Prepared(msgspec.Struct, frozen=True):
    """A run that can be resumed, and how; nothing is changed yet."""

    run: Run
    compiled: Any
    """What is to be executed, a `Compiled`."""
    changes: PlanChanges
    """How the pipeline differs from what the run was begun with."""


def resume(
    run: str | Run | RunView,
    *,
    store: Store | None = None,
    pipeline: Pipeline[Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> RunView:
    """Execute what is missing of a run that did not complete; return it when it has ended.

    Args:
        run: the run, or its name, id or short id.
        store: where it is recorded; by default the active store.
        pipeline: its pipeline, where that cannot be imported: from a notebook, or from inside a function.
        arguments: arguments of the pipeline that could not be recorded.

    Raises:
        ResumeError: the run has completed or goes on, or its pipeline cannot be found.
        Exception: the exception of the first step that failed, with notes that say where.
    """
    store = store or open_store()
    return carry_out(prepare(store, run, pipeline=pipeline, arguments=arguments), store)


def carry_out(prepared: Prepared, store: Store, *, in_background: bool = False) -> RunView:
    """Execute what is missing of a run; return it when it has ended, or goes on in the background.

    Raises:
        ResumeError: another process was quicker.
        Exception: the exception of the first step that failed, with notes that say where.
    """
    if in_background:
        from zenml.execute.background import start_in_background

        start_in_background(prepared.compiled, store, resumed=prepared.run)
        return RunView(find_run(store, prepared.run.id), store)
    ended = run_plan(prepared.compiled, store, resumption=Resumption(prepared.run))
    error = failure_of(ended)
    if error is not None:
        raise error
    return RunView(ended.run, store)


def prepare(
    store: Store,
    run: str | Run | RunView,
    *,
    pipeline: Pipeline[Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Prepared:
    """Find out whether and how a run can be resumed."""
    record = resumable(store, run)
    plan = RunView(record, store).plan
    _check_original(record, plan, store)
    origin = origin_of(record, store, RESUMING)
    module = pipeline.function.__module__ if pipeline is not None else ""
    if pipeline is None:
        pipeline, module = find_pipeline(origin, plan)
    compiled = _compile(pipeline, module, Earlier(origin, plan), store, arguments or {})
    compiled.again = partial(_compile_elsewhere, pipeline, module, record.id, dict(arguments or {}))
    if plan.is_dynamic:
        changes = changes_of_dynamic(plan, module, store, compiled.sources)
    else:
        changes = plan_changes(plan, compiled.plan, store, compiled.sources)
    return Prepared(record, compiled, changes)


def resumable(store: Store, run: str | Run | RunView) -> Run:
    """Return the record of a run that can be resumed; one whose owner has died is interrupted first.

    Raises:
        ResumeError: it has completed, or it goes on.
    """
    text = named(run, "run") if isinstance(run, str) else run.id
    record = find_run(store, text)
    if record.status not in RESUMABLE and record.status != "completed":
        store.interrupt_dead_runs()
        record = find_run(store, record.id)
    if record.status in RESUMABLE:
        _refuse_child(record, store)
        check_answered(RunView(record, store))
        return record
    name = f"Run `{record.name}` ({short(record.id)})"
    if record.status == "completed":
        raise ResumeError(f"{name} has completed: nothing of it is missing. Run its pipeline again.")
    owner = store.get(Owner, record.owner_id)
    where = "a process"
    if owner is not None:
        where = f"process {owner.pid}" + ("" if owners.is_this_host(owner) else f" on host `{owner.host}`")
    remedy = f"Follow it: zenml run watch {short(record.id)}   Stop it: zenml run stop {short(record.id)}"
    if owner is not None and not store.is_shared and not owners.is_this_host(owner):
        remedy = (
            f"Whether that lives can be told there only: run `zenml run resume {short(record.id)}` there."
        )
    raise ResumeError(f"{name} is {record.status} in {where}. {remedy}")


def _refuse_child(record: Run, store: Store) -> None:
    """Refuse to resume a run alone whose parent can still make use of it.

    Raises:
        ResumeError: its parent has not completed; it names the one to resume.
    """
    top = top_of(RunView(record, store).refresh()).record
    if top.id == record.id:
        return
    remedy = f"Resume that, and this one goes on with it: zenml run resume {short(top.id)}"
    if top.status not in RESUMABLE:
        remedy = f"That is {top.status}: zenml run watch {short(top.id)}"
    raise ResumeError(
        f"Run `{record.name}` ({short(record.id)}) was called by run `{top.name}` ({short(top.id)}), which waits for what "
        f"it returns. {remedy}"
    )


def _compile_elsewhere(
    pipeline: Pipeline[Any], module: str, run_id: str, arguments: Mapping[str, Any]
) -> Compiled:
    """Compile the pipeline of a run in the process that goes on with it in the background."""
    store = open_store()
    record = find_run(store, run_id)
    earlier = Earlier(origin_of(record, store, RESUMING), RunView(record, store).plan)
    return _compile(pipeline, module, earlier, store, arguments)


def _check_original(run: Run, plan: Plan, store: Store) -> None:
    """Raise if the run is a replay that may still have to take something from an original that is gone."""
    told = plan.replay
    if told is None or told.original is None or not (told.skip or told.skips_successful):
        return
    if store.get(Run, told.original) is None:
        raise ResumeError(
            f"Run `{run.name}` ({short(run.id)}) is a replay that takes outputs of a run which was deleted. Run its "
            "pipeline again."
        )


def _compile(
    pipeline: Pipeline[Any], module: str, earlier: Earlier, store: Store, arguments: Mapping[str, Any]
) -> Compiled:
    """Compile the pipeline of a run as it is now, with the arguments and options that the run was begun with."""
    plan = earlier.plan
    layers = resumed_layers(pipeline.layers, plan, module)
    compiled = compile_again(pipeline, layers, earlier, store, arguments)
    refreshed = plan.refreshed
    if compiled.dynamic is not None:
        compiled.dynamic.refresh.names = refreshed
    else:
        known = {one.id for one in compiled.plan.invocations}
        refreshed = tuple(one for one in refreshed if one in known)
    compiled.plan = msgspec.structs.replace(
        compiled.plan,
        said=plan.said,
        unsaid=plan.unsaid,
        artifacts=plan.artifacts,
        refreshed=refreshed,
        replay=plan.replay,
    )
    return compiled
