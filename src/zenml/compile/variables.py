"""The variables of the environment that a run's configuration names, and what they stand for.

What users configure keeps its placeholders in the plan, and with the run an HMAC of each value.
The values themselves go to the steps, never into the store.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.config.placeholders import expressions, filled, has_placeholder, name_of, value_of
from zenml.errors import ConfigurationError, TypeMismatchError
from zenml.records.plan import Invocation, StepDefinition, StepOptions, Value
from zenml.signatures.type_check import from_config
from zenml.views.variables import KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.config.placeholders import Path
    from zenml.config.run_file import RunFile


class Variables:
    """The variables of one compilation."""

    def __init__(self, file: RunFile | None = None, environ: Mapping[str, str] | None = None) -> None:
        self.used: dict[str, str] = {}
        """What each expression stands for."""
        self._environ = os.environ if environ is None else environ
        self._file = file
        self._missing: dict[str, dict[str, None]] = {}

    def look_up(self, expression: str) -> str | None:
        """Return what an expression stands for, None if its variable is not set."""
        found = value_of(expression, self._environ)
        if found is not None:
            self.used[expression] = found
        return found

    def scan(self, options: Mapping[str, Any], what: str, section: Path = ()) -> None:
        """Note every variable that options name, and where those stand that are not set."""
        for expression, path, text in expressions(options):
            if self.look_up(expression) is None:
                place = self._file.place_of((*section, *path), text) if self._file is not None else None
                told = f"`{'.'.join(map(str, path))}` of {what}" + (f" ({place})" if place else "")
                self._missing.setdefault(name_of(expression), {})[told] = None

    def raise_missing(self, cause: BaseException | None = None) -> None:
        """Raise one error for all variables that are not set.

        Raises:
            ConfigurationError: it names every variable and where it stands.
        """
        if not self._missing:
            return
        listed = [f"`{name}`, in {', '.join(places)}" for name, places in self._missing.items()]
        first = next(iter(self._missing))
        remedy = f"Set it, or write a default: `${{{first}:-…}}`. A literal `${{` is written `$${{`."
        if len(listed) == 1:
            raise ConfigurationError(f"The environment has no variable {listed[0]}. {remedy}") from cause
        lines = "\n".join(f"  {one}" for one in listed)
        raise ConfigurationError(
            f"The environment lacks {len(listed)} variables:\n{lines}\n{remedy.replace('it,', 'them,', 1)}"
        ) from cause

    def filled(self, value: Any) -> Any:
        """Return a value with its placeholders filled in as texts."""
        return filled(value, self.look_up)

    def prepared(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options with everything filled in but what keeps its placeholders."""
        return {
            name: value
            if name in KEPT or not has_placeholder(value)
            else filled(value, self.look_up, reads_scalars=name not in _TEXTS)
            for name, value in options.items()
        }

    def argument(self, value: Any, annotation: Any, *, what: str) -> tuple[Any, bool]:
        """Return a configured argument filled in, as its type asks, and whether placeholders were read as scalars.

        Raises:
            TypeMismatchError: it fits neither as text nor as the YAML scalar that the text is.
        """
        try:
            return from_config(self.filled(value), annotation, what=what), False
        except TypeMismatchError:
            scalars = filled(value, self.look_up, reads_scalars=True)
            return from_config(scalars, annotation, what=what), True


_TEXTS = (
    "name",
    "run_name",
    "tags",
    "secrets",
    "substitutions",
    "step_type",
    "group",
    "model",
    "on_init_kwargs",
)
"""Options that are texts whatever they look like: a run named `2024` is not a number."""


class Filled(msgspec.Struct):
    """What steps get in place of what the plan says: the same with its placeholders filled in."""

    variables: dict[str, str] = {}
    """What each expression stands for."""
    definitions: dict[str, StepDefinition] = {}
    """By key in the plan, for definitions with placeholders only."""
    arguments: dict[str, dict[str, Value]] = {}
    """By invocation id and name."""

    def definition(self, key: str, planned: StepDefinition) -> StepDefinition:
        """Return a definition as its step gets it."""
        return self.definitions.get(key, planned)

    def invocation(self, planned: Invocation) -> Invocation:
        """Return an invocation as its step gets it."""
        arguments = self.arguments.get(planned.id)
        if arguments is None:
            return planned
        return msgspec.structs.replace(planned, inputs={**planned.inputs, **arguments})


def filled_options(options: StepOptions, variables: Variables) -> StepOptions:
    """Return the options that a step gets; the very same where they hold no placeholder."""
    kept = {name: getattr(options, name) for name in KEPT}
    return msgspec.structs.replace(options, **variables.filled(kept)) if has_placeholder(kept) else options
