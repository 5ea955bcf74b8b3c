"""Whether the parts of a stack that steps name are there: asked before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.components.kinds import COMPONENT_TYPES, OF_EVERY_STACK
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.records.plan import StepDefinition, StepOptions


def check_components(options: StepOptions, step: str) -> None:
    """Check that the components exist that a step is to be executed with.

    Raises:
        ConfigurationError: a component is named that is not registered, or the stack lacks one that is asked for.
    """
    for kind, named in (
        ("experiment_tracker", options.experiment_tracker),
        ("step_operator", options.step_operator),
    ):
        if not named:
            continue
        if named is True:
            problem = f"asks for the {_words(kind)} of the active stack, which has none"
        else:
            problem = f"names the {_words(kind)} `{named}`, which is not registered"
        raise ConfigurationError(
            f"Step `{step}` {problem}. Registered are: none of this type. Leave `{kind}` out to run the step "
            "with the parts of the active stack `default`."
        )


def settings_without_part(definitions: Iterable[StepDefinition]) -> str | None:
    """Return a note on settings of steps for parts that the active stack lacks; None if there are none."""
    found: dict[str, list[str]] = {}
    for definition in definitions:
        for key in definition.options.settings:
            kind = key.partition(".")[0]
            if kind in COMPONENT_TYPES and kind not in OF_EVERY_STACK:
                found.setdefault(key, []).append(definition.name)
    if not found:
        return None
    listed = ", ".join(
        f"`{key}` of step{'s' if len(names) > 1 else ''} {', '.join(f'`{name}`' for name in dict.fromkeys(names))}"
        for key, names in found.items()
    )
    return f"Settings without effect, because the active stack `default` has no such part: {listed}."


def _words(kind: str) -> str:
    return kind.replace("_", " ")
