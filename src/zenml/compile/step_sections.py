"""What a run's configuration says of single steps, by invocation id or step name, level by level."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from zenml.components.kinds import PER_STEP
from zenml.config.placeholders import expressions
from zenml.config.precedence import INHERITED, LEVELS, STEP_OPTIONS, Replacing, check_options, merge
from zenml.errors import ArgumentError, ConfigurationError, TypeMismatchError
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.compile.declared import DeclaredPipeline
    from zenml.compile.trace import TracedCall
    from zenml.compile.variables import Variables
    from zenml.config.precedence import Level
    from zenml.config.run_file import RunFile

    Sections = Mapping[str, Mapping[str, Any]]


class StepSections:
    """The sections of one pipeline."""

    def __init__(self, pipeline: DeclaredPipeline) -> None:
        self._pipeline = pipeline.name
        self._is_resumed = pipeline.layers.is_resumed
        self._levels: dict[Level, Sections] = {}
        for level in LEVELS:
            said = pipeline.layers.levels.get(level, {}).get("steps")
            sections = said.value if isinstance(said, Replacing) else said
            if isinstance(said, Replacing):  # what weaker levels say does not count
                self._levels = {known: {} for known in self._levels}
            if sections:
                self._levels[level] = sections

    @property
    def are_given(self) -> bool:
        """Tell whether anything is said of any step."""
        return bool(self._levels)

    def check_known(self, calls: Mapping[str, TracedCall], *, is_dynamic: bool = False) -> None:
        """Raise for a section of a step that the pipeline does not have, and for an unknown option in one.

        Args:
            calls: the calls of the pipeline; of a dynamic one, a call of each step in its `depends_on`.
            is_dynamic: whether that is what `calls` are. What code says of other steps is checked when they are called.
        """
        for level, sections in self._levels.items():
            if level == "yaml":
                continue  # the file says all that is wrong with it at once
            for name, options in sections.items():
                if self._is_resumed:
                    continue  # it was checked when the run began
                problem = None if is_dynamic else unknown_step(name, calls)
                if problem:
                    raise ConfigurationError(
                        f"Pipeline `{self._pipeline}` is configured for {problem[0]}, which it does not have. "
                        f"{problem[1]}"
                    )
                check_options(options, STEP_OPTIONS | {"parameters"}, f"step `{name}`")

    def says_something_of(self, call: TracedCall) -> bool:
        """Tell whether there is a section for a call."""
        return any(call.id in one or call.step.name in one for one in self._levels.values())

    def at(self, level: Level, call: TracedCall) -> dict[str, Any]:
        """Return what a level says of a call: of its step's name, and stronger, of its id."""
        sections = self._levels.get(level)
        if not sections:
            return {}
        names = dict.fromkeys((call.step.name, call.id))
        found = merge(sections.get(name, {}) for name in names)
        return {name: value for name, value in found.items() if value is not None}

    def parameters(self, call: TracedCall) -> dict[str, Any]:
        """Return the arguments that the run's configuration sets for a call, which beat those of the call.

        Raises:
            ArgumentError: the step does not take one of them.
        """
        found: dict[str, Any] = {}
        for level in LEVELS if self._levels else ():
            found |= self.at(level, call).get("parameters") or {}
        signature = call.step.signature
        for name in found:
            if not signature.accepts(name):
                raise ArgumentError(
                    f"The configuration of step `{call.id}` sets the parameter `{name}`, which it does not take. "
                    f"{did_you_mean(name, signature.parameters)}It takes: {', '.join(signature.parameters)}."
                )
        return found

    def options(self, call: TracedCall, pipeline: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that hold for a call, as they were given.

        At each level, what the run says of the step comes after what the step says of itself.

        Args:
            call: the call.
            pipeline: the pipeline's merged options, whose inherited part is the step's default.
        """
        sources: list[Mapping[str, Any]] = [{name: pipeline[name] for name in INHERITED if name in pipeline}]
        settings = pipeline.get("settings")
        if settings and hasattr(settings, "get") and settings.get("resources") is not None:
            sources.append({"settings": {"resources": settings["resources"]}})
        for level in LEVELS:
            sources += (call.step.layers.levels.get(level, {}), self.at(level, call))
        merged = merge(sources)
        merged.pop("parameters", None)
        shared = _for_components(settings, merged)
        if shared:
            merged["settings"] = merge(({"settings": shared}, {"settings": merged.get("settings") or {}}))[
                "settings"
            ]
        return merged


def _for_components(settings: Any, step: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a pipeline sets for the components that one of its steps uses."""
    if not settings or not hasattr(settings, "items"):
        return {}
    used = [kind for kind in PER_STEP if step.get(kind)]
    return {key: value for key, value in settings.items() if str(key).partition(".")[0] in used}


def unknown_step(name: str, calls: Mapping[str, TracedCall]) -> tuple[str, str] | None:
    """Return what is unknown and which steps there are, None if a name stands for a step."""
    known = {*calls, *(call.step.name for call in calls.values())}
    if name in known:
        return None
    listed = ", ".join(f"`{step}`" for step in sorted(known)) or "none"
    return f"a step `{name}`", f"{did_you_mean(name, known)}Its steps are: {listed}."


def without_unsound(
    file: RunFile, pipeline: DeclaredPipeline, options: dict[str, Any], variables: Variables
) -> dict[str, Any]:
    """Note in a file which of its arguments the pipeline does not take; return the options without them.

    So the steps can be found out in spite of them, and what is wrong there is told too.
    """
    said = file.options.get("parameters") or {}
    wrong = _check_arguments(file, ("parameters",), pipeline, said, variables)
    if not wrong:
        return options
    left = {name: value for name, value in options["parameters"].items() if name not in wrong}
    return {**options, "parameters": left}


def check_steps(
    file: RunFile,
    pipeline: DeclaredPipeline,
    calls: Mapping[str, TracedCall],
    variables: Variables,
    *,
    is_dynamic: bool = False,
) -> None:
    """Note in a file which steps the pipeline does not have, and what they do not take.

    Args:
        file: the file.
        pipeline: the pipeline that it configures.
        calls: the calls of the pipeline; of a dynamic one, a call of each step in its `depends_on`.
        variables: what placeholders stand for.
        is_dynamic: whether that is what `calls` are.
    """
    for name, section in (file.options.get("steps") or {}).items():
        known = name
        if is_dynamic:  # the second call of `train` is `train_2`, and those of a map are `train[0]` …
            known = next(
                (step for step in calls if re.fullmatch(rf"{re.escape(step)}(_\d+)?(\[.*\])?", name)), name
            )
        problem = unknown_step(known, calls)
        if problem:
            there_is = f"which pipeline `{pipeline.name}` does not have. {problem[1].rstrip('.')}"
            if is_dynamic:
                there_is = (
                    f"and pipeline `{pipeline.name}` is dynamic: nobody knows its steps before it runs. List the step in "
                    f"`@pipeline(dynamic=True, depends_on=[…])`. {did_you_mean(name, calls)}Listed are: "
                    f"{', '.join(f'`{one}`' for one in calls) or 'none'}"
                )
            file.add_problem(("steps", name), f"is for {problem[0]}, {there_is}")
            continue
        steps = {id(call.step): call.step for call in calls.values() if known in (call.id, call.step.name)}
        for step in steps.values():
            path = ("steps", name, "parameters")
            _check_arguments(file, path, step, section.get("parameters") or {}, variables)
            outputs = [output.name for output in step.outputs]
            materializers = section.get("output_materializers")
            for output in _unknown(materializers if isinstance(materializers, dict) else {}, outputs):
                file.add_problem(
                    ("steps", name, "outputs"),
                    f"names the output `{output}`, which step `{step.name}` does not have. "
                    f"{did_you_mean(output, outputs)}Its outputs are: {', '.join(outputs) or 'none'}",
                )


def _unknown(given: Iterable[str], known: Iterable[str]) -> list[str]:
    return [name for name in given if name not in set(known)]


def _check_arguments(
    file: RunFile,
    path: tuple[str, ...],
    declared: Any,
    arguments: Mapping[str, Any],
    variables: Variables,
) -> list[str]:
    """Note in a file what is wrong with the arguments of a step or pipeline; return their names."""
    wrong = []
    signature = declared.signature
    kind = "step" if len(path) > 1 else "pipeline"
    for name, value in arguments.items():
        if not signature.accepts(name):
            wrong.append(name)
            known = ", ".join(f"`{one}`" for one in signature.parameters) or "none"
            file.add_problem(
                (*path, name),
                f"sets `{name}`, which {kind} `{declared.name}` does not take. "
                f"{did_you_mean(name, signature.parameters)}It takes: {known}",
            )
            continue
        try:
            variables.argument(
                value, signature.annotation(name), what=f"`{name}` of {kind} `{declared.name}`"
            )
        except TypeMismatchError as error:
            if any(variables.look_up(expression) is None for expression, _, _ in expressions(value)):
                continue  # that it is not set is told as such
            wrong.append(name)
            file.add_problem((*path, name), f"{error}".rstrip("."))
    return wrong
