"""What was said of a run beyond the source of its pipeline, kept with its plan so that the run can be resumed.

Options of `configure`, of a file and of `with_options` are written as a file would spell them, placeholders
unfilled; functions and classes by their dotted path. A resumed run is compiled from the source as it is then,
and from these words as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.config.plain import plain
from zenml.config.precedence import LEVELS, Layers, Replacing, merge
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.compile.declared import DeclaredPipeline
    from zenml.compile.outside import Outside
    from zenml.records.plan import Plan

_OF_ONE_START = frozenset(("run_name", "schedule", "refresh", "build", "prevent_build_reuse"))
"""Options that mean nothing for a run which has begun; what is refreshed stands in its plan."""
_REPLACING = "="
"""Stands before the name of an option that is not merged with what weaker levels say."""
MAIN = "__main__"


def keep_said(
    compiled: Compiled,
    pipeline: DeclaredPipeline,
    call: tuple[tuple[Any, ...], dict[str, Any]],
    arguments: Mapping[str, Any],
    outside: Outside,
) -> Compiled:
    """Have a plan hold what was said of the run: the options, and which arguments are artifacts.

    Args:
        compiled: what was compiled; its plan is replaced.
        pipeline: the pipeline, with everything that was said.
        call: the arguments of the call, which beat configured ones.
        arguments: all arguments of the pipeline's function.
        outside: tells which artifact an argument stands for.
    """
    said: dict[str, dict[str, Any]] = {}
    unsaid: list[str] = []
    for level in LEVELS[1:]:
        options = pipeline.layers.levels.get(level)
        if options:
            given = pipeline.signature.bind(*call, what=f"pipeline `{pipeline.name}`")
            said[level] = _options(options, frozenset(given), unsaid)
    artifacts = {}
    for name, value in arguments.items():
        artifact = outside(value, f"{pipeline.name}::{name}")
        if artifact is not None:
            artifacts[name] = artifact.id
    if said or unsaid or artifacts:
        compiled.plan = msgspec.structs.replace(
            compiled.plan, said=said, unsaid=tuple(unsaid), artifacts=artifacts
        )
    return compiled


def resumed_layers(present: Layers, plan: Plan, module: str) -> Layers:
    """Return the layers of a pipeline for a run that is resumed: its source as it is, and what was said then.

    Args:
        present: the layers of the pipeline as it is declared now.
        plan: the plan of the run.
        module: what the module is called now that was `__main__` then.
    """
    levels = {level: present.levels[level] for level in LEVELS if level in present.levels}
    for level in LEVELS[1:]:
        then = plan.said.get(level)
        if then is not None:
            now = levels.get(level, {})
            is_stronger = level == "with_options"  # said by whoever resumes the run
            levels[level] = merge((_read(then, module), now) if is_stronger else (now, _read(then, module)))
    for level in LEVELS[1:]:
        if level in levels:
            levels[level] = {
                name: value for name, value in levels[level].items() if name not in _OF_ONE_START
            }
    return Layers(levels, is_resumed=True)


def _options(options: Mapping[str, Any], given: frozenset[str], unsaid: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in _OF_ONE_START:
            continue
        is_replacing = isinstance(value, Replacing)
        kept = value.value if is_replacing else value
        if name == "parameters" and isinstance(kept, Mapping):
            kept = {argument: one for argument, one in kept.items() if argument not in given}
        try:
            found[(_REPLACING if is_replacing else "") + name] = _written(kept, name)
        except ConfigurationError:
            unsaid.append(name)
    return found


def _written(value: Any, what: str) -> Any:
    """Return a value as a file would spell it.

    Raises:
        ConfigurationError: it cannot be written down.
    """
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        if "<" in value.__qualname__:
            raise ConfigurationError(f"`{what}` is declared inside a function.")
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, Mapping):
        return {str(name): _written(item, what) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_written(item, what) for item in value]
    return plain(value, what)


def _read(options: Mapping[str, Any], module: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        renamed = _renamed(value, module)
        is_replacing = name.startswith(_REPLACING)
        found[name.removeprefix(_REPLACING)] = Replacing(renamed) if is_replacing else renamed
    return found


def _renamed(value: Any, module: str) -> Any:
    """Return a value in which what was of `__main__` is of the module that it is now."""
    if isinstance(value, str):
        return module + value.removeprefix(MAIN) if value.startswith(f"{MAIN}.") else value
    if isinstance(value, dict):
        return {
            name: module if name == "module" and item == MAIN else _renamed(item, module)
            for name, item in value.items()
        }
    return [_renamed(item, module) for item in value] if isinstance(value, list) else value
