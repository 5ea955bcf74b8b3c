"""Write a value as text that is equal for equal values, in every process.

The values are those that code reaches: constants, captured variables, defaults, class attributes. Types are kept
apart (1, True, 1.0 and "1" differ), the order of sets and dictionaries is not, and nothing that changes from
process to process (addresses, hashes) gets in. What cannot be read counts by its type and is reported as unseen.
"""

from __future__ import annotations

import functools
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable
from typing import Any, Protocol

from zenml.fingerprint.code_shape import plain_text
from zenml.fingerprint.packages import module_name, package_of_type
from zenml.fingerprint.process_clock import is_clock_reading
from zenml.fingerprint.value_kinds import is_enum, parts_of

PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented)})
"""Types whose `repr` says everything."""


class Reach(Protocol):
    """What a value leads to; the walk over the code implements it."""

    def strip(self, value: object) -> object:
        """Return the function in one of our own steps and pipelines; any other value as it is."""

    def function(self, function: types.FunctionType) -> str:
        """Return the text that stands for a function, which is visited too."""

    def cls(self, cls: type) -> str:
        """Return the text that stands for a class, which is visited too."""

    def module(self, module: types.ModuleType) -> str:
        """Return the text that stands for a module as a whole."""

    def package(self, module: str) -> None:
        """Note that the package of a module counts."""

    def wrapped(self, value: object, *, is_read: bool) -> str:
        """Return the text of what a package's object, whose state was read or not, wraps of the project."""

    def apart(self, value: object) -> str:
        """Return a digest of all that a value leads to, whatever was visited before."""

    def unseen(self, what: str) -> None:
        """Note that something cannot be seen."""


