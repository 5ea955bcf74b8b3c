"""Resuming a run: find its pipeline, compile it with what the run recorded, and execute what is missing.

    find the run → find the pipeline → compile → take the run over → execute

The source is the one of now: changed code is executed again, with what depends on it. What was said of the
run beside its source holds as it was said then: its arguments, its files, its `with_options`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.outside import ArtifactsOutside
from zenml.client.plan_changes import PlanChanges, changes_of_dynamic, plan_changes
from zenml.client.resolving import find_run, named
from zenml.compile.compiler import compile_pipeline
from zenml.compile.handles import ArtifactHandle
from zenml.compile.hook_options import source_of
from zenml.compile.said import MAIN, resumed_layers
from zenml.config.placeholders import has_placeholder
from zenml.context import live
from zenml.declare.importing import import_file, import_module, put_first
from zenml.declare.pipeline import Pipeline
from zenml.errors import NotFoundError, ResumeError
from zenml.execute.resumption import Resumption
from zenml.execute.running import failure_of, run_plan
from zenml.records import values
from zenml.records.ids import short
from zenml.records.run import Artifact, Owner, Run
from zenml.records.status import RESUMABLE
from zenml.store import owners
from zenml.store.opening import open_store
from zenml.views.asking import check_answered
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from zenml.compile.compiler import Compiled
    from zenml.records.plan import Plan, Source
    from zenml.store.store import Store


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
    module = pipeline.function.__module__ if pipeline is not None else ""
    if pipeline is None:
        pipeline, module = find_pipeline(record, plan, store)
    compiled = _compile(pipeline, module, record, plan, store, arguments or {})
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


# The pipeline


def find_pipeline(run: Run, plan: Plan, store: Store) -> tuple[Pipeline[Any], str]:
    """Return the pipeline of a run, and what the module is called now that it is in.

    Raises:
        ResumeError: it cannot be found in this process, and not be imported.
    """
    source = plan.source
    if source is None or source.module == "zenml.declare.single":
        raise ResumeError(
            f"Run `{run.name}` is of the single step `{run.pipeline_name}`, of which there is nothing to reuse. Call the step again."
        )
    here = live.pipelines.get(plan.pipeline)
    if isinstance(here, Pipeline) and _is_from(here, source):
        return here, here.function.__module__
    if "<" in source.name or source.file is None or source.file.startswith("<"):
        raise ResumeError(_cannot(run, "it was declared inside a function, in a class or in a notebook"))
    module = _import(run, source, RunView(run, store).environment.folder)
    found = _in_module(module, source, plan.pipeline)
    if found is None:
        raise ResumeError(_cannot(run, f"`{module.__file__}` has no pipeline `{source.name}` any more"))
    return found, module.__name__


def _is_from(pipeline: Pipeline[Any], source: Source) -> bool:
    """Tell whether a pipeline of this process is declared where the one of a run was."""
    own = source_of(pipeline.function)
    if own.name != source.name:
        return False
    return own.file == source.file or source.file is None or not os.path.isfile(source.file)


def _import(run: Run, source: Source, folder: str) -> ModuleType:
    if source.module == MAIN:
        if source.file is None or not os.path.isfile(source.file):
            raise ResumeError(_cannot(run, f"the file `{source.file}` is gone"))
        return import_file(source.file)
    if source.module not in sys.modules and os.path.isdir(folder):
        put_first(folder)
    try:
        return import_module(source.module)
    except NotFoundError as error:
        if source.file is not None and os.path.isfile(source.file):
            return import_file(source.file)
        raise ResumeError(_cannot(run, f"its module `{source.module}` cannot be found")) from error


def _in_module(module: ModuleType, source: Source, name: str) -> Pipeline[Any] | None:
    pipelines = [value for value in vars(module).values() if isinstance(value, Pipeline)]
    same = [one for one in pipelines if source_of(one.function).name == source.name]
    chosen = [one for one in same if one.name == name] or same
    return chosen[0] if chosen else None


def _cannot(run: Run, why: str) -> str:
    return (
        f"The pipeline `{run.pipeline_name}` of run `{run.name}` cannot be imported: {why}. Resume the run where the "
        f'pipeline is at hand: `{run.pipeline_name}.resume("{short(run.id)}")`.'
    )


# Compiling it


def _compile(
    pipeline: Pipeline[Any],
    module: str,
    run: Run,
    plan: Plan,
    store: Store,
    arguments: Mapping[str, Any],
) -> Compiled:
    """Compile the pipeline of a run as it is now, with the arguments and options that the run was begun with."""
    layers = resumed_layers(pipeline.layers, plan, module)
    configured = layers.merged().get("parameters") or {}
    given: dict[str, Any] = {}
    for name, raw in run.parameters.items():
        from_environment = name in configured and has_placeholder(configured[name])
        if pipeline.signature.accepts(name) and not from_environment:
            given[name] = values.decode(bytes(raw), allow_types=True)
    for name, identifier in plan.artifacts.items():
        artifact = store.get(Artifact, identifier)
        if artifact is None:
            raise ResumeError(
                f"The artifact that run `{run.name}` was given as `{name}` was deleted. Start a new run."
            )
        if pipeline.signature.accepts(name):
            given[name] = ArtifactHandle(artifact)
    given |= arguments
    missing = pipeline.signature.missing({**configured, **given})
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise ResumeError(
            f"Run `{run.name}` has no record of {listed}: such a value cannot be written down, or the parameter is new. "
            f'Give it: `{pipeline.name}.resume("{short(run.id)}", arguments={{"{missing[0]}": …}})`.'
        )
    outside = ArtifactsOutside(lambda: store)
    compiled = compile_pipeline(
        pipeline.with_layers(layers), (), given, is_listed=plan.is_listed, outside=outside.find
    )
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
    )
    return compiled
