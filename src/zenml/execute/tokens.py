"""CPUs, memory and GPUs of this machine as tokens: which of the steps that need some may start.

A step that declares what it needs starts when so much is free among the running steps of its run. Nothing
here knows of steps, threads or processes; it is plain counting, and tested as such.

**Who is next.** What waits is served in the order in which it came. While the first cannot start, all that
it needs is set aside: others, also those that come later, start only with what is left beyond that. So small
requests use what a big one leaves over, and cannot keep it waiting: from the moment on at which it is the
first, no tokens that it needs are given away, and those in use come back.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from zenml.records.plan import Place


class Need(msgspec.Struct, frozen=True):
    """An amount of everything there is: what a step needs, or what a machine has."""

    cpu: int = 0
    """Thousandths of a CPU: whole numbers add up to what they should."""
    memory: int = 0
    """Bytes."""
    gpu: int = 0

    def __add__(self, other: Need) -> Need:
        return Need(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu)

    def __sub__(self, other: Need) -> Need:
        return Need(self.cpu - other.cpu, self.memory - other.memory, self.gpu - other.gpu)

    def fits(self, free: Need) -> bool:
        """Tell whether there is enough; what is not asked for may be overdrawn."""
        return (
            (not self.cpu or self.cpu <= free.cpu)
            and (not self.memory or self.memory <= free.memory)
            and (not self.gpu or self.gpu <= free.gpu)
        )


class Waiter(Protocol):
    """What can wait: something with an id."""

    @property
    def id(self) -> str:
        """The id, under which it takes tokens too."""


T = TypeVar("T", bound=Waiter)


class Tokens(Generic[T]):
    """The tokens of one run, who holds some, and who waits for some."""

    def __init__(self, capacity: Need) -> None:
        self.capacity = capacity
        self.free = capacity
        self._held: dict[str, Need] = {}
        self._waiting: dict[tuple[Place, Need], deque[tuple[int, T]]] = {}
        """In order, apart for each kind of request: with thousands that are alike, only the first is looked at."""
        self._tickets = 0

    @property
    def has_waiting(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._waiting)

    def may_take(self, need: Need) -> bool:
        """Tell whether something that comes now may take what it needs."""
        first = self._first()
        return need.fits(self.free if first is None else self.free - first[1])

    def take(self, holder: str, need: Need) -> None:
        """Take tokens away, until the holder gives them back."""
        if need != Need():
            self._held[holder] = need
            self.free -= need

    def give_back(self, holder: str) -> None:
        """Take back what a holder has, if it has anything."""
        need = self._held.pop(holder, None)
        if need is not None:
            self.free += need

    def wait(self, one: T, kind: Place, need: Need) -> None:
        """Line something up, behind all that wait already."""
        self._tickets += 1
        self._waiting.setdefault((kind, need), deque()).append((self._tickets, one))

    def next(
        self, places: Mapping[Place, int], passed_over: Collection[str] = ()
    ) -> tuple[T, Place, Need] | None:
        """Return what may start now and has waited longest; it goes on waiting until it is dropped.

        Args:
            places: how many more of each kind may start.
            passed_over: ids of those that cannot start for other reasons. What they need stays set aside.
        """
        first = self._first()
        for kind, need in sorted(self._waiting, key=lambda group: self._waiting[group][0][0]):
            beyond = self.free if (kind, need) == first or first is None else self.free - first[1]
            one = self._waiting[kind, need][0][1]
            if places[kind] and one.id not in passed_over and need.fits(beyond):
                return one, kind, need
        return None

    def drop(self, kind: Place, need: Need) -> None:
        """Let the first of those that are alike wait no longer."""
        queue = self._waiting[kind, need]
        queue.popleft()
        if not queue:
            del self._waiting[kind, need]

    def keep(self, is_kept: Callable[[T], bool]) -> None:
        """Let all others wait no longer."""
        kept = {group: deque(x for x in queue if is_kept(x[1])) for group, queue in self._waiting.items()}
        self._waiting = {group: queue for group, queue in kept.items() if queue}

    def clear(self) -> None:
        """Let nothing wait any longer."""
        self._waiting.clear()

    def _first(self) -> tuple[Place, Need] | None:
        """Return the kind and need of what has waited longest."""
        if not self._waiting:
            return None
        return min(self._waiting, key=lambda group: self._waiting[group][0][0])
