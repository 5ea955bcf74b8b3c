"""Where the elements of a map come from: lists, iterators, outputs of steps, and other maps.

A source is asked for one element after the other and never waits for a step: it answers that
there is none yet, and has its map told when there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol

from zenml.compile.handles import OutputHandle, StepHandle, unfolded
from zenml.config.preview import preview
from zenml.errors import ArgumentError, DeclarationError
from zenml.execute.futures import OutputArtifact, OutputFuture, StepRunFuture
from zenml.execute.map_future import MapFuture
from zenml.execute.map_output import MapOutput
from zenml.signatures.type_names import describe

if TYPE_CHECKING:
    from zenml.execute.futures import StepRunFuture as AnyFuture

NOT_YET: Any = type("NotYet", (), {"__slots__": ()})()
"""What a source answers whose next element does not exist yet."""
END: Any = type("End", (), {"__slots__": ()})()
"""What a source answers that has no more elements."""


class Source(Protocol):
    """One mapped argument."""

    producer: str | None
    """The step that made what is gone through, if one did."""
    is_chained: bool
    """Whether its elements depend on those of another map."""
    is_lazy: bool
    """Whether a user's code makes the elements, which may take any time."""

    @property
    def total(self) -> int | None:
        """How many elements there are, as far as it is known."""

    @property
    def keys(self) -> Sequence[Any] | None:
        """The names of the elements, if they have names."""

    @property
    def is_keyed(self) -> bool | None:
        """Whether the elements have names; None as long as nobody knows."""

    def next(self) -> Any:
        """Return the next element, `NOT_YET` or `END`."""

    def close(self) -> None:
        """Let go of the elements that are left."""


class Items:
    """Something with a length: a list, a range, an array, or a mapping."""

    is_chained = is_lazy = False

    def __init__(self, items: Any, keys: Sequence[Any] | None = None, producer: str | None = None) -> None:
        self._items = items
        self._position = 0
        self.total: int | None = len(items)
        self.keys = keys
        self.is_keyed: bool | None = keys is not None
        self.producer = producer

    def next(self) -> Any:
        """Return the next element."""
        if self._position >= len(self._items):
            return END
        self._position += 1
        return self._items[self._position - 1]

    def close(self) -> None:
        """Let go of the elements that are left."""
        self._items = ()


class Lazy:
    """An iterator, asked for an element only when there is room for it."""

    is_chained = False
    is_lazy = True
    producer: str | None = None
    total: int | None = None
    keys: Sequence[Any] | None = None
    is_keyed: bool | None = False

    def __init__(self, items: Iterable[Any]) -> None:
        self._context = copy_context()
        self._iterator: Iterator[Any] = self._context.run(iter, items)

    def next(self) -> Any:
        """Return the next element, for which the iterator does whatever it does."""
        return self._context.run(next, self._iterator, END)

    def close(self) -> None:
        """Have a generator do what it does at its end."""
        close = getattr(self._iterator, "close", None)
        if close is not None:
            # It may be at work this very moment, and is closed when it comes back; what it raises at its end concerns nobody.
            with suppress(Exception):
                self._context.run(close)


class Loaded:
    """The items of an output's value, which is read once its step has ended."""

    is_chained = is_lazy = False

    def __init__(self, output: OutputFuture, what: str, wake: Callable[[], None]) -> None:
        self.producer: str | None = output.invocation_id
        self._output = output
        self._what = what
        self._items: Items | None = None
        output.future.add_done_callback(lambda _: wake())

    @property
    def total(self) -> int | None:
        """How many items there are, once the value is there."""
        return None if self._items is None else self._items.total

    @property
    def keys(self) -> Sequence[Any] | None:
        """The keys of the value, if it is a mapping."""
        return None if self._items is None else self._items.keys

    @property
    def is_keyed(self) -> bool | None:
        """Whether the value is a mapping."""
        return None if self._items is None else self._items.is_keyed

    def next(self) -> Any:
        """Return the next item; raise what the step failed with."""
        if self._items is None:
            if not self._output.future.is_settled:
                return NOT_YET
            value = self._output.load()
            if not hasattr(value, "__len__") and isinstance(value, Iterable):
                value = list(value)
            self._items = sized(value, self._what, self.producer)
        return self._items.next()

    def close(self) -> None:
        """Let go of the value."""
        if self._items is not None:
            self._items.close()


