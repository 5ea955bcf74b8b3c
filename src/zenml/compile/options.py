"""From layers of options to what holds for one step and for the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from zenml.compile.cache_options import cache_rules
from zenml.compile.execution_options import execution_options, read_count, read_text, shared_options
from zenml.compile.operator_settings import with_packages
from zenml.compile.run_names import artifact_name
from zenml.config.artifact_config import read_version
from zenml.config.cache_policy import CachePolicy
from zenml.config.fields import made
from zenml.config.plain import plain
from zenml.config.preview import preview
from zenml.config.settings import check_settings
from zenml.errors import ConfigurationError
from zenml.records.metadata_values import read_metadata
from zenml.records.plan import ExecutionMode, Output, PipelineOptions, StepOptions, TagSpec
from zenml.records.tagging import read_tags
from zenml.signatures.type_names import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.compile.declared import DeclaredPipeline, DeclaredStep
    from zenml.compile.hook_options import LiveHooks
    from zenml.compile.variables import Variables
    from zenml.config.schedule import Schedule
    from zenml.signatures.outputs import OutputSpec

_FLAGS = ("enable_cache", "enable_step_logs", "enable_artifact_metadata", "enable_artifact_visualization")


def step_options(step: DeclaredStep, chosen: Mapping[str, Any], hooks: LiveHooks) -> StepOptions:
    """Return the options of a step as the plan records them.

    Args:
        step: the declared step.
        chosen: the options that hold for it.
        hooks: its hooks, read from them.
    """
    what = f"step `{step.name}`"
    settings = dict(_mapping(chosen, "settings", what))
    in_settings = settings.pop("output_materializers", None)
    materializers = chosen.get("output_materializers") or in_settings
    return StepOptions(
        **_flags(chosen, _FLAGS, what, default=True),
        **execution_options(chosen, what),
        **shared_options(chosen, hooks, what),
        cache=cache_rules(CachePolicy.read(chosen.get("cache_policy"), what)),
        settings=with_packages(plain(settings, f"`settings` of {what}"), what) if settings else {},
        extra=plain(_mapping(chosen, "extra", what), f"`extra` of {what}"),
        output_materializers=read_materializers(materializers, step),
        experiment_tracker=_component(chosen, "experiment_tracker", what),
        step_operator=_component(chosen, "step_operator", what),
        step_type=read_text(chosen, "step_type", what),
        group=read_text(chosen, "group", what),
        heartbeat_healthy_threshold=read_count(chosen, "heartbeat_healthy_threshold", what),
    )


def pipeline_options(
    pipeline: DeclaredPipeline, chosen: Mapping[str, Any], variables: Variables
) -> PipelineOptions:
    """Return the options of a pipeline as its run records them, still without hooks."""
    what = f"pipeline `{pipeline.name}`"
    settings = plain(_mapping(chosen, "settings", what), f"`settings` of {what}")
    check_settings(variables.filled(settings), what)
    mode: Any = chosen.get("execution_mode") or "continue_on_failure"
    mode = getattr(mode, "value", mode)
    if mode not in get_args(ExecutionMode):
        raise ConfigurationError(
            f"`execution_mode` of {what} is {preview(mode)}; it can be {', '.join(f'`{m}`' for m in get_args(ExecutionMode))}."
        )
    tags = chosen.get("tags") or ()
    if not isinstance(tags, (list, tuple, set, frozenset)):
        shown = f'; write `tags=["{tags}"]`' if isinstance(tags, str) else f", and not {preview(tags)}"
        raise ConfigurationError(f"`tags` of {what} is a list{shown}.")
    _flags(chosen, ("unlisted",), what, default=None)
    specs = read_tags([_tag_of(one, what) for one in tags], what)
    CachePolicy.read(chosen.get("cache_policy"), what)
    return PipelineOptions(
        **_flags(chosen, (*_FLAGS, "enable_pipeline_logs", "enable_heartbeat"), what, default=None),
        **shared_options(chosen, {}, what),
        settings=settings,
        extra=plain(_mapping(chosen, "extra", what), f"`extra` of {what}"),
        tags=tuple(tag.name for tag in specs),
        special_tags=tuple(tag for tag in specs if tag != TagSpec(tag.name)),
        execution_mode=mode,
        max_parallelism=read_count(chosen, "max_parallelism", what),
        init_arguments=plain(_mapping(chosen, "on_init_kwargs", what), f"`on_init_kwargs` of {what}"),
    )


def read_flag(chosen: Mapping[str, Any], name: str, what: str) -> bool:
    """Return an option that is True or False, and False where nobody says so."""
    return bool(_flags(chosen, (name,), what, default=False)[name])


def declared_output(output: OutputSpec, step: DeclaredStep, substitutions: Mapping[str, str]) -> Output:
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
        artifact_name=artifact_name(output.name, substitutions, what) if output.has_explicit_name else None,
        kind=str(kind) if (kind := getattr(config, "artifact_type", None)) is not None else None,
    )


def read_schedule(given: Any, what: str) -> Schedule | None:
    """Return a schedule, which may be a mapping of its fields."""
    if given is None:
        return None
    from zenml.config.schedule import Schedule

    if isinstance(given, dict):
        given = made(Schedule, given, f"`schedule` of {what}")
    if not isinstance(given, Schedule):
        raise ConfigurationError(f"`schedule` of {what} is {preview(given)}. Give it a `Schedule(…)`.")
    return given


def _tag_of(given: Any, what: str) -> Any:
    """Return the tag that a mapping of its fields stands for, and anything else as it is."""
    if not isinstance(given, dict):
        return given
    from zenml.config.tag import Tag

    return made(Tag, given, f"`tags` of {what}")


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
        name: tuple(
            _materializer_path(item, step)
            for item in (value if isinstance(value, (list, tuple)) else (value,))
        )
        for name, value in given.items()
    }


def _materializer_path(given: Any, step: DeclaredStep) -> str:
    if not isinstance(given, (str, type)):
        raise ConfigurationError(
            f"`output_materializers` of step `{step.name}` names {preview(given)}. Give it a subclass of "
            "`BaseMaterializer`, the dotted path of one, or a mapping of outputs to them."
        )
    return dotted_path(given)


def _mapping(chosen: Mapping[str, Any], name: str, what: str) -> Mapping[str, Any]:
    """Return an option that is a mapping of names."""
    given = chosen.get(name)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        shown = ', such as `{"docker": …}`' if name == "settings" else ""
        raise ConfigurationError(
            f"`{name}` of {what} is {preview(given)}. Give it a mapping of names to values{shown}."
        )
    return given


def dotted_path(thing: Any) -> str:
    """Return the importable path of a class or function, or the text itself."""
    return thing if isinstance(thing, str) else f"{thing.__module__}.{thing.__qualname__}"


def _flags(
    chosen: Mapping[str, Any], names: Iterable[str], what: str, *, default: bool | None
) -> dict[str, Any]:
    """Return options that are True or False, and the default for those that are not given."""
    found = {}
    for name in names:
        value = found[name] = default if chosen.get(name) is None else chosen[name]
        if value is not None and not isinstance(value, bool):
            raise ConfigurationError(f"`{name}` of {what} is {preview(value)}; it must be True or False.")
    return found


def _component(chosen: Mapping[str, Any], name: str, what: str) -> str | bool | None:
    value = chosen.get(name)
    if value is not None and not (
        isinstance(value, bool) or (isinstance(value, str) and value.strip() and value.isprintable())
    ):
        raise ConfigurationError(
            f"`{name}` of {what} is {preview(value)}. Give the name of a registered component, or True for that "
            "of the active stack."
        )
    return value
