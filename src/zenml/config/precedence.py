"""The one place that says which source of configuration wins.

From the weakest to the strongest:

1. defaults of this package
2. the decorator                    `@step(enable_cache=True)`
3. `configure`                      `my_step.configure(enable_cache=True)`
4. a YAML file                      `with_options(config_path="run.yaml")`
5. `with_options`                   `my_step.with_options(enable_cache=True)`
6. the call                         `my_step(1, id="first")`
7. a replay, of arguments of steps  `my_pipeline.replay(run, step_input_overrides={"train": {"rate": 0.1}})`

What is said of a step, in any of these, beats what is said of the whole pipeline. At one level,
what the run's configuration says of a step (`steps=`) comes after what the step says of itself.
Mappings are merged key by key, lists of secrets are added up, everything else is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from zenml.config.option_table import ALIASES, BY_NAME, OPTIONS, PIPELINE, RUN, STEP, names_of
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.config.run_file import RunFile
    from zenml.records.plan import HookName

Level = Literal["decorator", "configure", "yaml", "with_options", "replay"]
LEVELS: tuple[Level, ...] = ("decorator", "configure", "yaml", "with_options", "replay")

STEP_HOOKS: tuple[HookName, ...] = ("on_start", "on_success", "on_failure", "on_end")
RUN_HOOKS: tuple[HookName, ...] = ("on_init", "on_cleanup", "on_pause", "on_resume")
STEP_OPTIONS = names_of(STEP) - {"parameters"}
PIPELINE_OPTIONS = names_of(PIPELINE)
RUN_OPTIONS = names_of(RUN)
"""What `with_options` and `configure` of a pipeline take beside the pipeline's own options."""
INHERITED = frozenset(option.name for option in OPTIONS if option.is_inherited)
"""Options of a pipeline that hold for each of its steps which does not say otherwise."""
_ARGUMENTS = ("parameters", "on_init_kwargs")
"""Mappings of names to a user's own values, which are replaced and never merged into each other."""
_ADDED_UP = ("secrets",)
"""Lists of which every level adds its part."""


class Replacing:
    """A value that is not merged with what weaker levels say of the same option (`merge=False`)."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Layers:
    """Options by the level they were given at; copied on write, so that declarations can share them."""

    __slots__ = ("file", "is_resumed", "levels")

    def __init__(
        self,
        levels: Mapping[Level, Mapping[str, Any]] | None = None,
        file: RunFile | None = None,
        *,
        is_resumed: bool = False,
    ) -> None:
        self.levels: dict[Level, Mapping[str, Any]] = dict(levels or {})
        self.file = file
        """The file whose options are the level `yaml`."""
        self.is_resumed = is_resumed
        """Whether this was said of an earlier start: then steps may be named that the pipeline lost since."""

    def with_level(self, level: Level, options: Mapping[str, Any], *, is_merged: bool = True) -> Layers:
        """Return new layers in which `options` were added at a level.

        Args:
            level: the level.
            options: what is said there now.
            is_merged: whether mappings and lists are merged with what was said before, or replace it.
        """
        known = self.levels.get(level, {})
        if is_merged:
            kept = {name: value for name, value in known.items() if isinstance(value, Replacing)}
            added = merge((known, options))
            added.update({name: Replacing(added[name]) for name in kept})
        else:
            added = {**known, **{name: Replacing(value) for name, value in options.items()}}
        return Layers({**self.levels, level: added}, self.file)

    def with_file(self, file: RunFile) -> Layers:
        """Return new layers in which a file is the level `yaml`, whatever was there before."""
        return Layers({**self.levels, "yaml": file.options}, file)

    def merged(self) -> dict[str, Any]:
        """Return the options that hold, the strongest level winning."""
        return merge(self.levels[level] for level in LEVELS if level in self.levels)


def merge(sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge mappings, later ones winning; values that are mappings themselves are merged too."""
    result: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            if isinstance(value, Replacing):
                result[name] = value.value
                continue
            known = result.get(name)
            if known is not None and name not in _ARGUMENTS and name not in _ADDED_UP:
                known, value = _as_mapping(known), _as_mapping(value)  # noqa: PLW2901  settings may be objects
            if isinstance(known, dict) and isinstance(value, dict):
                result[name] = {**known, **value} if name in _ARGUMENTS else merge((known, value))
            elif name in _ADDED_UP and isinstance(known, (list, tuple)) and isinstance(value, (list, tuple)):
                result[name] = list(dict.fromkeys((*known, *value)))
            else:
                result[name] = value
    return result


