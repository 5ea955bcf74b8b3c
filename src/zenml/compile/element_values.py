"""The arguments of an element of a map: parameters where they can be, stored artifacts otherwise."""

from __future__ import annotations

from typing import Any

from zenml.compile.declared import declared_as
from zenml.compile.handles import ArtifactHandle, StepHandle
from zenml.config.external_artifact import ExternalArtifact
from zenml.records import values

_PLAIN = (int, str, float, bool, type(None))


class ElementValue(ExternalArtifact):
    """A value of one element: stored once for each content, and not kept in memory for another call."""


def element_value(value: Any, annotation: Any, name: str) -> Any:
    """Return an item as an argument of a step.

    Args:
        value: the item.
        annotation: the type that the step wants.
        name: the name under which it is stored if it is no parameter; the same for all elements, so that
            equal values are found again whatever their order is.
    """
    if type(value) in _PLAIN or isinstance(value, (StepHandle, ArtifactHandle, ExternalArtifact)):
        return value
    if hasattr(value, "item") and hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        if isinstance(annotation, type) and isinstance(value, annotation) and not isinstance(value, _PLAIN):
            return ElementValue(value, name=name)  # the step asks for this very type
        value = value.item()  # a number out of an array is a parameter like any other
    if values.is_encodable(value) or declared_as(value) is not None or is_artifact(value):
        return value
    return ElementValue(value, name=name)


def is_artifact(value: Any) -> bool:
    """Tell whether an item stands for an artifact that exists already, as `Client().get_artifact_version` returns it."""
    return type(value).__name__ == "ArtifactView" and type(value).__module__.startswith("zenml.")
