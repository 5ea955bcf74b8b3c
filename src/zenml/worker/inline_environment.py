"""Environment variables of inline steps: set in this process for as long as such a step runs.

A process has one environment, so inline steps of one run go together only if they ask for the
same variables. Whatever else is started meanwhile, isolated steps above all, gets the
environment as it was before.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.records.plan import StepDefinition

_lock = threading.RLock()
_layers: list[Mapping[str, str]] = []
"""Variables of the steps that run, in the order in which these began."""
_originals: dict[str, str | None] = {}
"""What those variables were before; None for those that were not set."""


class Applied:
    """Sets variables in this process; at the end each is what the steps that still run say, or what it was.

    Runs of several threads are not kept apart here: what they set at the same time, both see.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __enter__(self) -> None:
        if self._variables:
            with _lock:
                for name in self._variables:
                    _originals.setdefault(name, os.environ.get(name))
                _layers.append(self._variables)
                os.environ.update(self._variables)

    def __exit__(self, *_: object) -> None:
        if self._variables:
            with _lock:
                _layers[:] = [one for one in _layers if one is not self._variables]
                for name in self._variables:
                    _restore(name)


class Originals:
    """Holds the environment still, and gives what the variables of inline steps were before them."""

    def __enter__(self) -> dict[str, str | None]:
        _lock.acquire()
        return dict(_originals)

    def __exit__(self, *_: object) -> None:
        _lock.release()


def _restore(name: str) -> None:
    said = [one[name] for one in _layers if name in one]
    value = said[-1] if said else _originals.pop(name)
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


class InlineEnvironment:
    """Which inline steps of a run may be in the process together. Used with the engine's baton."""

    def __init__(self) -> None:
        self._inside: set[str] = set()
        self._held: tuple[dict[str, str], tuple[str, ...]] = ({}, ())

    def enter(self, identifier: str, definition: StepDefinition) -> bool:
        """Let a step in if nothing is inside, or all that is inside asked for the same variables."""
        wanted = (definition.options.environment, definition.options.secrets)
        if self._inside and wanted != self._held:
            return False
        self._held = wanted
        self._inside.add(identifier)
        return True

    def leave(self, identifier: str) -> None:
        """Note that a step has ended, or does not run after all."""
        self._inside.discard(identifier)
