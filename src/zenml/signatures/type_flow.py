"""Decide before a run whether what one step produces can go into another.

The answer is no only where a run could not succeed. Where the types leave room (a base class, a union,
a protocol, a type that could not be resolved) the answer is yes, and the value is checked when it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

from zenml.signatures.type_match import ELEMENT_CONTAINERS, is_model, is_typed_dict, key_and_value, matcher
from zenml.signatures.type_names import bare, is_open, remembered, union_members
from zenml.signatures.type_values import is_constrained

# Values of these types are exactly that in practice: nobody returns a DataFrame that also is a dict.
_PLAIN = frozenset(
    {bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, NoneType}
)


@remembered
def can_flow(produced: Any, consumed: Any) -> bool:
    """Tell whether a value annotated as `produced` may fit `consumed`; False only if it certainly cannot."""
    try:
        return _can_flow(produced, consumed)
    except RecursionError:  # two types that speak of themselves and differ nowhere
        return True


def _can_flow(produced: Any, consumed: Any) -> bool:
    produced, consumed = _effective(produced), _effective(consumed)
    if is_open(produced) or is_open(consumed):
        return True
    sources, targets = union_members(produced), union_members(consumed)
    if len(sources) > 1 or len(targets) > 1:
        return any(_can_flow(source, target) for source in sources for target in targets)
    if get_origin(produced) is Literal:
        return any(matcher(consumed).matches(value) for value in get_args(produced))
    if get_origin(consumed) is Literal:
        return any(_can_flow(produced, type(value)) for value in get_args(consumed))
    source, target = _class_of(produced), _class_of(consumed)
    if not isinstance(source, type) or not isinstance(target, type):
        return True
    return _classes_meet(source, target) and _arguments_meet(produced, consumed)


def _effective(annotation: Any) -> Any:
    """Reduce a type to what decides: a type variable to its bound, pydantic's own types to anything."""
    annotation = bare(annotation)
    if isinstance(annotation, TypeVar):
        bound = annotation.__bound__
        return Any if annotation.__constraints__ or bound is None else bare(bound)
    if get_origin(annotation) is None and is_constrained(annotation):
        return Any
    return annotation


def _class_of(annotation: Any) -> Any:
    return dict if is_typed_dict(annotation) else get_origin(annotation) or annotation


def _classes_meet(source: type, target: type) -> bool:
    """Tell whether an instance of one class may be an instance of another."""
    if any(getattr(class_, "_is_protocol", False) for class_ in (source, target)):
        return True
    if is_model(target) and _inherits(source, Mapping):
        return True  # a mapping becomes the model
    if target in _PLAIN and source in _PLAIN:
        # A float may be returned as an int, which also fits an int; a truth value never fits a number.
        numbers = {int, float, complex}
        return source is target or (source in numbers and target in numbers)
    if _inherits(source, target) or _inherits(target, source):
        return True
    accepts = matcher(target).accepts
    if accepts is not None and accepts(source):
        return True
    if _is_final(source) or _is_final(target):
        return False
    if source in _PLAIN:
        return False
    # Classes of one's own can be combined: some `ClassifierMixin` is a `BaseEstimator` too.
    return target not in _PLAIN or _is_combined(source, target)


def _inherits(class_: type, base: type) -> bool:
    try:
        return issubclass(class_, base)
    except TypeError:  # the base does not answer for classes
        return True


def _is_final(class_: type) -> bool:
    """Tell whether a class can have no subclasses, so that only related classes can meet it."""
    return (
        class_ in {bool, NoneType}
        or getattr(class_, "__final__", False)
        or bool(getattr(class_, "__members__", ()))
    )


def _is_combined(source: type, plain: type) -> bool:
    """Tell whether a known class is both, as `numpy.float64` is a `numpy.floating` and a `float`."""
    pending = [plain]
    while pending:
        class_ = pending.pop()
        if _inherits(class_, source):
            return True
        pending.extend(type.__subclasses__(class_))
    return False


def _arguments_meet(produced: Any, consumed: Any) -> bool:
    """Compare what containers hold, where both say it."""
    source, target = get_origin(produced), get_origin(consumed)
    given, wanted = get_args(produced), get_args(consumed)
    if not given or not wanted:
        return True
    if source is tuple and target is tuple:
        return _tuples_meet(given, wanted)
    if source is tuple and target in ELEMENT_CONTAINERS:
        return all(item is ... or _can_flow(item, wanted[0]) for item in given)
    pairs = (key_and_value(source, given), key_and_value(target, wanted))
    if all(pairs):
        return all(map(_can_flow, *pairs))
    if source in ELEMENT_CONTAINERS and target in ELEMENT_CONTAINERS:
        return _can_flow(given[0], wanted[0])
    return True


def _tuples_meet(given: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Compare tuples item by item; one of open length meets any other of its type."""
    if ... in given or ... in wanted:
        items = [(left, right) for left in given if left is not ... for right in wanted if right is not ...]
        return all(_can_flow(left, right) for left, right in items)
    return len(given) == len(wanted) and all(map(_can_flow, given, wanted))
