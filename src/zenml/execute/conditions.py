"""What the runs of this process are made with, where it is not the usual: in a test, time and places to run.

One set of conditions holds at a time, and only for the runs of one store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.compile.compiler import Compiled
    from zenml.execute.clock import Clock
    from zenml.execute.engine import Engine
    from zenml.execute.reporter import Reporter
    from zenml.execute.workers import Workers
    from zenml.store.store import Store


@dataclass(frozen=True)
class Conditions:
    """What every run of a store is made with."""

    store: Store
    clock: Clock
    open_reporter: Callable[[Store], Reporter]
    engine: type[Engine]
    workers: type[Workers]
    prepare: Callable[[Compiled], Compiled]
    """Gives what is run in the place of what was compiled."""


_active: Conditions | None = None


def of(store: Store) -> Conditions | None:
    """Return the conditions for the runs of a store, None for the usual ones."""
    return _active if _active is not None and _active.store is store else None


def hold(conditions: Conditions | None) -> None:
    """Have conditions hold from now on; None is the usual ones."""
    global _active
    _active = conditions
