"""The launchers of one run: that of isolated steps, and one for each step operator that a step names.

Each is opened with the first step that is given to it, and closed with the run.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.components.flavor import Flavor, Place
    from zenml.components.launcher import Launcher, LaunchHandle
    from zenml.records.plan import StepDefinition

KIND = "step_operator"


class StepOperator(msgspec.Struct, frozen=True):
    """A registered step operator that can be opened."""

    flavor: Flavor
    config: Any
    place: Place


class StepOperators(msgspec.Struct, frozen=True):
    """The step operators that steps may name.

    Attributes:
        by_name: all of them.
        active: the name of that of the active stack, which `step_operator=True` means.
        stack: the name of the active stack, under which a step may set something too.
    """

    by_name: dict[str, StepOperator] = {}
    active: str | None = None
    stack: str = "default"

    def of(self, definition: StepDefinition) -> StepOperator | None:
        """Return the operator of a step; None for a step without one.

        Raises:
            ConfigurationError: there is no operator of that name.
        """
        named = definition.options.step_operator
        if not named:
            return None
        found = self.by_name.get(self.active or "") if named is True else self.by_name.get(named)
        if found is None:
            wanted = "that of the active stack, which has none" if named is True else f"`{named}`"
            listed = ", ".join(f"`{name}`" for name in sorted(self.by_name)) or "none"
            raise ConfigurationError(
                f"Step `{definition.name}` asks for the step operator {wanted}. Registered are: {listed}."
            )
        return found


class Chosen(msgspec.Struct, frozen=True):
    """Where a step is to be started, and what it sets there."""

    launcher: Launcher
    settings: dict[str, Any]


class Launched(msgspec.Struct, frozen=True):
    """A step that was started, as who may end it holds it."""

    launcher: Launcher
    handle: LaunchHandle

    def end(self, *, grace: float) -> None:
        """End all its processes; see `Launcher.cancel`."""
        self.launcher.cancel(self.handle, grace=grace)


class Launchers:
    """The launchers of one run.

    Attributes:
        operators: what steps may name.
        tell: takes sentences for people from launchers, from any thread.
    """

    def __init__(self) -> None:
        self.operators = StepOperators()
        self.tell: Callable[[str], None] | None = None
        self._opened: dict[str, Launcher] = {}
        self._lock = threading.Lock()

    @property
    def are_open(self) -> bool:
        """Whether there is a launcher already."""
        return bool(self._opened)

    def of(self, definition: StepDefinition) -> Chosen:
        """Return the launcher of a step, opened now if it is the first one.

        Raises:
            ConfigurationError: the step names an operator that there is not.
            MissingLibraryError: the operator needs a library that is not installed.
        """
        from zenml.components.registry import open_component
        from zenml.execute import isolation

        operator = self.operators.of(definition)
        name = "" if operator is None else operator.place.name
        with self._lock:
            launcher = self._opened.get(name)
            if launcher is None:
                launcher = (
                    isolation.open_launcher()
                    if operator is None
                    else open_component(operator.flavor, operator.config, operator.place)
                )
                launcher.tell = self.tell
                self._opened[name] = launcher
        return Chosen(launcher, {} if operator is None else self._settings(definition, operator))

    def _settings(self, definition: StepDefinition, operator: StepOperator) -> dict[str, Any]:
        """Return what a step sets for its operator; what is said for the flavor, name or stack beats the general."""
        merged: dict[str, Any] = {}
        for key in ("", operator.flavor.name, operator.place.name, self.operators.stack):
            said = definition.options.settings.get(f"{KIND}.{key}" if key else KIND)
            merged |= said if isinstance(said, dict) else {}
        return merged

    def close(self) -> None:
        """End everything that still runs, everywhere."""
        for launcher in self._opened.values():
            launcher.close()
