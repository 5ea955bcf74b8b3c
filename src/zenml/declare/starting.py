"""Starting a declared pipeline: compile, run, hand back the run or raise what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client.outside import ArtifactsOutside
from zenml.compile.compiler import compile_pipeline
from zenml.compile.uncached import without_cache
from zenml.config.option_table import NOT_USED
from zenml.execute.reporter import choose_reporter
from zenml.execute.running import failure_of, run_plan
from zenml.execute.scheduling import store_schedule
from zenml.store.opening import open_store
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.declare.pipeline import Pipeline
    from zenml.store.store import Store


def start(
    pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, use_cache: bool = True
) -> RunView | None:
    """Run a pipeline in this process and return its run; with a schedule, store that and return None.

    Args:
        pipeline: the pipeline to run.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
        use_cache: whether stored results may be used; False beats what steps say of themselves.
    """
    compiled = compile_call(pipeline, args, kwargs)
    if not use_cache:
        compiled = without_cache(compiled)
    store = open_store()
    _say_what_is_not_used(pipeline, store)
    if compiled.schedule is not None:
        store_schedule(compiled, compiled.schedule, store)
        return None
    ended = run_plan(compiled, store)
    error = failure_of(ended)
    if error is not None:
        raise error
    return RunView(ended.run, store)


def _say_what_is_not_used(pipeline: Pipeline[Any], store: Store) -> None:
    """Tell of options that other versions of this interface have, and that mean nothing here."""
    given = [f"`{name}`" for name in NOT_USED if name in pipeline.run_options]
    if given:
        reporter = choose_reporter(store)
        reporter.note(
            f"{' and '.join(given)} of pipeline `{pipeline.name}`: not used, since no images are built."
        )
        reporter.close()


def compile_call(pipeline: Pipeline[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Compiled:
    """Compile a call of a pipeline with its configured arguments and steps; checks all, runs nothing."""
    outside = ArtifactsOutside(open_store)
    return compile_pipeline(pipeline, args, kwargs, outside=outside.find)
