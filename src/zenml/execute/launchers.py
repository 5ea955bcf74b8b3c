"""The launchers of one run: that of isolated steps, and one for each step operator that a step names.

Each is opened with the first step that is given to it, and closed with the run.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.components.launcher import Launcher, LaunchHandle
    from zenml.execute.run_stack import RunStack
    from zenml.records.plan import StepDefinition


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
        tell: takes sentences for people from launchers, from any thread.
    """

    def __init__(self) -> None:
        self.tell: Callable[[str], None] | None = None
        self._stack: RunStack
        self._opened: dict[str, Launcher] = {}
        self._lock = threading.Lock()

    def use(self, stack: RunStack) -> None:
        """Learn which components the run is made with."""
        self._stack = stack

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
        stack = self._stack
        operator = stack.component_of("step_operator", definition)
        name = "" if operator is None else operator.id
        with self._lock:
            launcher = self._opened.get(name)
            if launcher is None:
                launcher = stack.open_launcher() if operator is None else stack.open_part(operator)
                launcher.tell = self.tell
                self._opened[name] = launcher
        return Chosen(launcher, {} if operator is None else stack.settings_of(operator, definition))

    def close(self) -> None:
        """End everything that still runs, everywhere."""
        for launcher in self._opened.values():
            launcher.close()
