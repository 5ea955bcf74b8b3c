"""Whether a failed attempt of a step is followed by another one, and after which wait.

A wait holds no worker and no thread. The next attempt has its row at once, as `retrying`, so that
everybody sees when it starts; when its time has come the step is ready again like any other.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from zenml.execute import recording
from zenml.reporting.reporter import duration
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.execute.admission import Admission
    from zenml.execute.clock import Clock
    from zenml.execute.events import Finished
    from zenml.execute.machine import Machine
    from zenml.execute.timers import Timers
    from zenml.records.plan import Retry
    from zenml.records.run import Failure
    from zenml.store.store import Batch

LONGEST = 365 * 86400.0
"""Seconds at which growing waits stop growing: every wait has an end that can be written down."""


class Retries:
    """The retries of the steps of one run. Everything here happens with the engine's baton."""

    def __init__(self, machine: Machine, admission: Admission, timers: Timers, clock: Clock) -> None:
        self._machine = machine
        self._admission = admission
        self._timers = timers
        self._clock = clock

    def follow(self, event: Finished, retry: Retry, batch: Batch) -> bool:
        """Have another attempt follow one that failed; False if it was the last, which its exception then says."""
        step, outcome = event.step, event.outcome
        identifier = step.invocation_id
        node = self._machine.nodes[identifier]
        is_left = node.retries < retry.max_retries and outcome.failure is not None
        if not (is_left and is_worth_it(retry, outcome.failure) and self._machine.retry(identifier)):
            if node.retries and event.exception is not None:
                failures.add_note(event.exception, f"Step `{identifier}` was tried {node.retries + 1} times.")
            return False
        wait = seconds_before(retry, node.retries, draw)
        which = f"attempt {node.retries + 1} of {retry.max_retries + 1}"
        starts_at = self._clock.microseconds() + round(wait * 1e6)
        soon = f"in {duration(0, round(wait * 1e6))}" if wait else "at once"
        batch.ended.append(recording.retried(step, outcome, f"{which} starts {soon}"))
        announced = self._admission.announce(identifier, starts_at, f"{which} starts at {_told(starts_at)}")
        batch.started.append(announced)
        if wait:
            self._timers.set(announced, wait)
        else:
            self._machine.due(identifier)
        return True


def is_worth_it(retry: Retry, failure: Failure | None) -> bool:
    """Tell whether a failure is of a class, or of a subclass of one, that is tried again."""
    if not retry.retry_on or failure is None:
        return True
    classes = {failure.type, *failure.bases}
    return any(name in classes or _real_name(name) in classes for name in retry.retry_on)


def seconds_before(retry: Retry, number: int, chance: Callable[[], float]) -> float:
    """Return how long to wait before a retry.

    Args:
        retry: how the step is tried again.
        number: which retry it is, from 1.
        chance: gives a number from 0 to 1; asked only if a part of the wait is left to chance.
    """
    if not retry.delay:
        return 0.0
    longest = LONGEST if retry.max_delay is None else min(retry.max_delay, LONGEST)
    try:
        wait = min(retry.delay * retry.backoff ** (number - 1), longest)
    except OverflowError:
        wait = longest
    return wait * (1 - retry.jitter * chance()) if retry.jitter else wait


def draw() -> float:
    """Return a number from 0 to 1; a seed that user code sets does not make processes draw alike."""
    return int.from_bytes(os.urandom(4), "little") / 2**32


def _real_name(name: str) -> str:
    """Return the name under which a class is recorded that was given by another one: that of a re-export."""
    module, _, attribute = name.rpartition(".")
    found = getattr(sys.modules.get(module), attribute, None)
    return failures.class_name(found) if isinstance(found, type) else name


def _told(at: int) -> str:
    """Return an instant for people on this machine; with the date if it is another day."""
    moment = datetime.fromtimestamp(at / 1e6)  # noqa: DTZ006  local time: people read it
    is_today = moment.date() == datetime.now().date()  # noqa: DTZ005
    return f"{moment:%H:%M:%S}" if is_today else f"{moment:%Y-%m-%d %H:%M:%S}"
