"""The feeder of a map: it walks through the elements in order, and starts as many as there is room for.

What is ahead of the elements that have ended is bounded, so that an iterator is asked for no more
than is needed, and so that a map of very many elements holds little. The first elements of a list
are added where `map` was called; the rest, and whatever an iterator makes, by a thread of the map's own.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from zenml.execute.map_elements import element_id
from zenml.execute.map_sources import END, NOT_YET

if TYPE_CHECKING:
    from collections.abc import Container

    from zenml.compile.dynamic_calls import CompiledCall
    from zenml.compile.trace import MapName
    from zenml.execute.map_elements import Elements
    from zenml.execute.map_future import MapFuture
    from zenml.execute.map_session import MapSession

AHEAD = 4
"""How many elements are under way for each place that may run one, unless `max_concurrency` says it."""
LEAST_OF_A_LIST = 128
"""How many elements of a list are under way at least: few at a time would cost a change of threads for each few."""
SLICE = 0.005
"""Seconds after which what was compiled is started, although there is room for more."""


class Feeder:
    """What adds the elements of one map."""

    def __init__(
        self,
        session: MapSession,
        future: MapFuture[Any],
        elements: Elements,
        template: ElementCall,
        window: tuple[int, int],
    ) -> None:
        self.future = future
        self._session = session
        self._elements = elements
        self._template = template
        self._room, self._low = window
        self._wanted = threading.Event()
        self._is_stopped = False
        self._feeding_in = 0
        """The thread that adds elements, or did so last."""
        self._is_feeding = False
        """Whether a thread adds elements; where the caller's does, a generator that waits for a step comes here again."""
        self._position = 0
        future.stop_feeding, future.wake = self.stop, self._look
        future.total = elements.total

    @property
    def is_wanted(self) -> bool:
        """Whether it has to look whether there is something to do."""
        return self._wanted.is_set() and not self._is_feeding and not self.future.is_fed

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing to do until something else happens."""
        return self.future.is_fed or not (self._is_feeding or self._wanted.is_set())

    def is_held_up_in(self, threads: Container[int]) -> bool:
        """Tell whether its generator waits for something itself, in one of these threads."""
        return self._is_feeding and self._feeding_in in threads

    def wake(self) -> None:
        """Have it look whether there is something to do."""
        self._wanted.set()

    def stop(self) -> None:
        """Add no more elements; from whatever thread."""
        with self.future.lock:
            is_news = not self._is_stopped and not self.future.is_fed
            self._is_stopped = True
        if is_news:
            self.future.is_cut_short = True
            self._elements.close()
            self.future.no_more()
            self._wanted.set()

    def work(self) -> None:
        """Do everything, in a thread of its own."""
        while not self.future.is_fed:
            self._wanted.wait()
            self.feed()

    def feed(self, *, is_first: bool = False) -> None:
        """Add elements as long as there is room.

        Args:
            is_first: whether `map` is being called: what is wrong is raised there, and then nothing was started.
        """
        self._feeding_in = threading.get_ident()
        self._is_feeding = True
        try:
            self._wanted.clear()
            self._feed(is_first=is_first)
        finally:
            self._is_feeding = False

    def _feed(self, *, is_first: bool) -> None:
        while not self.future.is_fed and len(self.future.open) < self._room:
            batch: list[CompiledCall] = []
            keys: list[Any] = []
            try:
                has_more = self._compile(batch, keys)
            except BaseException as error:  # a user's iterator raises anything; an element may be no good
                if is_first and not self._position:
                    self._session.forget(batch)
                    raise
                self._start(batch, keys)
                self._end(error)
                return
            self._start(batch, keys)
            if has_more is END:
                self._end(None)
            if has_more is NOT_YET:
                return

    def _compile(self, batch: list[CompiledCall], keys: list[Any]) -> Any:
        """Compile what there is room for; return what the last answer was, None if there may be more."""
        until = time.monotonic() + SLICE
        while len(self.future.open) + len(batch) < self._room:
            found = self._elements.next()
            if found is END or found is NOT_YET or self._is_stopped or self._session.is_stopping:
                if self._session.is_stopping:
                    self.stop()
                if self._is_stopped:
                    self._elements.close()  # a generator that was at work when it was to be closed
                return END if self._is_stopped else found
            key, arguments = found
            batch.append(self._template.compiled(arguments, key, self._position + len(batch)))
            keys.append(key)
            if self._elements.is_lazy or time.monotonic() > until:
                return None
        return NOT_YET

    def _start(self, batch: list[CompiledCall], keys: list[Any]) -> None:
        if self.future.total is None:
            self.future.total = self._elements.total
        if not batch:
            return
        with self.future.lock:
            is_stopped = self._is_stopped
            if not is_stopped:
                is_keyed = self._elements.is_keyed
                futures = self._session.register(batch, self.future.element_ended)
                self.future.add(futures, keys if is_keyed else None)
                if self.future.on_error == "collect":  # now: the run may end in the turn in which one fails
                    for one in futures:
                        self._session.handle(one)
                self._session.put(batch, is_first=self._elements.is_chained)
        if is_stopped:
            self._session.forget(batch)
            return
        self._position += len(batch)
        self._session.go_on()
        self.future.has_grown()

    def _end(self, problem: BaseException | None) -> None:
        if self._is_stopped:
            return
        if problem is not None:
            self._session.fail_map(self.future.invocation_id, problem)
            self._elements.close()
        self.future.total = len(self.future.elements)
        if problem is None and not self.future.elements and self._elements.is_keyed:
            self.future.keys = []
        self.future.no_more(problem)

    def _look(self) -> None:
        """Wake up if so many elements have ended that it is worth it."""
        if len(self.future.open) <= self._low:
            self._wanted.set()


class ElementCall:
    """What all elements of a map have in common."""

    def __init__(
        self, session: MapSession, step: Any, name: MapName, whole: dict[str, Any], after: tuple[str, ...]
    ) -> None:
        self._session = session
        self._step = step
        self._name = name
        self._whole = whole
        self._after = after

    def compiled(self, arguments: dict[str, Any], key: Any, position: int) -> CompiledCall:
        """Compile one element."""
        identifier = element_id(self._name.name, key, position)
        return self._session.compile_element(
            self._step, self._name, identifier, {**self._whole, **arguments}, tuple(arguments), self._after
        )


def window(max_concurrency: int | None, places: int, *, is_lazy: bool) -> tuple[int, int]:
    """Return how many elements are under way at most, and at how many further ones are added."""
    if max_concurrency is not None:
        return max_concurrency, max_concurrency - 1
    room = places * AHEAD if is_lazy else max(places * AHEAD, LEAST_OF_A_LIST)
    return room, room // 2
