"""`@pipeline`: a function that calls steps becomes a pipeline; calling it runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, Self, overload

from zenml.config.precedence import PIPELINE_OPTIONS, RUN_OPTIONS, check_options
from zenml.context import session
from zenml.declare.declaration import Declaration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.config.cache_policy import CachePolicy
    from zenml.config.model import Model
    from zenml.config.precedence import Level
    from zenml.config.retry_config import StepRetryConfig
    from zenml.config.tag import Tag
    from zenml.records.plan import ExecutionMode
    from zenml.views.run_view import RunView

    Hook = Callable[..., Any] | str

P = ParamSpec("P")


class Pipeline(Declaration[P, Any]):
    """A declared pipeline. Made by `@pipeline`; calling it runs it."""

    kind = "pipeline"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> RunView:
        """Run the pipeline and return the run; inside another pipeline, add its steps to that one.

        Raises:
            DeclarationError: something is wrong that can be known before a step runs.
            Exception: the exception of the first step that failed, with notes that say where.
        """
        active = session.active.get()
        if active is not None:
            inside: RunView = active.call_pipeline(self, args, dict(kwargs))
            return inside
        from zenml.declare.starting import start

        return start(self, args, dict(kwargs))

    def run(self, *args: P.args, **kwargs: P.kwargs) -> RunView:
        """Run the pipeline; the same as calling it."""
        return self(*args, **kwargs)

    def with_options(self, **options: Any) -> Self:
        """Return a copy with other options; the original stays as it is.

        Args:
            options: the options of `@pipeline`, and for this run: `run_name`; `parameters`, arguments of
                the pipeline; `steps`, options and parameters of single steps by invocation id or name;
                `refresh`, True or names of steps, which are executed whatever the cache knows.
        """
        return super().with_options(**options)

    @property
    def run_options(self) -> dict[str, Any]:
        """What was said of the next run: its name, arguments, steps and schedule."""
        merged = self.layers.merged()
        return {name: merged[name] for name in RUN_OPTIONS if name in merged}

    def _add(self, level: Level, options: Mapping[str, Any]) -> None:
        check_options(options, PIPELINE_OPTIONS | RUN_OPTIONS, f"Pipeline `{self.name}`")
        given = {name: value for name, value in options.items() if value is not None}
        self._set_layers(self.layers.with_level(level, given))


@overload
def pipeline(_func: Callable[P, Any], /) -> Pipeline[P]: ...
@overload
def pipeline(
    _func: None = None,
    /,
    *,
    name: str | None = None,
    enable_cache: bool | None = None,
    enable_artifact_metadata: bool | None = None,
    enable_artifact_visualization: bool | None = None,
    enable_step_logs: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    tags: Sequence[str | Tag] | None = None,
    cache_policy: CachePolicy | str | None = None,
    execution_mode: ExecutionMode | None = None,
    max_parallelism: int | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Sequence[str] | None = None,
    model: Model | None = None,
    retry: StepRetryConfig | None = None,
    substitutions: Mapping[str, str] | None = None,
    on_start: Hook | None = None,
    on_success: Hook | None = None,
    on_failure: Hook | None = None,
    on_end: Hook | None = None,
    on_init: Hook | None = None,
    on_init_kwargs: Mapping[str, Any] | None = None,
    on_cleanup: Hook | None = None,
    on_pause: Hook | None = None,
    on_resume: Hook | None = None,
    enable_pipeline_logs: bool | None = None,
    enable_heartbeat: bool | None = None,
) -> Callable[[Callable[P, Any]], Pipeline[P]]: ...
def pipeline(_func: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Turn a function that calls steps into a pipeline.

    Args:
        _func: the function, when the decorator is used without parentheses.
        options: `name`: another name than the function's. `enable_cache`, `enable_step_logs`,
            `enable_artifact_metadata`, `enable_artifact_visualization`, `cache_policy`: defaults for every
            step that does not say otherwise. `settings`, `extra`: mappings kept with the run. `tags`:
            names to find the run by. `execution_mode`: what a failure means for other steps:
            `"continue_on_failure"` (default), `"stop_on_failure"` or `"fail_fast"`. `max_parallelism`:
            how many steps may run at once. `environment`, `secrets`, `model`, `retry`, `substitutions`,
            `on_start`, `on_success`, `on_failure`, `on_end`: defaults for every step, as in `@step`.
            `on_init`, called with `on_init_kwargs` before the first step: what it returns is the
            pipeline's state in the context. `on_cleanup`: called once at the end, whatever happened.
            `on_pause`, `on_resume`: called when a run pauses and goes on. `enable_pipeline_logs`:
            whether what is printed outside steps is kept. `enable_heartbeat`: kept with the run.
    """
    check_options(options, PIPELINE_OPTIONS, "`@pipeline`")
    given = {name: value for name, value in options.items() if value is not None}
    if _func is not None:
        return Pipeline(_func, given)
    return lambda function: Pipeline(function, given)
