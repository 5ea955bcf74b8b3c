"""From layers of options to what holds for one step and for the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import msgspec

from zenml.config.artifact_config import read_version
from zenml.config.precedence import INHERITED, merge
from zenml.errors import ConfigurationError
from zenml.records.metadata_values import read_metadata
from zenml.records.plan import ExecutionMode, Output, PipelineOptions, Runtime, StepOptions, TagSpec
from zenml.records.tagging import read_tags
from zenml.signatures.type_names import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.compile.declared import DeclaredPipeline, DeclaredStep
    from zenml.signatures.outputs import OutputSpec

_FLAGS = ("enable_cache", "enable_step_logs", "enable_artifact_metadata", "enable_artifact_visualization")


def step_options(step: DeclaredStep, pipeline: Mapping[str, Any], override: Mapping[str, Any]) -> StepOptions:
    """Return the options of a step inside a pipeline.

    Args:
        step: the declared step with its own layers.
        pipeline: the pipeline's merged options, whose inherited part is the step's default.
        override: what the run's configuration says of this step by name.
    """
    inherited = {name: pipeline[name] for name in INHERITED if name in pipeline}
    chosen = merge((inherited, step.layers.merged(), override))
    policy = chosen.get("cache_policy")
    max_age, ignored = read_cache_policy(policy, f"step `{step.name}`")
    settings = dict(chosen.get("settings") or {})
    in_settings = settings.pop("output_materializers", None)
    materializers = chosen.get("output_materializers") or in_settings
    runtime = chosen.get("runtime")
    if runtime is not None and runtime not in get_args(Runtime):
        raise ConfigurationError(
            f"`runtime` of step `{step.name}` is {runtime!r}; it can be `inline` or `isolated`."
        )
    return StepOptions(
        **{name: _flag(chosen, name, f"step `{step.name}`") for name in _FLAGS},
        runtime=runtime,
        cache_max_age=max_age,
        cache_ignored=ignored,
        settings=plain(settings, f"`settings` of step `{step.name}`"),
        extra=plain(chosen.get("extra") or {}, f"`extra` of step `{step.name}`"),
        output_materializers=read_materializers(materializers, step),
    )


def pipeline_options(pipeline: DeclaredPipeline, chosen: Mapping[str, Any]) -> PipelineOptions:
    """Return the options of a pipeline as its run records them."""
    what = f"pipeline `{pipeline.name}`"
    mode: Any = chosen.get("execution_mode") or "continue_on_failure"
    mode = getattr(mode, "value", mode)
    if mode not in get_args(ExecutionMode):
        raise ConfigurationError(
            f"`execution_mode` of {what} is {mode!r}; it can be {', '.join(f'`{m}`' for m in get_args(ExecutionMode))}."
        )
    tags = chosen.get("tags") or ()
    if isinstance(tags, str):
        raise ConfigurationError(f'`tags` of {what} is a list; write `tags=["{tags}"]`.')
    specs = read_tags(tags, what)
    read_cache_policy(chosen.get("cache_policy"), what)
    parallelism = chosen.get("max_parallelism")
    if parallelism is not None and (type(parallelism) is not int or parallelism < 1):
        raise ConfigurationError(
            f"`max_parallelism` of {what} is {parallelism!r}; it must be a number from 1 up."
        )
    return PipelineOptions(
        **{name: chosen.get(name) for name in _FLAGS},
        settings=plain(chosen.get("settings") or {}, f"`settings` of {what}"),
        extra=plain(chosen.get("extra") or {}, f"`extra` of {what}"),
        tags=tuple(tag.name for tag in specs),
        special_tags=tuple(tag for tag in specs if tag != TagSpec(tag.name)),
        execution_mode=mode,
        max_parallelism=parallelism,
    )


def declared_output(output: OutputSpec, step: DeclaredStep) -> Output:
    """Return an output of a step as the plan describes it."""
    what, config = f"output `{output.name}` of step `{step.name}`", output.config
    return Output(
        output.name,
        describe(output.annotation),
        dotted_path(output.materializer) if output.materializer is not None else None,
        output.has_explicit_name,
        version=read_version(getattr(config, "version", None)) or 0,
        tags=read_tags(getattr(config, "tags", None), what),
        run_metadata=read_metadata(getattr(config, "run_metadata", None) or {}, f"`run_metadata` of {what}"),
    )


def read_cache_policy(policy: Any, what: str) -> tuple[float | None, tuple[str, ...]]:
    """Return the maximum age in seconds and the ignored inputs of a cache policy."""
    if policy is None or policy == "default":
        return None, ()
    from zenml.config.cache_policy import CachePolicy

    if isinstance(policy, dict):
        policy = CachePolicy(**policy)
    if not isinstance(policy, CachePolicy):
        raise ConfigurationError(f"`cache_policy` of {what} is {policy!r}. Give it a `CachePolicy(…)`.")
    return policy.expires_after, policy.ignore_fields


def read_materializers(given: Any, step: DeclaredStep) -> dict[str, tuple[str, ...]]:
    """Return dotted paths of materializers by output name, from a class, a path, or a mapping of them."""
    if not given:
        return {}
    names = [output.name for output in step.outputs]
    if not isinstance(given, dict):
        given = dict.fromkeys(names, given)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ConfigurationError(
            f"`output_materializers` of step `{step.name}` names the output `{unknown[0]}`, which it does not have. "
            f"Its outputs are: {', '.join(f'`{name}`' for name in names) or 'none'}."
        )
    return {
        name: tuple(dotted_path(item) for item in (value if isinstance(value, (list, tuple)) else (value,)))
        for name, value in given.items()
    }


def dotted_path(thing: Any) -> str:
    """Return the importable path of a class or function, or the text itself."""
    return thing if isinstance(thing, str) else f"{thing.__module__}.{thing.__qualname__}"


def plain(value: Any, what: str) -> Any:
    """Return settings as plain JSON values; objects that can tell their fields are written out."""
    try:
        written = msgspec.to_builtins(value, enc_hook=_fields_of, str_keys=True)
        _refuse_non_finite(written)
        return written
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ConfigurationError(
            f"{what} cannot be stored: {error}. Use text, numbers, lists and mappings."
        ) from error


def _refuse_non_finite(value: Any) -> None:
    """Raise for infinities and NaN, which JSON has no form for: they would come back as null."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124  NaN
        raise ValueError(f"the number {value} has no form in JSON")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_non_finite(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_non_finite(item)


def _fields_of(value: Any) -> Any:
    for method in ("model_dump", "to_dict"):
        if callable(getattr(value, method, None)):
            return getattr(value, method)()
    raise TypeError(f"{value!r} of type `{type(value).__name__}` is not JSON")


def _flag(chosen: Mapping[str, Any], name: str, what: str) -> bool:
    value = chosen.get(name)
    if value is None:
        return True
    if not isinstance(value, bool):
        raise ConfigurationError(f"`{name}` of {what} is {value!r}; it must be True or False.")
    return value