def _as_mapping(value: Any) -> Any:
    """Return the fields of a settings object, and anything else as it is."""
    return value.to_dict() if hasattr(value, "to_dict") else value


def spelled(options: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return options under the names of the table.

    Raises:
        ConfigurationError: an option is given under two spellings.
    """
    found: dict[str, Any] = {}
    for name, value in options.items():
        known = ALIASES.get(name, name)
        if known in found and found[known] is not None and value is not None:
            raise ConfigurationError(f"{what} gets `{known}` under two spellings. Give one of them.")
        if value is not None or known not in found:
            found[known] = value
    if "resources" in found:
        with_resources(found, found.pop("resources"), what)
    return found


def with_resources(options: dict[str, Any], given: Any, what: str) -> None:
    """Put what the option `resources` says where it is kept: into the settings of that name.

    Raises:
        ConfigurationError: it is no mapping, or the settings have some too.
    """
    if given is None:
        return
    if not isinstance(given, Mapping) and not hasattr(given, "get_memory"):
        raise ConfigurationError(
            f"`resources` of {what} is {preview(given)}. Give it a `ResourceSettings(…)`, or a mapping of its fields."
        )
    settings = options.get("settings")
    if isinstance(settings, Mapping) and settings.get("resources") is not None:
        raise ConfigurationError(
            f"{what} gets `resources` twice, by that name and in `settings`. Give them once."
        )
    if settings is None or isinstance(settings, Mapping):  # anything else is told when it is read
        from zenml.config.plain import plain

        resources = plain(dict(_as_mapping(given)), f"`resources` of {what}")
        options["settings"] = {**(settings or {}), "resources": resources}


def spelled_steps(steps: Any, what: str) -> dict[str, dict[str, Any]]:
    """Return the options of single steps under the names of the table.

    Raises:
        ConfigurationError: it is no mapping of steps to mappings of options.
    """
    if not isinstance(steps, Mapping) or not all(isinstance(one, Mapping) for one in steps.values()):
        raise ConfigurationError(
            f"`steps` of {what} is {preview(steps)}. Give it a mapping of steps to their options, such as "
            '`steps={"train": {"parameters": {"rate": 0.1}}}`.'
        )
    found = {}
    for name, section in steps.items():
        options = spelled(section, f"Step `{name}`")
        if not isinstance(options.get("parameters") or {}, Mapping):
            raise ConfigurationError(
                f"`parameters` of step `{name}` in `steps` of {what} is {preview(options['parameters'])}. Give it a "
                "mapping of names to values."
            )
        outputs = options.pop("outputs", None)
        if outputs:
            options["output_materializers"] = {
                output: said["materializer_source"] for output, said in outputs.items() if said
            }
        found[name] = options
    return found


def check_options(options: Mapping[str, Any], allowed: Iterable[str], what: str) -> None:
    """Raise for an option that does not exist, naming the close one."""
    known = frozenset(allowed)
    for name in options:
        if name not in known:
            raise ConfigurationError(f"{what} has no option `{name}`. {_hint(name, known)}")


def _hint(name: str, known: frozenset[str]) -> str:
    """Return what to do about an option that is not there: who has it, which is close, or which there are."""
    if name in BY_NAME:
        owners = BY_NAME[name].owners
        if RUN in owners:
            return f"It is an option of a run: write `with_options({name}=…)`."
        return f"It is an option of `@{PIPELINE if PIPELINE in owners else STEP}`."
    from zenml.config.fields import nearest

    close = nearest(name, known)
    return f"Did you mean `{close}`?" if close else f"It takes: {', '.join(sorted(known))}."
