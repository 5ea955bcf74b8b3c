"""`@step`: a plain function becomes a step.

Decorating stores the function and its options, nothing else; everything heavier is loaded when
a pipeline is compiled. What a call of a step means is the active session's business.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from zenml.config.precedence import STEP_OPTIONS, Layers, check_options, spelled
from zenml.config.preview import preview
from zenml.context import session
from zenml.declare.declaration import Declaration
from zenml.errors import ConfigurationError, DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.config.cache_policy import CachePolicy
    from zenml.config.model import Model
    from zenml.config.precedence import Level
    from zenml.config.resource_settings import ResourceSettings
    from zenml.config.retry_config import StepRetryConfig
    from zenml.execute.futures import StepRunFuture
    from zenml.execute.map_future import MapFuture
    from zenml.records.plan import Runtime
    from zenml.signatures.outputs import OutputSpec

    Hook = Callable[..., Any] | str

P = ParamSpec("P")
R = TypeVar("R")

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("", "0", "false", "no", "off")


class Step(Declaration[P, R]):
    """A declared step. Made by `@step`; calling it in a pipeline adds it to the pipeline."""

    kind = "step"

    def __init__(self, function: Callable[P, R], options: Mapping[str, Any]) -> None:
        super().__init__(function, options)
        self._outputs: tuple[OutputSpec, ...] | None = None
        if is_switched_on("ZENML_ENFORCE_TYPE_ANNOTATIONS"):
            from zenml.signatures.signature import require_annotations

            require_annotations(function)

    @property
    def parameters(self) -> dict[str, Any]:
        """Arguments fixed by `with_options` or `configure`."""
        found: dict[str, Any] = self.layers.merged().get("parameters", {})
        return found

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs of the function, read when first asked for."""
        if self._outputs is None:
            from zenml.signatures.outputs import read_outputs

            self._outputs = read_outputs(self.function)
        return self._outputs

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, id: str, after: Any = ..., **kwargs: Any) -> R: ...
    @overload
    def __call__(self, *args: Any, step_name: str, after: Any = ..., **kwargs: Any) -> R: ...
    @overload
    def __call__(self, *args: Any, after: Any, **kwargs: Any) -> R: ...
    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Add the step to the pipeline that is being put together, or run it alone.

        Args:
            args: positional arguments of the function.
            kwargs: keyword arguments of the function, and three of our own, unless the function has
                parameters of these names: `id` or `step_name`, the invocation id inside the
                pipeline; `after`, what must have succeeded first.
        """
        values, invocation_id, after = self._own_taken(kwargs)
        active = session.active.get()
        if active is not None:
            result: R = active.call_step(self, args, values, invocation_id, after)
            return result
        if is_switched_on("ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK"):
            return self.function(*args, **values)
        from zenml.declare.single import run_alone

        alone: R = run_alone(self, args, values)
        return alone

    def submit(self, *args: Any, **kwargs: Any) -> StepRunFuture[R]:
        """Have the step run as soon as it can while the function of a dynamic pipeline goes on.

        Args:
            args: positional arguments of the function; futures and artifacts of other steps among them.
            kwargs: keyword arguments, and `id`, `step_name` and `after` as in a call.

        Raises:
            ContextError: no dynamic pipeline is running here.

        Example:
            `futures = [train.submit(rate) for rate in rates]; best = max(f.load() for f in futures)`
        """
        values, invocation_id, after = self._own_taken(kwargs)
        caller = session.dynamic(f"{self.name}.submit(…)", f"call the step: `{self.name}(…)`")
        future: StepRunFuture[R] = caller.submit_step(self, args, values, invocation_id, after)
        return future

    def map(self, *args: Any, **kwargs: Any) -> MapFuture[R]:
        """Run the step once for each item of its arguments: the first ones together, then the second ones, and so on.

        An argument is a list, range, array, mapping or iterator, an output of a step with such a value, a list of
        futures, or another map, whose elements are then taken one by one as they come. What each element is to get
        whole is written `unmapped(value)`.

        Args:
            args: positional arguments of the function.
            kwargs: keyword arguments, and some of our own, unless the function has parameters of these names:
                `max_concurrency`, how many elements run at once; `on_error`, what a failure means: `"finish"` (the default) runs
                all and then raises, `"fail_fast"` cancels the rest and raises, `"collect"` puts a `Failure` in its place;
                `id` and `after` as in a call.

        Raises:
            ContextError: no dynamic pipeline is running here.
            ArgumentError: an argument cannot be gone through, or their lengths differ.

        Example:
            `scores = score.map(train.map(rates), data=unmapped(data)).load()`
        """
        return self._map("map", args, kwargs)

    def product(self, *args: Any, **kwargs: Any) -> MapFuture[R]:
        """Run the step once for each combination of the items of its arguments; the last one changes fastest.

        Args:
            args: positional arguments of the function.
            kwargs: as of `map`.

        Example:
            `train.product(rates, depths, data=unmapped(data))`
        """
        return self._map("product", args, kwargs)

    def _map(self, way: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MapFuture[R]:
        values, invocation_id, after = self._own_taken(kwargs)
        options = session.MapOptions(
            is_product=way == "product",
            invocation_id=invocation_id,
            after=after,
            max_concurrency=self._take(values, "max_concurrency"),
            on_error=self._take(values, "on_error") or "finish",
        )
        caller = session.dynamic(
            f"{self.name}.{way}(…)", f"call the step in a loop: `[{self.name}(item) for item in …]`"
        )
        future: MapFuture[R] = caller.map_step(self, args, values, options)
        return future

    def _own_taken(self, kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], str | None, Any]:
        """Return the function's keyword arguments of a call, and its invocation id and `after`."""
        values: dict[str, Any] = dict(kwargs)
        invocation_id, named = self._take(values, "id"), self._take(values, "step_name")
        if invocation_id is not None and named is not None:
            raise DeclarationError(
                f"A call of step `{self.name}` has the `id` {preview(invocation_id)} and the `step_name` {preview(named)}. They "
                "are the same; give one of them."
            )
        return values, named if invocation_id is None else invocation_id, self._take(values, "after")

    def _add(self, level: Level, options: Mapping[str, Any], *, is_merged: bool) -> None:
        what = f"Step `{self.name}`"
        options = spelled(options, what)
        check_options(options, STEP_OPTIONS | {"parameters"}, what)
        given = {name: value for name, value in options.items() if value is not None}
        if not hasattr(given.get("parameters", {}), "items"):
            raise ConfigurationError(
                f"`parameters` of step `{self.name}` is {preview(given['parameters'])}. Give it a mapping of names to values."
            )
        self._set_layers(self.layers.with_level(level, given, is_merged=is_merged))

    def _take(self, values: dict[str, Any], name: str) -> Any:
        """Take a keyword of our own out of a call, unless it is a parameter of the function."""
        return values.pop(name) if name in values and name not in self.signature.parameters else None

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Refuse to be a method: a step has no `self`."""
        if instance is None:
            return self
        raise DeclarationError(
            f"Step `{self.name}` is defined in class `{type(instance).__name__}` and used as a method. "
            "Move the function out of the class and pass what it needs as arguments."
        )

    def __reduce__(self) -> Any:
        """Travel by name where the step can be imported, by value otherwise."""
        found: Any = sys.modules.get(self.function.__module__) if self.__module__ != "__main__" else None
        for part in self.function.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.function.__qualname__
        if isinstance(found, Step) and found.function is self.function:
            return _vary, (found, self.layers.levels)
        return _rebuild, (self.function, self.layers.levels)


def _vary(step: Step[Any, Any], levels: Any) -> Step[Any, Any]:
    copy = step.with_options()
    copy._set_layers(Layers(levels))
    return copy


def _rebuild(function: Callable[..., Any], levels: Any) -> Step[Any, Any]:
    step = Step(function, {})
    step._set_layers(Layers(levels))
    return step


def is_switched_on(variable: str) -> bool:
    """Tell whether an environment variable says yes.

    Raises:
        ConfigurationError: it says neither yes nor no.
    """
    said = os.environ.get(variable, "").strip().lower()
    if said not in _TRUE and said not in _FALSE:
        raise ConfigurationError(f"{variable} is `{os.environ[variable]}`; it can be `true` or `false`.")
    return said in _TRUE


@overload
def step(_func: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    _func: None = None,
    /,
    *,
    name: str | None = None,
    enable_cache: bool | None = None,
    enable_artifact_metadata: bool | None = None,
    enable_artifact_visualization: bool | None = None,
    enable_step_logs: bool | None = None,
    output_materializers: Any = None,
    settings: Mapping[str, Any] | None = None,
    resources: ResourceSettings | Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    cache_policy: CachePolicy | str | None = None,
    runtime: Runtime | None = None,
    timeout: float | None = None,
    retry: StepRetryConfig | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Sequence[str] | None = None,
    model: Model | None = None,
    on_start: Hook | None = None,
    on_success: Hook | None = None,
    on_failure: Hook | None = None,
    on_end: Hook | None = None,
    experiment_tracker: str | bool | None = None,
    step_operator: str | bool | None = None,
    step_type: str | None = None,
    group: Any = None,
    substitutions: Mapping[str, str] | None = None,
    heartbeat_healthy_threshold: int | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(_func: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Turn a function into a step.

    Args:
        _func: the function, when the decorator is used without parentheses.
        options: `name`: another name than the function's. `enable_cache`: whether a stored result may be
            used. `enable_step_logs`: whether output is kept with the step. `enable_artifact_metadata`,
            `enable_artifact_visualization`: whether they are made for outputs. `output_materializers`: a
            class, dotted path, or mapping of output names to them. `settings`, `extra`: mappings kept
            with the step; a change of them is a change of the step. `resources`: the CPUs, memory and GPUs
            that it needs, short for `settings={"resources": …}`. `cache_policy`: which inputs count
            and how old a result may be. `runtime`: `"inline"` in this process (default), or
            `"isolated"` in a fresh one. `timeout`: seconds after which the step is ended. `retry`: how
            often it is tried again when it fails. `environment`, `secrets`: variables, and names of
            secrets, that the step finds in `os.environ`. `on_start`, `on_success`, `on_failure`,
            `on_end`: functions, or dotted paths of functions, that are called at these moments with what
            they ask for. `model`: the model that it works on. `experiment_tracker`, `step_operator`:
            names of components, or True for those of the active stack. `substitutions`: texts for
            placeholders in names. `step_type`, `group`: for people who browse.
            `heartbeat_healthy_threshold`: minutes, kept with the step.

    Example:
        ```
        @step
        def double(x: int) -> int:
            return 2 * x
        ```
    """
    options = spelled(options, "`@step`")
    check_options(options, STEP_OPTIONS, "`@step`")
    given = {name: value for name, value in options.items() if value is not None}
    if _func is not None:
        return Step(_func, given)
    return lambda function: Step(function, given)
