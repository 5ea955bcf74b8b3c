"""Convert what users write in a configuration file to the types of a step.

Only conversions that lose nothing are made, and only where the value does not fit already: a list becomes
a tuple or a set, a text becomes an enum member, a date or a path, a mapping becomes a dataclass or a model.
"""

from __future__ import annotations

import re
import typing
from collections import ChainMap, Counter, OrderedDict, abc, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from zenml.config.preview import preview
from zenml.errors import TypeMismatchError
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_match import (
    ELEMENT_CONTAINERS,
    is_model,
    is_typed_dict,
    key_and_value,
    matcher,
    typed_dict_fields,
)
from zenml.signatures.type_names import bare, capitalised, strictest_first, union_members
from zenml.signatures.type_values import check, validate

# YAML 1.1 reads `1e-3` as text, for its floats need a dot; people write learning rates like that.
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


def from_config(value: Any, annotation: Any, *, what: str = "value") -> Any:
    """Convert a value that comes from YAML or JSON to its annotation, and check it.

    Args:
        what: what the value is, for the message: "parameter `rate` of step `train`".

    Raises:
        TypeMismatchError: the value does not fit and no conversion makes it fit.
    """
    return check(_converted(value, annotation, what), annotation, what=what)


def _converted(value: Any, annotation: Any, what: str) -> Any:
    """Convert a value as far as its type asks; what cannot be converted stays for `check` to refuse."""
    if matcher(annotation).matches(value):
        return value
    annotation = bare(annotation)
    members = union_members(annotation)
    if len(members) > 1:
        return _converted_to_member(value, members, what)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if key_and_value(origin, arguments) and isinstance(value, dict):
        return _converted_mapping(value, annotation, what)
    if origin is tuple or origin in ELEMENT_CONTAINERS:
        return _converted_items(value, origin, arguments, what)
    if is_typed_dict(annotation) and isinstance(value, dict):
        types = typed_dict_fields(annotation)
        return {key: _converted(item, types.get(key, Any), what) for key, item in value.items()}
    if not isinstance(annotation, type):
        return value
    if is_model(annotation):
        return validate(value, annotation, what=what)
    if hasattr(annotation, "__dataclass_fields__") and isinstance(value, Mapping):
        return _converted_dataclass(value, annotation, what)
    return _converted_scalar(value, annotation)


def _converted_to_member(value: Any, members: tuple[Any, ...], what: str) -> Any:
    """Convert to the first member of a union that the value can become."""
    for member in strictest_first(members):
        try:
            return from_config(value, member, what=what)
        except TypeMismatchError:
            continue
    return value


def _converted_mapping(value: dict[Any, Any], annotation: Any, what: str) -> Any:
    """Convert keys and values; a key that JSON made a text becomes what the type says again."""
    origin = get_origin(annotation)
    key_type, item_type = key_and_value(origin, get_args(annotation))
    key_fits = matcher(key_type).matches

    def key_of(key: Any) -> Any:
        converted = _converted(key, key_type, what)
        if isinstance(key, str) and not key_fits(converted):
            for number in (int, float):
                try:
                    converted = number(key)
                except ValueError:
                    continue
                if key_fits(converted):
                    break
        return converted

    items = {key_of(key): _converted(item, item_type, what) for key, item in value.items()}
    if origin is defaultdict:
        return defaultdict(None, items)
    return origin(items) if origin in {OrderedDict, Counter, ChainMap} else items


def _converted_items(value: Any, origin: Any, arguments: tuple[Any, ...], what: str) -> Any:
    """Convert a list to the container that is asked for, and each of its items."""
    if not isinstance(value, (list, tuple)):
        return value
    if origin is tuple and arguments and arguments[-1] is not ...:
        if len(arguments) != len(value):
            return value
        return tuple(_converted(item, type_, what) for item, type_ in zip(value, arguments, strict=True))
    items = [_converted(item, arguments[0] if arguments else Any, what) for item in value]
    try:
        return _MAKERS.get(origin, list)(items)
    except TypeError:  # an item without a hash cannot be in a set
        return value


