"""Decide whether a value fits a type.

A type is translated once into a `Matcher`; matching a value then costs little more than `isinstance`.
The members of a list of a million numbers are not looked at one by one: where the class of a value
decides, the set of their classes is made at the speed of C, and only these few are asked.
"""

from __future__ import annotations

import numbers
import typing
from abc import ABCMeta
from collections import ChainMap, Counter, OrderedDict, abc, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

from zenml.signatures.type_names import bare, is_alias, is_open, is_unpacked, remembered, union_members

# Containers whose one type argument is the type of their elements, and mappings with two.
ELEMENT_CONTAINERS = frozenset(
    {list, set, frozenset, deque, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable}
    | {abc.Container, abc.Reversible, abc.Set, abc.MutableSet, abc.KeysView, abc.ValuesView}
)
_MAPPINGS = frozenset({dict, OrderedDict, defaultdict, ChainMap, abc.Mapping, abc.MutableMapping})

# What may be walked through: it is in memory, and walking does not use it up.
_WALKABLE = (list, tuple, set, frozenset, deque, dict)
_UNIFORM = (str, bytes, bytearray, range)


class Matcher:
    """The test for one type.

    Attributes:
        matches: tells whether a value fits.
        accepts: tells whether *every* instance of a class fits, as far as its class decides that; None
            if it never does.
    """

    __slots__ = ("accepts", "matches")

    def __init__(self, matches: Callable[[Any], bool], accepts: Callable[[type], bool] | None = None) -> None:
        self.matches = matches
        self.accepts = accepts

    def matches_all(self, items: Iterable[Any]) -> bool:
        """Tell whether all items fit; `items` is walked twice if their classes do not decide."""
        accepts = self.accepts
        if accepts is not None and all(map(accepts, set(map(type, items)))):
            return True
        return all(map(self.matches, items))


ANYTHING = Matcher(lambda _value: True, lambda _type: True)


@remembered
def matcher(annotation: Any) -> Matcher:
    """Translate a type into its matcher, once."""
    if is_alias(annotation):  # it may speak of itself: look inside when asked
        return Matcher(lambda value: matcher(bare(annotation)).matches(value))
    annotation = bare(annotation)
    if is_open(annotation) or is_pydantic_type(annotation):
        return ANYTHING
    origin, arguments = get_origin(annotation), get_args(annotation)
    if len(members := union_members(annotation)) > 1:
        return _any_of(members)
    if isinstance(annotation, TypeVar):
        return _any_of(annotation.__constraints__ or (annotation.__bound__ or object,))
    if annotation is typing.Never or annotation is typing.NoReturn:
        return Matcher(lambda _value: False)
    if annotation is typing.LiteralString:
        return _of_class(str)
    if annotation == tuple[()]:
        return _of_tuple(())
    if origin is None:
        return _of_class(annotation) if isinstance(annotation, type) else ANYTHING
    if origin is Literal:
        return Matcher(lambda value: any(_is_literal(value, member) for member in arguments))
    if not isinstance(origin, type):
        return ANYTHING  # a form of typing that says nothing about a value here
    return _of_generic(origin, arguments)


