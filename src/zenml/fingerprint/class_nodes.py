"""Describe a class for the walk: its bases, methods and attributes.

The whole class counts, not the methods that are called: which ones those are is decided at run time.
"""

from __future__ import annotations

import sys
import types
from typing import Any

from zenml.fingerprint.code_node import Node
from zenml.fingerprint.code_walk import Walk
from zenml.fingerprint.packages import OWN, STANDARD, file_of, package_of_type
from zenml.fingerprint.value_kinds import is_enum
from zenml.fingerprint.wrappers import owner_of


def describe_class(walk: Walk, node: Node, cls: type) -> None:
    """Describe a class of the project."""
    members = vars(cls)
    code = _first_code(members)
    module = sys.modules.get(cls.__module__)
    node.file = code.co_filename if code else file_of(module) if module else None
    node.line = members.get("__firstlineno__") or (code.co_firstlineno if code else None)
    node.docs = repr(members.get("__doc__"))
    for base in cls.__bases__:
        if base is not object:
            walk.add_shape("base", base)
    if type(cls) is not type:
        walk.add_shape("metaclass", type(cls))
    if any(package_of_type(base) not in {None, OWN, STANDARD} for base in (*cls.__mro__, type(cls))):
        node.shape.append(node.docs)  # a package may read it: for a prompt, a schema, a help text
    if is_enum(cls):
        _describe_members(walk, node, cls)
    for name in sorted(members):
        if not _counts(name, members[name], cls):
            continue
        if name in _DECLARED:
            walk.add_shape(name, members[name])
        else:
            walk.add_value(name, members[name], "constant", f"{node.name}.{name}")
    _describe_annotations(walk, members)


# Made by Python from the rest of the class (`__slotnames__` by the first pickle), or of no effect, or different from process to process.
_DERIVED = frozenset(
    {
        "__module__", "__dict__", "__weakref__", "__doc__", "__qualname__", "__annotations__", "__annotate__",
        "__annotate_func__", "__annotations_cache__", "__abstractmethods__", "_abc_impl", "__parameters__",
        "__static_attributes__", "__firstlineno__", "__classcell__", "__orig_bases__", "__signature__",
        "__slotnames__",
    }
)  # fmt: skip
# Attributes with such names hold what a class is made of; other names of this form are the notes of a framework.
_DECLARED = frozenset(
    {
        "__slots__", "__match_args__", "__dataclass_fields__", "__dataclass_params__", "__pydantic_fields__",
        "__attrs_attrs__",
    }
)  # fmt: skip
_METHODS = (types.FunctionType, staticmethod, classmethod, property)
_PLAIN = (type(None), bool, int, float, str, bytes, tuple, list)


def _counts(name: str, value: object, cls: type) -> bool:
    """Tell whether an attribute of a class counts."""
    if name in _DERIVED or (name == "__hash__" and value is None):  # None follows from `__eq__`
        return False
    if is_enum(cls) and (name in _enum_members(cls) or (name[:1] == name[-1:] == "_" and name[:2] != "__")):
        return False
    if name.startswith("__pydantic_") and name not in _DECLARED:
        return False  # derived from the fields
    if "__dataclass_fields__" in vars(cls) and _is_generated(value):
        return False  # written by `dataclass` from the fields
    if name.startswith("__") and name.endswith("__"):
        return name in _DECLARED or isinstance(value, (*_METHODS, *_PLAIN))
    return not isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType))


def _is_generated(value: Any) -> bool:
    """Tell whether a method has no source."""
    value = getattr(value, "__wrapped__", value)
    return isinstance(value, types.FunctionType) and value.__code__.co_filename.startswith("<string>")


def _describe_members(walk: Walk, node: Node, cls: type) -> None:
    """Add the members of an enumeration, in their order."""
    for name, member in _enum_members(cls).items():
        walk.add_value(name, getattr(member, "_value_", None), "constant", f"{node.name}.{name}")


def _enum_members(cls: Any) -> dict[str, object]:
    found = vars(cls).get("_member_map_", {})
    return found if isinstance(found, dict) else {}


def _describe_annotations(walk: Walk, members: Any) -> None:
    """Add the annotations: they are the fields of dataclasses and models."""
    annotate = members.get("__annotate_func__")  # from Python 3.14 on
    if isinstance(annotate, types.FunctionType):
        walk.add_shape("annotations", annotate)
    elif members.get("__annotations__"):
        walk.add_shape("annotations", dict(members["__annotations__"]))


def _first_code(members: Any) -> types.CodeType | None:
    """Return the code of the first method, which tells where the class was written."""
    for value in members.values():
        function = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if (
            isinstance(function, types.FunctionType)
            and owner_of(function) is None
            and not _is_generated(function)
        ):
            return function.__code__
    return None