def _converted_dataclass(value: Mapping[Any, Any], class_: Any, what: str) -> Any:
    """Make a dataclass from a mapping of its fields."""
    import dataclasses

    fields = {field.name: field for field in dataclasses.fields(class_) if field.init}
    for name in value:
        if name not in fields:
            raise TypeMismatchError(
                f"{capitalised(what)} has {name!r}, which is no field of `{class_.__name__}`. "
                f"{did_you_mean(str(name), fields)}Its fields are {', '.join(f'`{item}`' for item in fields)}."
            )
    required = (dataclasses.MISSING, dataclasses.MISSING)
    missing = [
        f"`{name}`"
        for name, field in fields.items()
        if name not in value and (field.default, field.default_factory) == required
    ]
    if missing:
        raise TypeMismatchError(
            f"{capitalised(what)} lacks {', '.join(missing)} of `{class_.__name__}`. Add what is missing."
        )
    try:
        types = typing.get_type_hints(class_, include_extras=True)
    except Exception:  # the annotations are the user's and may fail in any way
        types = {}
    given = {
        name: from_config(item, types.get(name, Any), what=f"field `{name}` of {what}")
        for name, item in value.items()
    }
    try:
        return class_(**given)
    except (ValueError, TypeError) as error:  # its own checks, in `__post_init__`
        raise TypeMismatchError(
            f"{capitalised(what)} cannot become `{class_.__name__}`: {error}. "
            f"Correct the value, which is {preview(value)}."
        ) from error


def _converted_scalar(value: Any, class_: type) -> Any:
    """Convert a single value, mostly a text, to the class that is asked for."""
    if class_ in _MAKERS:
        return _converted_items(value, class_, (), "value")
    if class_ is float and isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    if hasattr(class_, "__members__"):
        return _enum_member(value, class_)
    for name, convert in _SCALARS.items():
        module, _, short = name.rpartition(".")
        # Compared by name, so that none of these modules is imported for a type that nobody uses.
        if any(
            base.__module__.partition(".")[0] == module and base.__name__ == short for base in class_.__mro__
        ):
            try:
                return convert(class_, value)
            except (ValueError, TypeError, ArithmeticError):
                return value
    return value


def _enum_member(value: Any, class_: Any) -> Any:
    """Find a member by its value or else by its name; a flag may also be a combination."""
    try:
        member = class_(value)
    except (ValueError, TypeError, KeyError):
        return class_.__members__.get(value, value) if isinstance(value, str) else value
    # Python finds the member of 1 for True as well.
    return member if isinstance(member.value, bool) == isinstance(value, bool) else value


def _datetime(class_: Any, value: Any) -> Any:
    """Read ISO text; YAML gives a plain date where no time is written."""
    if isinstance(value, str):
        return class_.fromisoformat(value)
    return class_(value.year, value.month, value.day) if type(value).__name__ == "date" else value


def _iso(class_: Any, value: Any) -> Any:
    return class_.fromisoformat(value) if isinstance(value, str) else value


def _from_str(class_: Any, value: Any) -> Any:
    return class_(value) if isinstance(value, str) else value


def _decimal(class_: Any, value: Any) -> Any:
    """Take a float by its shortest text, which is what the user wrote."""
    return class_(str(value)) if type(value) in {str, int, float} else value


# A `datetime` is a `date`, so it comes first.
_SCALARS: dict[str, Callable[[Any, Any], Any]] = {
    "datetime.datetime": _datetime,
    "datetime.date": _iso,
    "datetime.time": _iso,
    "pathlib.PurePath": _from_str,
    "uuid.UUID": _from_str,
    "decimal.Decimal": _decimal,
}

_MAKERS: dict[Any, Callable[[Any], Any]] = {
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    deque: deque,
    abc.Set: frozenset,
    abc.MutableSet: set,
}
