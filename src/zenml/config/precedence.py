"""The one place that says which source of configuration wins.

From the weakest to the strongest:

1. defaults of this package
2. the decorator                    `@step(enable_cache=True)`
3. `configure`                      `my_step.configure(enable_cache=True)`
4. a YAML file                      `with_options(config_path="run.yaml")`
5. `with_options`                   `my_step.with_options(enable_cache=True)`
6. the call                         `my_step(1, id="first")`

What is said of a step, in any of these, beats what is said of the whole pipeline. Mappings
are merged key by key, lists of secrets are added up, everything else is replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.records.plan import HookName

Level = Literal["decorator", "configure", "yaml", "with_options"]
LEVELS: tuple[Level, ...] = ("decorator", "configure", "yaml", "with_options")

_FLAGS = (
    "enable_cache",
    "enable_artifact_metadata",
    "enable_artifact_visualization",
    "enable_step_logs",
)
STEP_HOOKS: tuple[HookName, ...] = ("on_start", "on_success", "on_failure", "on_end")
RUN_HOOKS: tuple[HookName, ...] = ("on_init", "on_cleanup", "on_pause", "on_resume")
_BOTH = (
    *_FLAGS,
    *STEP_HOOKS,
    "cache_policy",
    "environment",
    "extra",
    "model",
    "name",
    "retry",
    "secrets",
    "settings",
    "substitutions",
)
STEP_OPTIONS = frozenset(
    (
        *_BOTH,
        "experiment_tracker",
        "group",
        "heartbeat_healthy_threshold",
        "output_materializers",
        "runtime",
        "step_operator",
        "step_type",
        "timeout",
    )
)
PIPELINE_OPTIONS = frozenset(
    (
        *_BOTH,
        *RUN_HOOKS,
        "enable_heartbeat",
        "enable_pipeline_logs",
        "execution_mode",
        "max_parallelism",
        "on_init_kwargs",
        "tags",
    )
)
RUN_OPTIONS = frozenset(("parameters", "refresh", "run_name", "schedule", "steps"))
"""What `with_options` and `configure` of a pipeline take beside the pipeline's own options."""
INHERITED = frozenset(
    (
        *_FLAGS,
        *STEP_HOOKS,
        "cache_policy",
        "environment",
        "model",
        "retry",
        "secrets",
        "substitutions",
    )
)
"""Options of a pipeline that hold for each of its steps which does not say otherwise."""
_ARGUMENTS = ("parameters", "on_init_kwargs")
"""Mappings of names to a user's own values, which are replaced and never merged into each other."""
_ADDED_UP = ("secrets",)
"""Lists of which every level adds its part."""


class Layers:
    """Options by the level they were given at; copied on write, so that declarations can share them."""

    __slots__ = ("levels",)

    def __init__(self, levels: Mapping[Level, Mapping[str, Any]] | None = None) -> None:
        self.levels: dict[Level, Mapping[str, Any]] = dict(levels or {})

    def with_level(self, level: Level, options: Mapping[str, Any]) -> Layers:
        """Return new layers in which `options` were added at a level."""
        merged = dict(self.levels)
        merged[level] = merge((self.levels.get(level, {}), options))
        return Layers(merged)

    def merged(self) -> dict[str, Any]:
        """Return the options that hold, the strongest level winning."""
        return merge(self.levels[level] for level in LEVELS if level in self.levels)


def merge(sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge mappings, later ones winning; values that are mappings themselves are merged too."""
    result: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            known = result.get(name)
            if isinstance(known, dict) and isinstance(value, dict):
                result[name] = {**known, **value} if name in _ARGUMENTS else merge((known, value))
            elif name in _ADDED_UP and isinstance(known, (list, tuple)) and isinstance(value, (list, tuple)):
                result[name] = list(dict.fromkeys((*known, *value)))
            else:
                result[name] = value
    return result


def check_options(options: Mapping[str, Any], allowed: Iterable[str], what: str) -> None:
    """Raise for an option that does not exist, naming the close one."""
    known = frozenset(allowed)
    for name in options:
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean `{close[0]}`?" if close else f"It takes: {', '.join(sorted(known))}."
            raise ConfigurationError(f"{what} has no option `{name}`. {hint}")