class ValueWriter:
    """Writes values as text, and hands over what they lead to."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._open: dict[int, int] = {}  # the values being written, with their depth: cycles end there
        self._budget = _MOST_VALUES
        self._is_trial = False

    def write(self, value: object) -> str:
        """Return the text of a value."""
        if type(value) in PLAIN:
            return plain_text(value)
        kind = type(value)
        if kind not in _CONTAINERS:
            value = self._reach.strip(value)
            kind = type(value)
        if kind is types.FunctionType:
            return self._reach.function(value)  # type: ignore[arg-type]  # the line above says so
        if issubclass(kind, type):
            return self._reach.cls(value)  # type: ignore[arg-type]  # a class is an instance of its metaclass
        if issubclass(kind, types.ModuleType):
            return self._reach.module(value)  # type: ignore[arg-type]
        depth = self._open.get(id(value))
        if depth is not None:
            return f"cycle {depth}"
        self._budget -= 1
        if len(self._open) >= _DEEPEST or self._budget < 0:
            return self._unseen(kind, "that is nested too deeply or too large to be read whole")
        self._open[id(value)] = len(self._open)
        try:
            return self._write_compound(value, kind)
        except (_UnreadableError, RecursionError):
            raise
        except Exception as error:  # the object's own code ran, and it may do anything
            return self._unseen(
                kind, f"that raised `{type(error).__qualname__}` when read, so it counts by its type alone"
            )
        finally:
            del self._open[id(value)]

    def _write_compound(self, value: object, kind: type) -> str:
        """Return the text of a value that holds others."""
        if kind in _CONTAINERS:
            return self._content(value, kind)
        parts = parts_of(value, kind)
        if parts is not None:
            label, module, inner = parts
            if module:
                self._reach.package(module)
            return f"{label} {self._sequence(inner)}"
        if is_enum(kind):
            return f"{self._reach.cls(kind)}.{getattr(value, '_name_', value)}"
        if package_of_type(kind) is None:
            return f"{self._reach.cls(kind)} {self._content(value, kind)} {self._state(value, kind)}"
        return self._foreign(value, kind)

    def _foreign(self, value: object, kind: type) -> str:
        """Return the text of an object of a package: its state if all of that can be read, else its type."""
        self._reach.package(module_name(kind))
        label = f"{module_name(kind)}.{kind.__qualname__}"
        was_trial, budget = self._is_trial, self._budget
        self._is_trial, self._budget = True, min(budget, _MOST_FOREIGN)
        try:
            if _is_readable(kind):
                state = f"{self._content(value, kind)} {self._state(value, kind)}"
            else:
                state = _global_name(value)
        except _UnreadableError:
            if was_trial:
                raise
            state = ""
        finally:
            self._is_trial, self._budget = was_trial, budget
        wrapped = self._reach.wrapped(value, is_read=bool(state))
        if not state and not wrapped:
            return self._unseen(kind, "that cannot be read, so it counts by its type alone")
        return f"{label} {state} {wrapped}" if state else f"wrapper {label} {wrapped}"

    def _unseen(self, kind: type, what: str) -> str:
        """Return the text of a value that is not read; while trying, give up instead."""
        if self._is_trial:
            raise _UnreadableError
        name = f"{module_name(kind)}.{kind.__qualname__}"
        self._reach.unseen(f"reaches a value of type `{name}` {what}.")
        return f"unseen {name}"

    def _content(self, value: Any, kind: type) -> str:
        """Return what a value holds as some kind of container or scalar."""
        if issubclass(kind, dict):
            factory = getattr(value, "default_factory", None) if kind is not dict else None
            return self._mapping(value) + (self.write(factory) if factory is not None else "")
        if issubclass(kind, (list, tuple, deque)):
            return f"{_base_name(kind)}{self._sequence(value)}"
        if issubclass(kind, (set, frozenset)):
            return f"{_base_name(kind)}{self._set(value)}"
        if issubclass(kind, BaseException):
            return self._sequence(value.args)
        for base in (int, float, complex, str, bytes):
            if issubclass(kind, base):
                return plain_text(base(value))
        return ""

    def _state(self, value: object, kind: type) -> str:
        """Return the attributes of an object, from its slots and its dictionary."""
        state = _slots(value, kind)
        try:
            state.update(object.__getattribute__(value, "__dict__"))
        except AttributeError:
            pass
        for name in tuple(state):
            if any(isinstance(base.__dict__.get(name), functools.cached_property) for base in kind.__mro__):
                del state[name]  # follows from the rest
            elif self._is_trial and is_clock_reading(state[name]):
                state[name] = "now"  # a package noted when it made the object
        return self._mapping(state)

    def _sequence(self, values: Iterable[object]) -> str:
        """Return the text of values whose order counts."""
        items = tuple(values)
        if PLAIN.issuperset(map(type, items)):
            return "(" + ",".join(map(plain_text, items)) + ")"
        return "(" + ",".join(map(self.write, items)) + ")"

    def _set(self, values: Iterable[object]) -> str:
        """Return the text of values whose order does not count."""
        return "{" + ",".join(self.write(item) for item in self._ordered(values)) + "}"

    def _mapping(self, values: dict[Any, Any]) -> str:
        """Return the text of a dictionary, whatever the order it was filled in."""
        items = values.copy()  # another thread may be filling it
        return (
            "{"
            + ",".join(f"{self.write(key)}:{self.write(items[key])}" for key in self._ordered(items))
            + "}"
        )

    def _ordered(self, values: Iterable[object]) -> list[object]:
        """Return values in an order that does not depend on the process."""
        items = tuple(values)
        if PLAIN.issuperset(map(type, items)):
            return sorted(items, key=plain_text)
        return sorted(
            items, key=lambda item: plain_text(item) if type(item) in PLAIN else self._reach.apart(item)
        )


class _UnreadableError(Exception):
    """An object of a package holds something that cannot be read."""


_CONTAINERS = frozenset({dict, list, tuple, set, frozenset, deque, OrderedDict, defaultdict})
# Deep enough for any configuration; a linked list of a thousand objects is data.
_DEEPEST = 80
_MOST_VALUES = 100_000
_MOST_FOREIGN = 2_000
_WRITTEN_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def _base_name(kind: type) -> str:
    """Return the builtin container that a class is, or derives from."""
    return next(base.__name__ for base in kind.__mro__ if base in _CONTAINERS)


def _is_readable(kind: type) -> bool:
    """Tell whether all of an object's state is in attributes, and none of it in C."""
    bases = kind.__mro__[:-1]
    if not all(base in _CONTAINERS or base.__flags__ & _WRITTEN_IN_PYTHON for base in bases):
        return False
    has_attributes = kind.__dictoffset__ != 0 or any("__slots__" in base.__dict__ for base in bases)
    # An extension's class can look like one from a class statement, but its objects are larger than their slots.
    slots = sum(
        isinstance(slot, types.MemberDescriptorType) for base in bases for slot in base.__dict__.values()
    )
    bare = next((base for base in bases if base in _CONTAINERS), object).__basicsize__
    return has_attributes and kind.__basicsize__ <= bare + 8 * (
        slots + 2
    )  # 2: the dictionary, weak references


def _global_name(value: object) -> str:
    """Return the name that a unique object of a package pickles as (`pydantic_core.PydanticUndefined`)."""
    try:
        found = value.__reduce__()
    except Exception as error:  # foreign code
        raise _UnreadableError from error
    if not isinstance(found, str):
        raise _UnreadableError
    return found


def _slots(value: object, kind: type) -> dict[str, object]:
    """Return the values of an object's slots."""
    found = {}
    for base in kind.__mro__:
        if "__slots__" not in base.__dict__:
            continue
        for name, slot in base.__dict__.items():
            if isinstance(slot, types.MemberDescriptorType) and name != "__weakref__":
                try:
                    found[name] = slot.__get__(value)
                except AttributeError:
                    continue  # not set
    return found
