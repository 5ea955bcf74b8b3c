"""`@pipeline`: a function that calls steps becomes a pipeline; calling it runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, ParamSpec, overload

from zenml.config.precedence import PIPELINE_OPTIONS, RUN_OPTIONS, Layers, check_options
from zenml.context import session
from zenml.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.config.cache_policy import CachePolicy
    from zenml.records.plan import ExecutionMode
    from zenml.signatures.signature import Signature
    from zenml.views.run_view import RunView

P = ParamSpec("P")

_COPIED = ("__module__", "__name__", "__qualname__", "__doc__")


class Pipeline(Generic[P]):
    """A declared pipeline. Made by `@pipeline`; calling it runs it."""

    def __init__(self, function: Callable[P, Any], options: Mapping[str, Any]) -> None:
        if not callable(function):
            raise DeclarationError(f"`@pipeline` was given {function!r}. Put it above a function.")
        for name in _COPIED:
            setattr(self, name, getattr(function, name, None))
        self.__wrapped__ = self.__zenml_function__ = self.function = function
        self.layers = Layers({"decorator": options})
        self.run_options: dict[str, Any] = {}
        self._signature: Signature | None = None

    @property
    def name(self) -> str:
        """The pipeline's name: that of its function unless `name=` says otherwise."""
        return str(self.layers.merged().get("name") or getattr(self.function, "__name__", "pipeline"))

    @property
    def entrypoint(self) -> Callable[P, Any]:
        """The undecorated function."""
        return self.function

    @property
    def signature(self) -> Signature:
        """The parameters of the function, read when first asked for."""
        if self._signature is None:
            from zenml.signatures.signature import read_signature

            self._signature = read_signature(self.function)
        return self._signature

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

    def configure(self, **options: Any) -> Pipeline[P]:
        """Change the options of this pipeline; return the pipeline itself."""
        self._add("configure", options)
        return self

    def with_options(self, **options: Any) -> Pipeline[P]:
        """Return a copy with other options; the original stays as it is.

        Args:
            options: the options of `@pipeline`, and for this run: `run_name`; `parameters`, arguments of
                the pipeline; `steps`, options and parameters of single steps by invocation id or name.
        """
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._add("with_options", options)
        return copy

    def _add(self, level: Any, options: Mapping[str, Any]) -> None:
        check_options(options, PIPELINE_OPTIONS | RUN_OPTIONS, f"Pipeline `{self.name}`")
        self.run_options = {
            **self.run_options,
            **{name: options[name] for name in RUN_OPTIONS & options.keys()},
        }
        self.layers = self.layers.with_level(
            level, {k: v for k, v in options.items() if k not in RUN_OPTIONS and v is not None}
        )

    def __repr__(self) -> str:
        return f"<pipeline `{self.name}`>"


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
