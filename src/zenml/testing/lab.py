"""A lab: a store in memory and an engine without threads, in the place of the real ones, for one test."""

from __future__ import annotations

import sys
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from zenml.client.client import Client
from zenml.errors import ContextError
from zenml.execute import conditions
from zenml.records import ids
from zenml.records.run import Run
from zenml.reporting.reporter import SilentReporter
from zenml.store import opening
from zenml.store.database import Database
from zenml.store.sqlite import MEMORY
from zenml.testing.clock import VirtualClock, seconds_of
from zenml.testing.fakes import _NOT_GIVEN, Behaviour, Fakes
from zenml.testing.serial import NoCapture, NoComponents, SerialEngine, SerialWorkers
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta

    from zenml.declare.step import Step
    from zenml.testing.fakes import Fake

_occupied = threading.Lock()
_entered_at = ""


class LabClock(VirtualClock):
    """The clock of a lab: the times of everything that is recorded go with it."""

    def _move_to(self, now: float) -> None:
        super()._move_to(now)
        ids.shift_time(round(now * 1e6))


class Lab:
    """What a test can ask of the runs in memory. Made by `in_memory`."""

    def __init__(self, store: Database) -> None:
        self.store = store
        """The store in memory; artifacts over 64 KiB lie in a temporary folder beside it."""
        self.client = Client(store)
        """A client of that store, as `Client()` is while the lab is open."""
        self.clock = LabClock()
        """The time that retries wait for, and that results age by."""
        self.answers: dict[str, Any] = {}
        """What questions of `zenml.wait` are answered with, by question or name; a run pauses for others."""
        self._fakes = Fakes()

    @property
    def runs(self) -> list[RunView]:
        """All runs so far, the newest last: also those that failed, whose calls raised."""
        return [RunView(run, self.store) for run in self.store.select(Run)]

    def fake(
        self,
        step: Step[Any, Any] | str,
        *,
        returns: Any = _NOT_GIVEN,
        raises: BaseException | type[BaseException] | None = None,
        calls: Callable[..., Any] | None = None,
        side_effects: Iterable[Any] | None = None,
    ) -> Fake:
        """Have something else done where a step is to run, until the lab is left or the fake removed.

        Without any of the keywords it returns None, which suits steps without outputs.

        Args:
            step: the step, and with it all copies of `with_options`; or the name or an invocation id.
            returns: what each call returns; checked against the outputs that the step declares.
            raises: what each call raises, an exception or a class.
            calls: a function that is called with the arguments of the step.
            side_effects: for each call one value to return, or exception to raise.

        Example:
            `download = lab.fake(fetch, returns=[1, 2]); training(); download.calls[0].arguments`

        Raises:
            ArgumentError: more than one thing to do was given.
            TypeMismatchError: what is to be returned does not fit the outputs of the step.
        """
        return self._fakes.add(step, Behaviour(returns, raises, calls, side_effects))

    def answer(self, question: str, value: Any) -> None:
        """Have a question of `zenml.wait` answered at once, every time it is asked, so that no run pauses for it.

        Args:
            question: its text or its name.
            value: the answer, as a Python value or as JSON would have it.
        """
        self.answers[question] = value

    def serve_schedules(self, time: float | timedelta) -> list[RunView]:
        """Let time pass while a scheduler serves the schedules of the lab; return the runs that began, in their order.

        The clock goes from one instant at which something is due to the next. Each run is executed in this thread, and has
        ended before the clock goes on. What passes by `clock.advance` alone passes while no scheduler is there.

        Args:
            time: seconds, or a `timedelta`.

        Raises:
            ArgumentError: it is less than nothing.
        """
        from zenml.testing.schedules import serve

        before = {run.id for run in self.store.select(Run)}
        serve(self.store, self.clock, seconds_of(time))
        return [run for run in self.runs if run.id not in before and run.record.schedule_id is not None]

    def _answer(self, name: str, question: str) -> tuple[Any, ...]:
        return next(((self.answers[one],) for one in (name, question) if one in self.answers), ())


@contextmanager
def in_memory() -> Iterator[Lab]:
    """Have every run of this process be recorded in memory and executed in its caller's thread, in a `with` block.

    Pipelines, single steps, `Client()` and everything else uses the store in memory; nothing is printed
    about runs. Leaving the block removes everything and puts the real store back.

    Raises:
        ContextError: a lab is open already, in whatever thread.
        NotFoundError: on leaving: a fake was given a name that no step had.
    """
    _enter(sys._getframe(2))
    try:
        with closing(Database(MEMORY)) as store:
            lab = Lab(store)
            opening.use_instead(store)
            conditions.hold(store, _conditions(lab))
            yield lab
            lab._fakes.check_met()
    finally:
        conditions.release()
        opening.use_instead(None)
        ids.shift_time(0)
        _occupied.release()


def _conditions(lab: Lab) -> conditions.Conditions:
    return conditions.Conditions(
        clock=lab.clock,
        open_reporter=lambda _: SilentReporter(),
        engine=SerialEngine,
        workers=SerialWorkers,
        capture=NoCapture,
        stack=NoComponents,
        prepare=lab._fakes.put_into,
        answer=lab._answer,
    )


def _enter(caller: Any) -> None:
    """Note that a lab is open, and where; refuse a second one."""
    global _entered_at
    if not _occupied.acquire(blocking=False):
        raise ContextError(
            f"A lab is open already: it was entered at {_entered_at}, and a process has one at a time. "
            "Use that one, or leave it first; a fixture that opens a lab is `zenml_lab`."
        )
    _entered_at = f"{caller.f_code.co_filename}:{caller.f_lineno}"
