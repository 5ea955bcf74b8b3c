"""Starting a declared pipeline: compile, run, hand back the run or raise what failed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from zenml.client.outside import ArtifactsOutside
from zenml.compile.compiler import compile_pipeline
from zenml.config.option_table import NOT_USED
from zenml.errors import NotFoundError
from zenml.execute import conditions
from zenml.execute.run_stack import RunStack
from zenml.execute.running import failure_of, run_plan
from zenml.logs.output import say
from zenml.records.ids import short
from zenml.records.run import Run
from zenml.reporting import screen
from zenml.store.opening import open_store
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.declare.pipeline import Pipeline
    from zenml.store.store import Store


def start(pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> RunView | None:
    """Run a pipeline and return its run; with a schedule, store that and return None.

    Settings can send the run to the background: then it is returned while it goes on. One whose store is
    in the memory of this process stays here.

    Args:
        pipeline: the pipeline to run.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
    """
    compiled = compile_call(pipeline, args, kwargs)
    store = open_store()
    _say_what_is_not_used(pipeline, store)
    if compiled.schedule is not None:
        from zenml.execute.scheduling import store_schedule

        RunStack(store).check_plan(compiled.plan, is_scheduled=True)
        store_schedule(compiled, compiled.schedule, store)
        return None
    if store.root != ":memory:" and not RunStack(store).is_synchronous(compiled.plan.options.settings):
        return _in_background(compiled, store)
    ended = run_plan(compiled, store)
    error = failure_of(ended)
    if error is not None:
        raise error
    return RunView(ended.run, store)


def _in_background(compiled: Compiled, store: Store) -> RunView:
    """Start a run in a process of its own; return it as it is now."""
    from zenml.execute.background import start_in_background

    identifier = start_in_background(compiled, store)
    run = store.get(Run, identifier)
    if run is None:
        raise NotFoundError(f"Run `{identifier}` was deleted while it began.")
    if not screen.is_quiet():
        say(f"Run `{run.name}` goes on in the background. Follow it: zenml run watch {short(run.id)}\n")
    return RunView(run, store)


def _say_what_is_not_used(pipeline: Pipeline[Any], store: Store) -> None:
    """Tell of options that other versions of this interface have, and that mean nothing here."""
    given = [f"`{name}`" for name in NOT_USED if name in pipeline.run_options]
    if given:
        reporter = conditions.of(store).open_reporter(store)
        reporter.note(
            f"{' and '.join(given)} of pipeline `{pipeline.name}`: not used, since no images are built."
        )
        reporter.close()


def compile_call(pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Compiled:
    """Compile a call of a pipeline with its configured arguments and steps; checks all, runs nothing."""
    outside = ArtifactsOutside(open_store)
    compiled = compile_pipeline(pipeline, args, kwargs, outside=outside.find)
    compiled.again = partial(compile_call, pipeline, args, kwargs)
    return compiled
