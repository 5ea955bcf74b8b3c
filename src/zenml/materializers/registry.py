"""Which materializer stores values of a type, and which one a record names.

Library types are found by their dotted name along the type's bases, so that nothing is
imported until a value of such a type exists, and its library with it. A user's class wins
over a built-in one for the same type; the nearest base wins over a farther one.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from typing import TYPE_CHECKING, Any

from zenml.errors import ArtifactNotTrustedError, ConfigurationError, MissingLibraryError
from zenml.materializers.built_in import BUILT_IN, CONTAINERS, EXACT, EXTRAS, FALLBACK, INHERITED
from zenml.records import type_names
from zenml.records.value_leaves import find_leaf
from zenml.records.value_objects import find_tag

if TYPE_CHECKING:
    from zenml.materializers.base_materializer import BaseMaterializer

    Materializer = type[BaseMaterializer]

ENTRY_POINT_GROUP = "zenml.materializers"
"""Packages announce materializers here: the entry point's name is the dotted name of the type."""

__all__ = ["CONTAINERS", "FALLBACK"]

_classes: list[Materializer] = []
_found: dict[type, Materializer] = {}


def register(materializer: Materializer) -> None:
    """Note a user's materializer class; called for every class when it is defined."""
    if materializer.SHORT_NAME is None and not materializer.__module__.startswith("zenml.materializers."):
        _classes.append(materializer)
        _found.clear()


def of_users() -> tuple[Materializer, ...]:
    """Return the classes that users defined; another process has to know them too."""
    return tuple(_classes)


def find(kind: type) -> Materializer:
    """Return the materializer for values of exactly this type; the cloudpickle one if there is no better."""
    found = _found.get(kind)
    if found is None:
        found = _found[kind] = _search(kind)
    return found


def built_in(short_name: str) -> Materializer:
    """Return a built-in materializer by the name it has in records.

    Raises:
        MissingLibraryError: the library whose values it stores is not installed.
    """
    module, _, name = BUILT_IN[short_name].partition(":")
    try:
        home = importlib.import_module(f"zenml.materializers.{module}")
    except ImportError as error:
        extra = module.removesuffix("_materializer")
        if extra not in EXTRAS or (error.name or "").startswith("zenml"):
            raise
        raise MissingLibraryError(
            f"A value is stored as `{short_name}`, and `{error.name}`, which reads it, is not installed. Install it"
            f" with `pip install 'zenml-core[{extra}]'`, then load again."
        ) from error
    materializer: Materializer = getattr(home, name)
    return materializer


def name_in_records(materializer: Materializer) -> str:
    """Return the name under which `of_record` finds the class again."""
    return vars(materializer).get("SHORT_NAME") or type_names.label(materializer)


def of_record(name: str, *, is_trusted: bool) -> Materializer:
    """Return the materializer a record names; a user's class is imported only for trusted records."""
    if name in BUILT_IN:
        return built_in(name)
    if not is_trusted:
        raise ArtifactNotTrustedError(
            f"The artifact was stored by `{name}`, and loading it would import that class, which is only done for"
            " artifacts that this store recorded itself. Load it from the store that recorded it."
        )
    return resolve(name)


def resolve(path: str) -> Materializer:
    """Return the materializer class with a dotted path, such as `my_package.things.ThingMaterializer`."""
    if path in BUILT_IN:
        return built_in(path)
    for materializer in reversed(_classes):
        if type_names.label(materializer) == path:
            return materializer
    found = import_dotted(path)
    if found is None and path.startswith("__main__."):
        raise ConfigurationError(
            f"The materializer `{path}` is a class of a program that was run as the main one, and not of this"
            " program. Put it into a module that both import, and run the step again."
        )
    if not (isinstance(found, type) and hasattr(found, "save") and hasattr(found, "load")):
        raise ConfigurationError(
            f"`{path}` is not a materializer class. Name a subclass of"
            " `zenml.materializers.base_materializer.BaseMaterializer` by its dotted path."
        )
    return found


def import_dotted(path: str) -> Any:
    """Import `package.module.Outer.Inner`, where it is not known which part is the module."""
    module, _, rest = path.rpartition(".")
    reason: ImportError | None = None
    while module:
        try:
            found: Any = sys.modules.get(module) or importlib.import_module(module)
        except ImportError as error:
            reason = reason or error
            module, _, name = module.rpartition(".")
            rest = f"{name}.{rest}"
            continue
        for name in rest.split("."):
            found = getattr(found, name, None)
        if found is None and module == "__main__":
            found = type_names.find_main_type(rest)
        return found
    raise ConfigurationError(
        f"`{path}` cannot be imported: {reason or 'it names no module'}. Check the spelling."
    )


def type_of(name: str) -> Any:
    """Return the type that a trusted record names; `object` if it cannot be found any more."""
    if "." not in name:
        return getattr(builtins, name, object)
    try:
        return import_dotted(name) or object
    except ConfigurationError:
        return object


def _search(kind: type) -> Materializer:
    for base in kind.__mro__:
        for materializer in reversed(_classes):  # the one defined last, as with any redefinition
            if not materializer.SKIP_REGISTRATION and base in materializer.ASSOCIATED_TYPES:
                return materializer
        name = f"{base.__module__}.{base.__qualname__}"
        short_name = (EXACT.get(name) if base is kind else None) or INHERITED.get(name)
        if short_name is not None:
            return built_in(short_name)
    if find_leaf(kind) is not None or find_tag(kind) is not None:
        return built_in("json")
    return _from_entry_points(kind) or built_in(FALLBACK)


def _from_entry_points(kind: type) -> Materializer | None:
    from importlib.metadata import entry_points

    offered = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    for base in kind.__mro__:
        entry = offered.get(type_names.label(base))
        if entry is not None:
            materializer: Materializer = entry.load()
            return materializer
    return None
