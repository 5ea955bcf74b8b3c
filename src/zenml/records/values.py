"""Python values as JSON, exactly: parameters, small artifacts, and the bytes that cache keys hash.

None, bool, int, finite float, str, list and dict with text keys are plain JSON. Everything
else is a tag object, `{"$": kind, "v": …}`. Types are compared exactly: a subclass of a
built-in is refused, since it would come back as something else. The rule for every value is
that `decode(encode(x))` equals `x` with the same types throughout, or `encode` refuses.

The leaves are in `value_leaves`; enums, dataclasses and pydantic models in `value_objects`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from zenml.errors import ArtifactDamagedError, ArtifactNotTrustedError, MaterializerError, ZenMLError
from zenml.records.type_names import label
from zenml.records.value_leaves import LEAF_READERS, find_leaf, write_float, write_text
from zenml.records.value_objects import OBJECT_TAGS, find_tag, put_together, take_apart

MAX_DEPTH = 100
"""How deep containers may nest. A fixed limit: what one thread can write, any other can read."""

_INT_LIMIT = 1 << 63  # Beyond 64 bits JSON readers disagree, and Python's own has a digit limit.

_to_json = msgspec.json.Encoder(order="deterministic").encode
_to_json_in_order = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder().decode


class _RefusedError(Exception):
    """Why a value cannot be encoded, collecting where it is on the way up."""

    def __init__(self, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.path = type(value), reason, ""


def encode(value: Any) -> bytes:
    """Return the value as JSON, or raise a `MaterializerError` that names the part that does not fit."""
    return _to_json_in_order(_write(value))


def decode(data: bytes | msgspec.Raw, *, allow_types: bool) -> Any:
    """Return the value that was encoded.

    Enums, dataclasses and pydantic models are imported by the name in the data, which only data
    that this store recorded itself may cause: without `allow_types` they are refused.
    """
    data = bytes(data)
    try:
        tree = _from_json(data)
        return _read(tree, allow_types=allow_types) if b'"$"' in data else tree
    except ZenMLError:
        raise
    except Exception as error:  # whatever hostile or damaged data makes a reader raise
        raise ArtifactDamagedError(
            f"Stored data is not an encoded value ({type(error).__name__}: {error}). Run the producing step again."
        ) from error


def is_encodable(value: Any) -> bool:
    """Tell whether `encode` takes the value."""
    try:
        encode(value)
    except MaterializerError:
        return False
    return True


def canonical(value: Any) -> bytes:
    """Return bytes for hashing: equal for equal values of equal types, whatever the order of dict keys."""
    data = _to_json(_write(value))
    if b'"$":"dict"' in data or b'"$":"set"' in data or b'"$":"frozenset"' in data:
        return _to_json(_sort_pairs(_from_json(data)))
    return data


def names_types(data: bytes) -> bool:
    """Tell whether decoding the data imports a type it names."""
    # Inside a JSON text a quote is escaped, so these bytes occur in tag objects only.
    return any(b'"$":"%b"' % tag.encode() in data for tag in OBJECT_TAGS)


def _write(value: Any) -> Any:
    try:
        return _tree(value, 0)
    except _RefusedError as refused:
        path = refused.path if len(refused.path) <= 120 else refused.path[:119] + "…"
        raise MaterializerError(
            f"`value{path}`, of type `{label(refused.kind)}`, cannot be stored as JSON: it {refused.reason}."
        ) from None
    except RecursionError:
        raise MaterializerError(
            "The value cannot be stored as JSON: it is nested too deeply, or contains itself."
        ) from None


def _tree(value: Any, depth: int) -> Any:
    kind = type(value)
    write = _WRITERS.get(kind)
    if write is not None:
        return write(value, depth)
    leaf = find_leaf(kind)
    try:
        if leaf is not None:
            return {"$": leaf[0], "v": leaf[1](value)}
        tag = find_tag(kind)
        if tag is None:
            raise _RefusedError(value, "is of a type that JSON cannot hold")
        name, state = take_apart(tag, value)
    except MaterializerError as error:
        raise _RefusedError(value, str(error)) from None
    return {"$": tag, "v": [name, _write_state(state, depth + 1)]}


def _write_state(state: Any, depth: int) -> Any:
    if type(state) is not dict:
        return _tree(state, depth)
    tree = {}
    for name, item in state.items():
        try:
            tree[name] = _tree(item, depth + 1)
        except _RefusedError as refused:
            refused.path = ("" if name == "__dict__" else f".{name}") + refused.path
            raise
    return (
        {"$": "dict", "v": [[write_text(name), item] for name, item in tree.items()]} if "$" in tree else tree
    )


def _check_depth(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _RefusedError(value, f"is nested more than {MAX_DEPTH} levels deep, or contains itself")


def _write_int(value: int, _: int) -> Any:
    return value if -_INT_LIMIT <= value < _INT_LIMIT else {"$": "int", "v": hex(value)}


def _write_list(value: list[Any] | tuple[Any, ...], depth: int) -> list[Any] | tuple[Any, ...]:
    _check_depth(value, depth)
    if _is_uniform(value):
        return value
    tree: list[Any] = []
    try:
        for item in value:
            tree.append(_tree(item, depth + 1))  # noqa: PERF401  # the length says where a refusal came from
    except _RefusedError as refused:
        refused.path = f"[{len(tree)}]" + refused.path
        raise
    return tree


def _is_uniform(items: list[Any] | tuple[Any, ...]) -> bool:
    """Tell, at C speed, whether all items are of one scalar type and JSON can hold every one."""
    kinds = set(map(type, items))
    if len(kinds) != 1:
        return not kinds
    kind = kinds.pop()
    if kind is int:
        return bool(min(items) >= -_INT_LIMIT and max(items) < _INT_LIMIT)
    if kind is float:
        return all(map(math.isfinite, items))
    if kind is str:
        return _is_text(items)
    return kind is bool


def _is_text(items: Any) -> bool:
    """Tell whether all of several texts have a UTF-8 form."""
    try:
        "".join(items).encode()
    except UnicodeEncodeError:
        return False
    return True


def _write_set(value: set[Any] | frozenset[Any], depth: int) -> dict[str, Any]:
    _check_depth(value, depth)
    try:
        # Sorted, since the order of a set changes from process to process and the digest must not.
        items = sorted((_tree(item, depth + 1) for item in value), key=_to_json)
    except _RefusedError as refused:
        refused.path = "{…}" + refused.path
        raise
    return {"$": type(value).__name__, "v": items}


def _write_dict(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    _check_depth(value, depth)
    is_plain = set(map(type, value)) <= {str} and "$" not in value and _is_text(value)
    tree, pairs = {}, []
    for key, item in value.items():
        try:
            entry = _tree(item, depth + 1)
            if is_plain:
                tree[key] = entry
            else:
                pairs.append([_tree(key, depth + 1), entry])
        except _RefusedError as refused:
            refused.path = f"[{_shorten(key)}]" + refused.path
            raise
    return tree if is_plain else {"$": "dict", "v": pairs}


def _shorten(key: Any) -> str:
    is_short = type(key) in (str, float, bool, bytes) or (type(key) is int and abs(key) < _INT_LIMIT)
    text = repr(key) if is_short else f"<{label(type(key))}>"
    return text if len(text) <= 60 else text[:57] + "…"


_WRITERS: dict[type, Callable[[Any, int], Any]] = {
    type(None): lambda value, _: value,
    bool: lambda value, _: value,
    int: _write_int,
    float: lambda value, _: write_float(value),
    str: lambda value, _: write_text(value),
    list: _write_list,
    dict: _write_dict,
    tuple: lambda value, depth: {"$": "tuple", "v": _write_list(value, depth)},
    set: _write_set,
    frozenset: _write_set,
}

_CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
}


def _read(tree: Any, *, allow_types: bool) -> Any:
    kind = type(tree)
    if kind is list:
        return [_read(item, allow_types=allow_types) for item in tree]
    if kind is not dict:
        return tree
    if "$" not in tree:
        return {key: _read(item, allow_types=allow_types) for key, item in tree.items()}
    tag, content = tree["$"], tree["v"]
    if tag in _CONTAINERS:
        return _CONTAINERS[tag](_read(content, allow_types=allow_types))
    if tag not in OBJECT_TAGS:
        return LEAF_READERS[tag](content)
    name, state = content
    if not allow_types:
        raise ArtifactNotTrustedError(
            f"The stored value holds an object of type `{name}`, and loading it would import that type, which is"
            " only done for values that this store recorded itself. Load it from the store that recorded it."
        )
    return put_together(tag, name, _read(state, allow_types=allow_types))


def _sort_pairs(tree: Any) -> Any:
    """Sort the pairs of tagged dicts, and then sets anew, so that no order of dict keys is left."""
    if isinstance(tree, list):
        return [_sort_pairs(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    tree = {key: _sort_pairs(item) for key, item in tree.items()}
    if tree.get("$") in ("dict", "set", "frozenset"):
        tree["v"] = sorted(tree["v"], key=_to_json)
    return tree
