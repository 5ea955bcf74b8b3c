"""What `map` and `product` return: the futures of all elements, as one thing.

Elements are added while the map runs. What ends is told with the engine's baton; what waits looks
at counters only, so a wait costs the same for ten elements and for a hundred thousand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar

from zenml.compile.handles import MapHandle
from zenml.errors import DeclarationError
from zenml.execute import map_results
from zenml.execute.map_output import MapOutput

if TYPE_CHECKING:
    from zenml.compile.handles import OutputHandle
    from zenml.execute.futures import StepRunFuture
    from zenml.execute.map_session import MapSession

R = TypeVar("R")
OnError = Literal["finish", "fail_fast", "collect"]


class MapFuture(MapHandle, Generic[R]):
    """The elements of a `map` or `product`. Pass it on to other steps, or wait for it.

    A failure that nobody takes, by `result`, `load`, `exception` or by passing it on, fails the run.
    """

    __slots__ = (
        "_callbacks",
        "_listeners",
        "_positions",
        "_waiting",
        "completed",
        "elements",
        "failed",
        "is_cancelled",
        "is_cut_short",
        "is_fed",
        "keys",
        "lock",
        "mapped",
        "on_error",
        "open",
        "outputs",
        "problem",
        "session",
        "stop_feeding",
        "total",
        "wake",
    )

    def __init__(
        self,
        name: str,
        outputs: Sequence[OutputHandle],
        mapped: Sequence[str],
        on_error: OnError,
        session: MapSession,
    ) -> None:
        super().__init__(name)
        self.outputs = tuple(outputs)
        """The outputs of the step, as handles of no call."""
        self.mapped = tuple(mapped)
        """The names of the arguments that are gone through."""
        self.on_error = on_error
        self.session = session
        self.lock = threading.Lock()
        """Held to add elements, and to end the adding; never while something is waited for."""
        self.elements: list[StepRunFuture[R]] = []
        """The elements so far, in their order."""
        self.keys: list[Any] | None = None
        """The names of the elements so far, if they have names."""
        self.open: dict[str, StepRunFuture[R]] = {}
        """By invocation id: the elements that were added and have not ended."""
        self.completed: list[StepRunFuture[R]] = []
        """The elements that have ended, however, in the order in which they did."""
        self.failed: list[StepRunFuture[R]] = []
        """Those of them that have no result."""
        self.total: int | None = None
        """How many elements there will be, if it is known."""
        self.is_fed = False
        """Whether no more elements come."""
        self.is_cancelled = False
        self.is_cut_short = False
        """Whether elements that should have come did not."""
        self.problem: BaseException | None = None
        """What kept further elements from coming: what a generator raised, or what was wrong with one of them."""
        self.stop_feeding: Callable[[], None] = lambda: None
        self.wake: Callable[[], None] = lambda: None
        """Has the feeder look whether there is room for more."""
        self._waiting = 0
        self._positions: dict[Any, int] = {}
        """By name, where elements have names."""
        self._callbacks: list[Callable[[MapFuture[R]], Any]] | None = []
        self._listeners: list[Callable[[], None]] = []

    # Asking

    @property
    def is_settled(self) -> bool:
        """Whether all elements have ended, and no more come."""
        return self.is_fed and not self.open

    @property
    def is_keyed(self) -> bool | None:
        """Whether the elements have names; None as long as nobody knows."""
        if self.elements or self.is_fed:
            return self.keys is not None
        return None if self.keys is None else True

    def done(self) -> bool:
        """Tell whether all elements have ended, in whatever way."""
        return self.is_settled

    def running(self) -> bool:
        """Tell whether an element has not ended yet, or is still to come."""
        return not self.is_settled

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return self.is_cancelled

    def __len__(self) -> int:
        """Return how many elements there are; of an iterator that is not at its end nobody knows."""
        if self.total is None and not self.is_fed:
            raise TypeError(
                f"Nobody knows yet how many elements map `{self.invocation_id}` has: what it goes through has not come to "
                "its end. Wait for it: `.wait()`."
            )
        return len(self.elements) if self.is_fed or self.total is None else self.total

    def __iter__(self) -> Iterator[StepRunFuture[R]]:  # type: ignore[override]  # a plain handle refuses
        """Go through the futures of the elements, in their order; wait for those that are still to come."""
        position = 0
        while (found := self._element_after_wait(position)) is not None:
            yield found
            position += 1

    def __getitem__(self, key: Any) -> Any:
        """Return the future of one element, by position or name; waits until it was started."""
        if isinstance(key, slice):
            return self.futures()[key]
        if self.is_keyed is None:
            self._until(lambda: self.is_keyed is not None, None)
        if self.keys is not None:
            self._until(lambda: self.is_fed or key in self._positions, None)
            if key not in self._positions:
                raise KeyError(f"Map `{self.invocation_id}` has no element {key!r}.")
            return self.elements[self._positions[key]]
        found = self.futures()[key] if key < 0 else self._element_after_wait(key)
        if found is None:
            raise IndexError(
                f"Map `{self.invocation_id}` has {len(self.elements)} elements, and so no element {key}."
            )
        return found

    def futures(self) -> list[StepRunFuture[R]]:
        """Return the futures of all elements; waits until the last one was started."""
        self.wait_fed()
        return list(self.elements)

    # Waiting

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all elements have ended; return False if the time was up before."""
        return self._until(lambda: self.is_settled, timeout)

    def wait_fed(self) -> None:
        """Wait until the last element was started."""
        self._until(lambda: self.is_fed, None)

    def result(self, timeout: float | None = None) -> Any:
        """Wait until all elements have ended; return their artifacts, a list, or a dict if a mapping was gone through.

        With `on_error="fail_fast"` it raises as soon as one has failed.

        Raises:
            ExceptionGroup: what elements failed with; each says in a note which element it was.
            TimeoutError: the time is up; the elements go on.
        """
        return map_results.gather(self, timeout, lambda one: one.result())

    artifacts = result

    def load(self, timeout: float | None = None) -> Any:
        """Wait until all elements have ended; return their values, a list, or a dict if a mapping was gone through.

        Raises:
            ExceptionGroup: as `result` does.
        """
        return map_results.gather(self, timeout, lambda one: one.load())

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait until all elements have ended; return what `result` would raise, None if all have succeeded."""
        return map_results.failure_of(self, timeout)

    def as_completed(self, timeout: float | None = None) -> Iterator[StepRunFuture[R]]:
        """Yield the futures of the elements as they end, the first one first."""
        position = 0
        while True:
            if not self._until(partial(self._has_completed, position), timeout):
                raise TimeoutError(
                    f"No element of map `{self.invocation_id}` has ended within {timeout:g} s."
                )
            if position >= len(self.completed):
                if self.problem is not None:
                    self.take_problem()
                    raise self.problem
                return
            yield self.completed[position]
            position += 1

    def add_done_callback(self, function: Callable[[MapFuture[R]], Any]) -> None:
        """Have a function called with this future once all elements have ended; at once if they have."""
        with self.lock:
            if self._callbacks is not None:
                self._callbacks.append(function)
                return
        function(self)

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait in an event loop, which does other things meanwhile; return what `result` returns."""
        from zenml.execute.awaiting import settled

        yield from settled(self).__await__()
        return self.result()

    def cancel(self) -> bool:
        """Start no more elements, and have those not run that have not begun; return whether anything was cancelled.

        A generator is closed. Elements that run in this process go on to their end, those in processes of their own are ended.
        """
        with self.lock:
            left = list(self.open.values())
            is_news = bool(left) or not self.is_fed
            self.is_cancelled = self.is_cancelled or is_news
        self.stop_feeding()
        self.session.cancel_all(left)
        return is_news

    # Passing on

    def bound(self) -> Any:
        """Return what a step gets that takes the map: the outputs of its elements, in a list or dict."""
        self.check_single(f"Map `{self.invocation_id}`")
        return map_results.arranged(self, [one.outputs[0] for one in map_results.given_on(self)])

    def element_ids(self) -> list[str]:
        """Return the invocation ids of all elements."""
        return [one.invocation_id for one in self.elements]

    def unpack(self) -> tuple[MapOutput, ...]:
        """Return one future for each output of the step: `losses, models = train.map(rates).unpack()`."""
        return tuple(MapOutput(self, output.name) for output in self.outputs)

    def check_single(self, what: str) -> None:
        """Raise if the step has not exactly one output."""
        if len(self.outputs) != 1:
            remedy = (
                "Take them apart: `first, second = mapped.unpack()`." if self.outputs else "Write `after=`."
            )
            raise DeclarationError(
                f"{what} is a map of step `{self.invocation_id}`, which has {len(self.outputs) or 'no'} outputs. {remedy}"
            )

    # What its feeder and the engine tell

    def element(self, position: int) -> StepRunFuture[R] | None:
        """Return an element, if it was added."""
        return self.elements[position] if position < len(self.elements) else None

    def listen(self, wake: Callable[[], None]) -> None:
        """Have a function called whenever elements were added, and when no more come."""
        self._listeners.append(wake)

    def add(self, futures: Sequence[StepRunFuture[R]], keys: Sequence[Any] | None) -> None:
        """Take further elements; the lock is held."""
        if keys is not None:
            self.keys = [] if self.keys is None else self.keys
            self._positions.update((key, len(self.elements) + at) for at, key in enumerate(keys))
            self.keys.extend(keys)
        self.open.update((one.invocation_id, one) for one in futures)
        self.elements.extend(futures)

    def has_grown(self) -> None:
        """Tell those who wait that elements were added."""
        for wake in self._listeners:
            wake()
        if self._waiting:
            self.session.stir()

    def no_more(self, problem: BaseException | None = None) -> None:
        """Take that no more elements come."""
        with self.lock:
            if self.is_fed:
                return
            self.problem = problem
            self.is_fed = True
            callbacks = self._take_callbacks()
        self.has_grown()
        for function in callbacks:
            self.session.tell(function, self)

    def element_ended(self, future: StepRunFuture[R]) -> None:
        """Take, with the engine's baton, that an element has ended."""
        callbacks: list[Callable[[MapFuture[R]], Any]] = []
        is_first_failure = False
        with self.lock:
            del self.open[future.invocation_id]
            if future.status not in ("completed", "cached"):
                is_first_failure = not self.failed
                self.failed.append(future)
            self.completed.append(future)
            callbacks = self._take_callbacks()
            left = list(self.open.values()) if is_first_failure else []
        if is_first_failure and self.on_error == "fail_fast" and not self.is_cancelled:
            self.stop_feeding()
            self.session.ask_to_cancel(left)
        self.wake()
        if self._waiting:
            self.session.stir()
        for function in callbacks:
            self.session.tell(function, self)

    def take_problem(self) -> None:
        """Note that what kept elements from coming is the function's business, and not the run's."""
        self.session.handle(self)

    # Inside

    def _take_callbacks(self) -> list[Callable[[MapFuture[R]], Any]]:
        if not self.is_settled or self._callbacks is None:
            return []
        callbacks, self._callbacks = self._callbacks, None
        return callbacks

    def _until(self, is_so: Callable[[], bool], timeout: float | None) -> bool:
        if is_so():
            return True
        self._waiting += 1
        try:
            return self.session.wait_until(is_so, timeout)
        finally:
            self._waiting -= 1

    def until_joined(self, timeout: float | None) -> None:
        """Wait until there is a result, or a failure that is not to be waited for."""
        is_quick = self.on_error == "fail_fast"
        if not self._until(lambda: self.is_settled or (is_quick and bool(self.failed)), timeout):
            raise TimeoutError(
                f"{len(self.open)} elements of map `{self.invocation_id}`, and what is still to come, have not ended within "
                f"{timeout:g} s. They go on; wait longer, or `cancel()` it."
            )

    def _has_completed(self, position: int) -> bool:
        return self.is_settled or len(self.completed) > position

    def _element_after_wait(self, position: int) -> StepRunFuture[R] | None:
        self._until(lambda: self.is_fed or len(self.elements) > position, None)
        return self.element(position)

    def _refuse(self, what: str) -> NoReturn:
        raise DeclarationError(
            f"{what} map `{self.invocation_id}`, whose elements may not have ended. Write `.load()` to wait for the values, "
            "or pass it on to a step."
        )

    def __repr__(self) -> str:
        count = "?" if self.total is None else self.total
        return f"<map `{self.invocation_id}`, {len(self.completed)} of {count} elements ended>"
