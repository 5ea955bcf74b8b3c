"""`@pipeline`: a function that calls steps becomes a pipeline; calling it runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, Self, overload

from zenml.config.precedence import PIPELINE_OPTIONS, RUN_OPTIONS, check_options
from zenml.context import session
from zenml.declare.declaration import Declaration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.config.cache_policy import CachePolicy
    from zenml.config.precedence import Level
    from zenml.records.plan import ExecutionMode
    from zenml.views.run_view import RunView

P = ParamSpec("P")


class Pipeline(Declaration[P, Any]):
    """A declared pipeline. Made by `@pipeline`; calling it runs it."""

    kind = "pipeline"

    def __init__(self, function: Callable[P, Any], options: Mapping[str, Any]) -> None:
        super().__init__(function, options)
        self.run_options: dict[str, Any] = {}

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
                the pipeline; `steps`, options and parameters of single steps by invocation id or name.
        """
        return super().with_options(**options)

    def _add(self, level: Level, options: Mapping[str, Any]) -> None:
        check_options(options, PIPELINE_OPTIONS | RUN_OPTIONS, f"Pipeline `{self.name}`")
        self.run_options = {
            **self.run_options,
            **{name: options[name] for name in RUN_OPTIONS & options.keys()},
        }
        own = {
            name: value for name, value in options.items() if name not in RUN_OPTIONS and value is not None
        }
        self._set_layers(self.layers.with_level(level, own))


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
    tags: Sequence[str] | None = None,
    cache_policy: CachePolicy | None = None,
    execution_mode: ExecutionMode | None = None,
    max_parallelism: int | None = None,
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
            how many steps may run at once.
    """
    check_options(options, PIPELINE_OPTIONS, "`@pipeline`")
    given = {name: value for name, value in options.items() if value is not None}
    if _func is not None:
        return Pipeline(_func, given)
    return lambda function: Pipeline(function, given)
