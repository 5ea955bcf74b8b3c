"""The elements of a map: the items of its arguments, zipped or in all combinations."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from math import prod
from typing import TYPE_CHECKING, Any

from zenml.errors import ArgumentError
from zenml.execute.map_sources import END, NOT_YET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from zenml.execute.map_sources import Source

LONGEST_KEY = 80
"""Characters of a key that an invocation id holds."""

Item = tuple[Any, dict[str, Any]]
"""The key of an element, and its arguments."""


class Elements:
    """What both ways have in common.

    Args:
        sources: by name of the argument.
        what: how messages name the map, such as `train.map(…)`.
    """

    def __init__(self, sources: Mapping[str, Source], what: str) -> None:
        self.sources = sources
        self.what = what
        self._parts: dict[str, Any] = {}
        """What has been taken for the next element, while others have nothing yet."""
        self._count = 0

    @property
    @abstractmethod
    def total(self) -> int | None:
        """How many elements there will be, as far as it is known."""
        raise NotImplementedError

    @property
    def is_keyed(self) -> bool | None:
        """Whether the elements have names; None as long as nobody knows."""
        known = {source.is_keyed for source in self.sources.values()}
        return None if None in known else True in known

    @property
    def is_lazy(self) -> bool:
        """Whether a user's code makes the elements."""
        return any(source.is_lazy for source in self.sources.values())

    @property
    def is_chained(self) -> bool:
        """Whether the elements depend on those of another map."""
        return any(source.is_chained for source in self.sources.values())

    def producers(self) -> tuple[str, ...]:
        """Return the steps that made what is gone through."""
        return tuple(dict.fromkeys(one.producer for one in self.sources.values() if one.producer is not None))

    @abstractmethod
    def next(self) -> Item | Any:
        """Return the next element, `NOT_YET` or `END`."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of everything that is left."""
        for source in self.sources.values():
            source.close()

    def check(self) -> None:
        """Raise for what is known to be wrong by now."""
        kinds = {source.is_keyed for source in self.sources.values()}
        if {True, False} <= kinds:
            keyed = next(name for name, one in self.sources.items() if one.is_keyed)
            other = next(name for name, one in self.sources.items() if one.is_keyed is False)
            raise ArgumentError(
                f"`{self.what}` goes through the mapping `{keyed}` and the list `{other}` together. Give it mappings with the "
                f"same keys, or lists: `list({keyed}.values())`."
            )


class Zipped(Elements):
    """The first items of all arguments, then the second ones, and so on."""

    @property
    def total(self) -> int | None:
        """How many elements there will be: as many as any argument has items."""
        return next((one.total for one in self.sources.values() if one.total is not None), None)

    def check(self) -> None:
        """Raise for arguments of different lengths, or with different keys."""
        super().check()
        known = {name: one.total for name, one in self.sources.items() if one.total is not None}
        if len(set(known.values())) > 1:
            lengths = ", ".join(f"`{name}` has {count}" for name, count in known.items())
            raise ArgumentError(
                f"`{self.what}` goes through arguments of different lengths: {lengths}. Give it as many items of each, "
                "write `unmapped(…)` around what each element gets whole, or use `product` for all combinations."
            )
        keys = {name: list(one.keys) for name, one in self.sources.items() if one.keys is not None}
        first = next(iter(keys), None)
        for name, found in keys.items():
            if first is not None and set(found) != set(keys[first]):
                odd = sorted(map(repr, set(found) ^ set(keys[first])))[:5]
                raise ArgumentError(
                    f"`{self.what}` goes through mappings with different keys: `{first}` and `{name}` do not both have "
                    f"{', '.join(odd)}."
                )
            if first is not None and found != keys[first]:
                raise ArgumentError(
                    f"`{self.what}` goes through mappings whose keys have different orders: `{first}` and `{name}`. Sort "
                    "them alike."
                )

    def next(self) -> Item | Any:
        """Return the next element, `NOT_YET` or `END`."""
        for name, source in self.sources.items():
            if name not in self._parts:
                item = source.next()
                if item is NOT_YET:
                    return NOT_YET
                self._parts[name] = item
        if self._count == 0:
            self.check()
        parts, self._parts = self._parts, {}
        ended = [name for name, item in parts.items() if item is END]
        if ended:
            if len(ended) < len(parts):
                longer = next(name for name in parts if name not in ended)
                raise ArgumentError(
                    f"`{self.what}` goes through arguments of different lengths: `{ended[0]}` has {self._count}, and "
                    f"`{longer}` goes on. The elements up to there have been started."
                )
            return END
        keys = next((one.keys for one in self.sources.values() if one.keys is not None), None)
        key = self._count if keys is None else keys[self._count]
        self._count += 1
        return key, parts


class Product(Elements):
    """All combinations; the last argument changes fastest. All arguments but the first are kept."""

    def __init__(self, sources: Mapping[str, Source], what: str) -> None:
        super().__init__(sources, what)
        self._first, *self._others = sources
        self._pools: dict[str, list[Any]] = {name: [] for name in self._others}
        self._full: set[str] = set()
        self._row: Iterator[tuple[Any, ...]] = iter(())
        self._rows = -1

    @property
    def total(self) -> int | None:
        """How many combinations there will be."""
        counts = [source.total for source in self.sources.values()]
        return None if None in counts else prod(one for one in counts if one is not None)

    def next(self) -> Item | Any:
        """Return the next element, `NOT_YET` or `END`."""
        while True:
            items = next(self._row, None)
            if items is not None:
                break
            if not self._fill():
                return NOT_YET
            item = self.sources[self._first].next()
            if item is NOT_YET or item is END:
                return item
            if self._rows < 0:
                self.check()
            self._rows += 1
            pools = [list(enumerate(self._pools[name])) for name in self._others]
            self._row = itertools.product([(self._rows, item)], *pools)
        positions, values = zip(*items, strict=True)
        names = (self._first, *self._others)
        self._count += 1
        key: Any = self._count - 1
        if self.is_keyed:
            key = tuple(_key(self.sources[n], p) for n, p in zip(names, positions, strict=True))
            key = key[0] if len(key) == 1 else key
        return key, dict(zip(names, values, strict=True))

    def _fill(self) -> bool:
        """Take everything that the other arguments have; return False if something is not there yet."""
        for name in self._others:
            while name not in self._full:
                item = self.sources[name].next()
                if item is NOT_YET:
                    return False
                if item is END:
                    self._full.add(name)
                else:
                    self._pools[name].append(item)
        return True


def _key(source: Source, position: int) -> Any:
    keys: Sequence[Any] | None = source.keys
    return position if keys is None else keys[position]


def element_id(name: str, key: Any, position: int) -> str:
    """Return the invocation id of an element: `train[3]`, `train['north']`; by position where its key is no short text."""
    text = repr(key)
    if len(text) > LONGEST_KEY or not text.isprintable() or " at 0x" in text:
        text = str(position)
    return f"{name}[{text}]"
