"""Starting a declared pipeline: compile, run, hand back the run or raise what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client.outside import ArtifactsOutside
from zenml.compile.compiler import compile_pipeline
from zenml.errors import ArgumentError
from zenml.execute.running import failure_of, run_plan
from zenml.signatures.signature import did_you_mean
from zenml.store.opening import open_store
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.declare.pipeline import Pipeline


def start(pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> RunView:
    """Run a pipeline in this process and return its run.

    Args:
        pipeline: the pipeline to run.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
    """
    compiled = compile_call(pipeline, args, kwargs)
    store = open_store()
    ended = run_plan(compiled, store, run_name=pipeline.run_options.get("run_name"))
    error = failure_of(ended)
    if error is not None:
        raise error
    return RunView(ended.run, store)


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
