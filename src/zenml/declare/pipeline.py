"""`@pipeline`: a function that calls steps becomes a pipeline; calling it runs them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ParamSpec, Self, overload

from zenml.config.option_table import ALIASES
from zenml.config.precedence import (
    PIPELINE_OPTIONS,
    RUN_OPTIONS,
    Layers,
    check_options,
    spelled,
    spelled_steps,
)
from zenml.context import live, session
from zenml.declare.declaration import Declaration
from zenml.errors import ConfigurationError, ContextError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenml.config.cache_policy import CachePolicy
    from zenml.config.model import Model
    from zenml.config.precedence import Level
    from zenml.config.resource_settings import ResourceSettings
    from zenml.config.retry_config import StepRetryConfig
    from zenml.config.tag import Tag
    from zenml.declare.step import Step
    from zenml.execute.pipeline_future import PipelineFuture
    from zenml.records.plan import ExecutionMode
    from zenml.views.run_view import RunView

    Hook = Callable[..., Any] | str

P = ParamSpec("P")

_FILES = frozenset(("config_file", "config_path"))


class Pipeline(Declaration[P, Any]):
    """A declared pipeline. Made by `@pipeline`; calling it runs it."""

    kind = "pipeline"

    def __init__(self, function: Callable[P, Any], options: Mapping[str, Any]) -> None:
        super().__init__(function, options)
        live.pipelines[self.name] = self

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> RunView:
        """Run the pipeline and return the run; inside another pipeline, add its steps to that one.

        In the function of a dynamic pipeline it is a run of its own, and the call returns its outputs as
        artifacts. With a schedule nothing runs: it is stored, and the call returns None.

        Raises:
            DeclarationError: something is wrong that can be known before a step runs.
            Exception: the exception of the first step that failed, with notes that say where.
        """
        active = session.active.get()
        if active is not None:
            inside: RunView = active.call_pipeline(self, args, dict(kwargs))
            return inside
        from zenml.declare.starting import start

        ran: Any = start(self, args, dict(kwargs))
        outcome: RunView = ran  # None with a schedule, which callers know of
        return outcome

    def submit(self, *args: Any, **kwargs: Any) -> PipelineFuture:
        """Have the pipeline run, as a run of its own, while the function of a dynamic pipeline goes on.

        Args:
            args: positional arguments of the function; futures and artifacts among them.
            kwargs: its keyword arguments, and `id` and `after` as in a call of a step.

        Raises:
            ContextError: no dynamic pipeline is running here.

        Example:
            `futures = [train_one.submit(city) for city in cities]; models = [f.result() for f in futures]`
        """
        caller = session.dynamic(f"{self.name}.submit(…)", f"call the pipeline: `{self.name}(…)`")
        future: PipelineFuture = caller.submit_pipeline(self, args, kwargs)
        return future

    def embed(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Make the steps of the pipeline steps of the one in whose function this is called; return what it returns.

        Raises:
            ContextError: it is called outside the function of a pipeline.
        """
        active: Any = session.active.get()
        if not hasattr(active, "embed_pipeline"):
            place = getattr(active, "place", "where no pipeline is running")
            raise ContextError(
                f"`{self.name}.embed(…)` was called {place}. Call it in the function of a pipeline, or run the "
                f"pipeline: `{self.name}(…)`."
            )
        return active.embed_pipeline(self, args, dict(kwargs))

    def run(self, *args: Any, **kwargs: Any) -> RunView:
        """Run the pipeline; the same as calling it.

        Args:
            args: positional arguments of the function.
            kwargs: its keyword arguments, and options of the run, such as `schedule=`, unless the function
                has parameters of these names.
        """
        known = PIPELINE_OPTIONS | RUN_OPTIONS | ALIASES.keys() | _FILES
        options = {
            name: kwargs.pop(name)
            for name in list(kwargs)
            if name in known and not self.signature.accepts(name)
        }
        pipeline = self.with_options(**options) if options else self
        return pipeline(*args, **kwargs)

    def resume(self, run: str | RunView, *, arguments: Mapping[str, Any] | None = None) -> RunView:
        """Execute what is missing of an earlier run of this pipeline that did not complete; return that run.

        Args:
            run: the run, or its name, id or short id.
            arguments: arguments that could not be recorded; the others are those of then.
        """
        from zenml.declare.resuming import resume

        return resume(run, pipeline=self, arguments=arguments)

    def replay(
        self,
        run: str | RunView,
        *,
        skip: str | Sequence[str | Step[Any, Any]] = (),
        skip_successful_steps: bool = False,
        input_overrides: Mapping[str, Any] | None = None,
        step_input_overrides: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> RunView:
        """Reproduce an earlier run of this pipeline as a new one, from what it recorded; see `zenml.replay`."""
        from zenml.declare.replaying import replay

        return replay(
            run,
            skip=skip,
            skip_successful_steps=skip_successful_steps,
            input_overrides=input_overrides,
            step_input_overrides=step_input_overrides,
            pipeline=self,
        )

    def with_options(self, *, merge: bool = True, **options: Any) -> Self:
        """Return a copy with other options; the original stays as it is.

        Args:
            merge: whether mappings and lists are merged with what was said before; False replaces them.
            options: the options of `@pipeline`, and for this run: `config_path` or `config_file`, a YAML
                file; `run_name`; `parameters`, arguments of the pipeline; `steps`, options and parameters of
                single steps by invocation id or name; `schedule`, times at which it is to run, where nothing
                runs now; `refresh`, True or names of steps, which are executed whatever the cache knows;
                `unlisted`, whether the run belongs to no pipeline.
        """
        files = [options.pop(name) for name in sorted(_FILES) if options.get(name) is not None]
        copy = super().with_options(merge=merge, **{k: v for k, v in options.items() if k not in _FILES})
        if len(files) > 1 and files[0] != files[1]:
            raise ConfigurationError(
                f"Pipeline `{self.name}` gets two configuration files: {' and '.join(map(repr, files))}. "
                "`config_path` and `config_file` are the same; give one of them."
            )
        if files:
            from zenml.config.run_file import read_run_file  # YAML is loaded where it is used only

            copy._set_layers(copy.layers.with_file(read_run_file(files.pop())))
        return copy

    def __reduce__(self) -> Any:
        """Travel by name where the pipeline can be imported, by value otherwise."""
        if self.__module__ != "__main__":
            found: Any = sys.modules.get(self.function.__module__)
            for part in self.function.__qualname__.split("."):
                found = getattr(found, part, None)
            if found is self:
                return self.function.__qualname__
            if isinstance(found, Pipeline) and found.function is self.function:
                return _vary, (found, self.layers.levels)
        return _rebuild, (self.function, self.layers.levels)

    def write_run_configuration_template(self, path: str) -> None:
        """Write a YAML file that shows everything which can be set for a run of this pipeline.

        What holds now is in it, as values or comments; used as it is, it changes nothing.

        Args:
            path: the file, which is replaced.
        """
        from zenml.declare.run_template import template_of

        text = template_of(self, {})
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise ConfigurationError(
                f"The template of pipeline `{self.name}` cannot be written to `{path}`: {error.strerror}. Choose a "
                "file in a folder that is there."
            ) from error

    @property
    def run_options(self) -> dict[str, Any]:
        """What was said of the next run: its name, arguments, steps and schedule."""
        merged = self.layers.merged()
        return {name: merged[name] for name in RUN_OPTIONS if name in merged}

    def _add(self, level: Level, options: Mapping[str, Any], *, is_merged: bool) -> None:
        what = f"Pipeline `{self.name}`"
        options = spelled(options, what)
        check_options(options, PIPELINE_OPTIONS | RUN_OPTIONS, what)
        given = {name: value for name, value in options.items() if value is not None}
        if "steps" in given:
            given["steps"] = spelled_steps(given["steps"], what)
        self._set_layers(self.layers.with_level(level, given, is_merged=is_merged))


def _vary(pipeline: Pipeline[Any], levels: Any) -> Pipeline[Any]:
    copy = pipeline.with_options()
    copy._set_layers(Layers(levels))
    return copy


def _rebuild(function: Callable[..., Any], levels: Any) -> Pipeline[Any]:
    made = Pipeline(function, {})
    made._set_layers(Layers(levels))
    return made


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
    resources: ResourceSettings | Mapping[str, Any] | None = None,
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
    dynamic: bool | None = None,
    depends_on: Sequence[Step[Any, Any]] | None = None,
) -> Callable[[Callable[P, Any]], Pipeline[P]]: ...
def pipeline(_func: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Turn a function that calls steps into a pipeline.

    Args:
        _func: the function, when the decorator is used without parentheses.
        options: `name`: another name than the function's. `enable_cache`, `enable_step_logs`,
            `enable_artifact_metadata`, `enable_artifact_visualization`, `cache_policy`: defaults for every
            step that does not say otherwise. `resources`: what every step needs, field by field, where it
            does not say so itself. `settings`, `extra`: mappings kept with the run. `tags`: names to find
            the run by. `execution_mode`: what a failure means for other steps: `"continue_on_failure"` (default), `"stop_on_failure"` or `"fail_fast"`. `max_parallelism`:
            how many steps may run at once. `environment`, `secrets`, `model`, `retry`, `substitutions`,
            `on_start`, `on_success`, `on_failure`, `on_end`: defaults for every step, as in `@step`.
            `on_init`, called with `on_init_kwargs` before the first step: what it returns is the
            pipeline's state in the context. `on_cleanup`: called once at the end, whatever happened.
            `on_pause`, `on_resume`: called when a run pauses and goes on. `enable_pipeline_logs`:
            whether what is printed outside steps is kept. `enable_heartbeat`: kept with the run.
            `dynamic`: whether the function runs with the steps: a call returns when its step has ended, and
            `.load()` gives the value. `depends_on`: steps that a YAML file may configure in a dynamic one.
    """
    options = spelled(options, "`@pipeline`")
    check_options(options, PIPELINE_OPTIONS, "`@pipeline`")
    given = {name: value for name, value in options.items() if value is not None}
    if _func is not None:
        return _declared(_func, given)
    return lambda function: _declared(function, given)


def _declared(function: Any, options: Mapping[str, Any]) -> Any:
    """Return the pipeline of a function, or for a class what makes pipelines."""
    if not isinstance(function, type):
        return Pipeline(function, options)
    from zenml.declare.pipeline_class import PipelineClass

    return PipelineClass(function, options)
