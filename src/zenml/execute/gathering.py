"""When the turns of an engine may come a little later, so that one transaction takes many calls and ends.

A transaction costs as much as several of the steps that are written in it. While the function of a
dynamic pipeline makes one call after the other, turns that nobody waits for are put off for a few times
as long as the last one took, and for a few milliseconds at most: the stand-in does them if nobody else has.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.execute.engine import Engine
    from zenml.execute.events import Finished
    from zenml.execute.stand_in import StandIn
    from zenml.execute.workers import Workers

TIMES = 4
"""How many times as long as a turn took the next one is put off: turns take a fifth of the time then."""
LONGEST = 0.002
"""Seconds that a turn is put off at most."""


class Gathering:
    """Which turns of one run are put off. Safe for threads."""

    def __init__(self, engine: Engine, workers: Workers, stand_in: StandIn) -> None:
        self._engine = engine
        self._workers = workers
        self._stand_in = stand_in
        self._until = 0.0
        """When the next turn is not put off any longer."""
        self._called_at = 0.0

    def turn_ended(self, began_at: float) -> None:
        """Note that a turn is over that began at an instant of `time.monotonic`."""
        now = time.monotonic()
        self._until = now + min(TIMES * (now - began_at), LONGEST)

    def puts_off_call(self) -> bool:
        """Tell whether a call that the function has just made waits for others."""
        self._called_at = now = time.monotonic()
        return now < self._until and not self._engine.has_much_to_take and self.is_caught_up()

    def take_end(self, event: Finished) -> None:
        """Take the end of a step of this process: with the next turn, if that comes soon anyway, else now."""
        self._engine.put(event)
        if not self._puts_off_end(event):
            self._engine.work_off()

    def catch_up(self) -> None:
        """Do what was put off."""
        self._workers.give_away()
        self._engine.work_off()

    def _puts_off_end(self, event: Finished) -> bool:
        """Tell whether the end of a step of this process waits for further calls, because these come fast."""
        now, engine, outcome = time.monotonic(), self._engine, event.outcome
        if engine.caller is None or now >= self._until or now - self._called_at >= LONGEST:
            return False
        identifier = event.step.invocation_id
        is_awaited = (
            self._workers.is_caller_here
            or self._workers.is_full
            or engine.admission.has_candidates
            or engine.machine.nodes[identifier].downstream
            or engine.caller.is_awaited(identifier)
        )
        return not is_awaited and outcome.failure is None and outcome.damage is None and self.is_caught_up()

    def is_caught_up(self) -> bool:
        """See to it that what is put off now is done within milliseconds; return False if nobody would do it."""
        return not self._engine.feeds_in_caller and self._stand_in.looks_soon()
