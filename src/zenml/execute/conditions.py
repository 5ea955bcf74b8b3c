"""What the runs of this process are made with: the usual, or what a test has put in its place.

Other conditions than the usual ones hold for the runs of one store, and one set of them at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.execute.clock import RealClock
from zenml.execute.engine import Engine
from zenml.execute.run_stack import RunStack
from zenml.execute.workers import Workers
from zenml.logs.output import Capture
from zenml.reporting.reporter import choose_reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.compile.compiler import Compiled
    from zenml.execute.clock import Clock
    from zenml.reporting.reporter import Reporter
    from zenml.store.store import Store


class Conditions(msgspec.Struct, frozen=True):
    """What a run is made with."""

    clock: Clock = RealClock()
    """What retries and timeouts go by."""
    open_reporter: Callable[[Store], Reporter] = choose_reporter
    engine: type[Engine] = Engine
    workers: type[Workers] = Workers
    capture: type[Capture] = Capture
    stack: type[RunStack] = RunStack
    prepare: Callable[[Compiled], Compiled] = lambda compiled: compiled
    """Gives what is run in the place of what was compiled."""
    answer: Callable[[str, str], tuple[Any, ...]] = lambda *_: ()
    """Gives the answer that is prepared for a question; an empty tuple for none."""


_USUAL = Conditions()
_others: tuple[Store, Conditions] | None = None


def of(store: Store) -> Conditions:
    """Return the conditions for the runs of a store."""
    return _others[1] if _others is not None and _others[0] is store else _USUAL


def hold(store: Store, conditions: Conditions) -> None:
    """Have other conditions than the usual ones hold for the runs of a store, from now on."""
    global _others
    _others = store, conditions


def release() -> None:
    """Have the usual conditions hold again."""
    global _others
    _others = None
