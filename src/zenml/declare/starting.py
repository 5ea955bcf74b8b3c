"""Starting a declared pipeline: compile, run, hand back the run or raise what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client.outside import ArtifactsOutside
from zenml.compile.compiler import compile_pipeline
from zenml.compile.execution_options import is_synchronous
from zenml.errors import ArgumentError, NotFoundError
from zenml.execute import screen
from zenml.execute.output import say
from zenml.execute.running import failure_of, run_plan
from zenml.records.ids import short
from zenml.records.run import Run
from zenml.signatures.signature import did_you_mean
from zenml.store.opening import open_store
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.declare.pipeline import Pipeline
    from zenml.store.store import Store


def start(pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> RunView:
    """Run a pipeline in this process and return its run.

    Args:
        pipeline: the pipeline to run.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
    """
    compiled = compile_call(pipeline, args, kwargs)
    store = open_store()
    run_name = pipeline.run_options.get("run_name")
    if not is_synchronous(compiled.plan.options.settings):
        return _in_background(compiled, store, run_name)
    ended = run_plan(compiled, store, run_name=run_name)
    error = failure_of(ended)
    if error is not None:
        raise error
    return RunView(ended.run, store)


def _in_background(compiled: Compiled, store: Store, run_name: str | None) -> RunView:
    """Start a run in a process of its own; return it as it is now."""
    from zenml.execute.background import start_in_background

    identifier = start_in_background(compiled, store, run_name)
    run = store.get(Run, identifier)
    if run is None:
        raise NotFoundError(f"Run `{identifier}` was deleted while it began.")
    if not screen.is_quiet():
        say(f"Run `{run.name}` goes on in the background. Follow it: zenml run watch {short(run.id)}\n")
    return RunView(run, store)


def compile_call(pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Compiled:
    """Compile a call of a pipeline with its configured arguments and steps; checks all, runs nothing."""
    options = pipeline.run_options
    arguments = _with_configured(pipeline, args, kwargs, options.get("parameters") or {})
    outside = ArtifactsOutside(open_store)
    return compile_pipeline(
        pipeline,
        args,
        arguments,
        steps=options.get("steps"),
        refresh=options.get("refresh", False),
        outside=outside.find,
    )


def _with_configured(
    pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any], configured: dict[str, Any]
) -> dict[str, Any]:
    """Add configured arguments to those of the call, which win."""
    if not configured:
        return kwargs
    signature = pipeline.signature
    for name in configured:
        if not signature.accepts(name):
            raise ArgumentError(
                f"`parameters` of pipeline `{pipeline.name}` sets `{name}`, which it does not take. "
                f"{did_you_mean(name, signature.parameters)}It takes: {', '.join(signature.parameters) or 'none'}."
            )
    given = signature.bind(args, kwargs, what=f"pipeline `{pipeline.name}`")
    return {**{name: value for name, value in configured.items() if name not in given}, **kwargs}