class Chained:
    """The elements of another map: each depends on its own, and none waits for the rest."""

    is_chained = True
    is_lazy = False
    producer: str | None = None

    def __init__(self, found: MapFuture[Any], output: str | None, wake: Callable[[], None]) -> None:
        self._map = found
        self._output = output
        self._position = 0
        found.listen(wake)

    @property
    def total(self) -> int | None:
        """How many elements the other map has, if it is known."""
        return self._map.total

    @property
    def keys(self) -> Sequence[Any] | None:
        """The names of the other map's elements."""
        return self._map.keys

    @property
    def is_keyed(self) -> bool | None:
        """Whether the other map's elements have names."""
        return self._map.is_keyed

    def next(self) -> Any:
        """Return the future of the next element."""
        element: AnyFuture[Any] | None = self._map.element(self._position)
        if element is None:
            if not self._map.is_fed:
                return NOT_YET
            element = self._map.element(self._position)  # it may have come just before the end
        if element is None:
            if self._map.problem is not None:
                self._map.take_problem()
                raise self._map.problem
            return END
        self._position += 1
        return element if self._output is None else element.output(self._output)

    def close(self) -> None:
        """Hold nothing."""


def source_of(value: Any, what: str, wake: Callable[[], None]) -> Source:
    """Return what an argument of `map` goes through.

    Args:
        value: the argument.
        what: how messages name it, such as "`rate` of `train.map(…)`".
        wake: called when there may be an element where there was none yet.

    Raises:
        ArgumentError: it cannot be gone through.
    """
    if isinstance(value, MapFuture):
        value.check_single(what)
        return Chained(value, None, wake)
    if isinstance(value, MapOutput):
        return Chained(value.map, value.name, wake)
    if isinstance(value, OutputArtifact):
        return sized(value.load(), what, value.invocation_id)
    if isinstance(value, StepHandle):
        output = unfolded(value) if isinstance(value, StepRunFuture) else value
        if isinstance(output, tuple) or not isinstance(output, OutputHandle):
            count = len(output) if isinstance(output, tuple) else 0
            raise DeclarationError(
                f"{what} is a call of step `{value.invocation_id}`, which has {count or 'no'} outputs. Give it one output"
                + (f": `.output({output[0].name!r})`." if count else ".")
            )
        if isinstance(output, OutputFuture):
            return Loaded(output, what, wake)
    if hasattr(value, "__len__"):
        return sized(value, what)
    _refuse(value, what)
    if isinstance(value, Iterable):
        return Lazy(value)
    raise _no_items(value, what)


def sized(value: Any, what: str, producer: str | None = None) -> Items:
    """Return a source of the items of a value that has a length."""
    _refuse(value, what)
    if isinstance(value, Mapping):
        return Items(list(value.values()), list(value), producer)
    if isinstance(value, (range, list, tuple)):
        return Items(value if isinstance(value, (range, tuple)) else list(value), None, producer)
    if isinstance(value, Sequence) or _is_array(value):
        return Items(value, None, producer)
    if isinstance(value, Iterable):
        return Items(list(value), None, producer)
    raise _no_items(value, what)


def _is_array(value: Any) -> bool:
    """Tell whether something is like an array of numpy: items along the first axis."""
    return hasattr(value, "shape") and hasattr(value, "dtype") and not hasattr(value, "iloc")


def _refuse(value: Any, what: str) -> None:
    if isinstance(value, (str, bytes, bytearray)) or getattr(value, "shape", None) == ():
        raise _no_items(value, what)
    if isinstance(value, (set, frozenset)):
        raise ArgumentError(
            f"{what} is a {describe(type(value))}, whose items have no order, so the elements would change places from run to "
            "run. Give it `sorted(…)`."
        )
    if hasattr(value, "iterrows") and hasattr(value, "columns"):
        raise ArgumentError(
            f"{what} is a {describe(type(value))}, which can be gone through by rows or by columns. Say which: "
            "`frame.to_dict('records')`, or `[part for _, part in frame.groupby(…)]`; or pass it whole: `unmapped(frame)`."
        )


def _no_items(value: Any, what: str) -> ArgumentError:
    return ArgumentError(
        f"{what} is {preview(value)}, which is not gone through. Write `unmapped(…)` to pass it whole to each "
        "element, or give it a list."
    )