def parts(value: Any, annotation: Any) -> Iterator[tuple[str, object, Any]]:
    """List the parts of a value that its type speaks of: how to reach it, the part, its type."""
    annotation = bare(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple and arguments and isinstance(value, tuple):
        types = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        yield from (
            (f"[{index}]", part, type_) for index, (part, type_) in enumerate(zip(value, types, strict=False))
        )
    elif origin in ELEMENT_CONTAINERS and arguments and isinstance(value, _WALKABLE):
        has_order = isinstance(value, (list, tuple, deque))
        for index, part in enumerate(value):
            yield (f"[{index}]" if has_order else " (an element)"), part, arguments[0]
    elif (types := key_and_value(origin, arguments)) and isinstance(value, dict):
        for key, part in value.items():
            yield f" (key {key!r})", key, types[0]
            yield f"[{key!r}]", part, types[1]
    elif is_typed_dict(annotation) and isinstance(value, dict):
        for key, type_ in typed_dict_fields(annotation).items():
            if key in value:
                yield f"[{key!r}]", value[key], type_


def key_and_value(origin: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give the types of a mapping's keys and values; nothing if it is none or does not say."""
    if origin is Counter and len(arguments) == 1:
        return (*arguments, int)
    return arguments if origin in _MAPPINGS and len(arguments) == 2 else ()


def is_model(annotation: Any) -> bool:
    """Recognise a pydantic model or a dataclass of pydantic, without importing pydantic."""
    if not isinstance(annotation, type) or not hasattr(annotation, "__pydantic_validator__"):
        return False
    return (annotation.__module__, annotation.__name__) != ("pydantic.main", "BaseModel")


def is_pydantic_type(annotation: Any) -> bool:
    """Recognise `EmailStr` and its like: no classes that values have, but rules that pydantic checks."""
    if not isinstance(annotation, type) or hasattr(annotation, "__pydantic_validator__"):
        return False
    return annotation.__module__.partition(".")[0] == "pydantic"


def is_typed_dict(annotation: Any) -> bool:
    """Recognise a `TypedDict`, also that of `typing_extensions`."""
    return (
        isinstance(annotation, type)
        and issubclass(annotation, dict)
        and hasattr(annotation, "__required_keys__")
    )


def typed_dict_fields(annotation: Any) -> dict[str, Any]:
    """Give the types of a `TypedDict`'s keys; a type that cannot be resolved stays text, which fits all."""
    try:
        return typing.get_type_hints(annotation)
    except Exception:  # the annotations are the user's and may fail in any way
        return dict(annotation.__annotations__)


def _any_of(types: Iterable[Any]) -> Matcher:
    """Match what fits one of several types."""
    matchers = [matcher(type_) for type_ in types]
    tests = tuple(item.matches for item in matchers)
    class_tests = tuple(item.accepts for item in matchers if item.accepts is not None)

    def matches(value: object) -> bool:
        return any(test(value) for test in tests)

    def accepts(class_: type) -> bool:
        return any(test(class_) for test in class_tests)

    return Matcher(matches, accepts if class_tests else None)


def _of_class(class_: type) -> Matcher:
    """Match the instances of a class, and what may stand for a number."""
    if class_ in _NUMBERS:
        accepts = _NUMBERS[class_]
        return Matcher(lambda value: accepts(type(value)), accepts)
    if getattr(class_, "_is_protocol", False):
        is_checkable = getattr(class_, "_is_runtime_protocol", False)
        return Matcher(lambda value: _is_instance(value, class_)) if is_checkable else ANYTHING
    if is_typed_dict(class_):
        return Matcher(lambda value: _is_typed_dict_value(value, class_))
    # A class may answer for instances in its own way; those of `abc` answer by class.
    is_abstract = type(class_) is ABCMeta
    return Matcher(
        lambda value: _is_instance(value, class_),
        lambda other: class_ in other.__mro__ or (is_abstract and issubclass(other, class_)),
    )


def _of_generic(origin: Any, arguments: tuple[Any, ...]) -> Matcher:
    """Match a container and what is in it, or only the class where the arguments tell nothing."""
    if not arguments or origin is abc.Callable:
        return _of_class(origin)
    if origin is type:
        allowed = tuple(get_origin(item) or item for item in union_members(bare(arguments[0])))
        classes = tuple(item for item in allowed if isinstance(item, type) and not is_open(item))
        is_known = len(classes) == len(allowed)
        return Matcher(lambda value: isinstance(value, type) and (not is_known or issubclass(value, classes)))
    if origin is tuple:
        return _of_tuple(arguments)
    if origin in ELEMENT_CONTAINERS:
        return _of_container(origin, matcher(arguments[0]))
    if types := key_and_value(origin, arguments):
        return _of_mapping(origin, matcher(types[0]), matcher(types[1]))
    return _of_class(origin)


def _of_tuple(arguments: tuple[Any, ...]) -> Matcher:
    if len(arguments) == 2 and arguments[1] is ...:
        element = matcher(arguments[0])
        return Matcher(lambda value: isinstance(value, tuple) and element.matches_all(value))
    if any(map(is_unpacked, arguments)):
        return _of_class(tuple)
    tests = [matcher(item).matches for item in arguments]
    size = len(tests)
    return Matcher(
        lambda value: (
            isinstance(value, tuple)
            and len(value) == size
            and all(test(item) for test, item in zip(tests, value, strict=True))
        )
    )


def _of_container(origin: type, element: Matcher) -> Matcher:
    def matches(value: Any) -> bool:
        if not _is_instance(value, origin):
            return False
        if isinstance(value, _WALKABLE):
            return element.matches_all(value)
        # The items of a text or a range are all of one type, so one of them tells.
        return element.matches_all(value[:1]) if isinstance(value, _UNIFORM) else True

    return Matcher(matches)


def _of_mapping(origin: type, key: Matcher, item: Matcher) -> Matcher:
    def matches(value: Any) -> bool:
        if not _is_instance(value, origin):
            return False
        return not isinstance(value, dict) or (key.matches_all(value) and item.matches_all(value.values()))

    return Matcher(matches)


def _is_typed_dict_value(value: object, class_: Any) -> bool:
    """Accept more keys than the type names, as static checkers do for subtypes."""
    if not isinstance(value, dict) or not value.keys() >= class_.__required_keys__:
        return False
    fields = typed_dict_fields(class_)
    return all(matcher(type_).matches(value[key]) for key, type_ in fields.items() if key in value)


def _is_literal(value: Any, member: Any) -> bool:
    """Compare with a literal; `True` is not `1`, and an array is compared with nothing."""
    is_alike = type(value) is type(member) or (
        isinstance(value, type(member)) and not isinstance(value, bool)
    )
    return is_alike and bool(value == member)


def _is_instance(value: object, class_: type) -> bool:
    try:
        return isinstance(value, class_)
    except Exception:  # the class's own check refuses to answer, so nothing speaks against the value
        return True


def _is_bool(class_: type) -> bool:
    return class_ is bool or (class_.__module__ == "numpy" and class_.__name__ in {"bool", "bool_"})


def _is_number(abstract: type) -> Callable[[type], bool]:
    """Accept the numbers of a kind and of the kinds below it, those of numpy too, but no truth values."""

    def accepts(class_: type) -> bool:
        return issubclass(class_, abstract) and class_ is not bool

    return accepts


_NUMBERS: dict[type, Callable[[type], bool]] = {
    bool: _is_bool,
    int: _is_number(numbers.Integral),
    float: _is_number(numbers.Real),
    complex: _is_number(numbers.Complex),
    NoneType: lambda class_: class_ is NoneType,
}
