"""From what users log to what is recorded: plain JSON values, and nothing that JSON would change."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from zenml.config.preview import preview
from zenml.errors import ConfigurationError

_LARGEST = 2**63
"""Whole numbers beyond 64 bits come back from JSON as something else, or not at all."""


def read_metadata(given: Any, what: str) -> dict[str, Any]:
    """Return metadata as JSON values; numbers of numpy and the like become Python's.

    Raises:
        ConfigurationError: it is no mapping of names, or a value has no form in JSON.
    """
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"{what} is {preview(given)}. Metadata has names: write a mapping, such as `{{'accuracy': 0.93}}`."
        )
    try:
        return {_name(name, what): _plain(value, f"`{name}` of {what}") for name, value in given.items()}
    except RecursionError as error:
        raise ConfigurationError(
            f"{what} is nested too deeply, or holds itself: that cannot be recorded as metadata. Flatten it."
        ) from error


def _name(name: Any, what: str) -> str:
    if isinstance(name, str) and name:
        return str(name)
    raise ConfigurationError(f"{what} has the name {preview(name)}. Names are text.")


def _plain(value: Any, what: str) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, enum.Enum):
        return _plain(value.value, what)
    if isinstance(value, int):
        if not -_LARGEST <= value < _LARGEST:
            raise _refusal(what, "a whole number of more than 64 bits", "Log it as text.")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refusal(what, str(value), "JSON has no such number: leave it out, or log None or text.")
        return float(value)
    if isinstance(value, Mapping):
        return {_name(name, what): _plain(item, f"{what} → `{name}`") for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, what) for item in value]
    return _converted(value, what)


def _converted(value: Any, what: str) -> Any:
    """Convert scalars and small arrays of numpy and its kind, dates, dataclasses, models."""
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        return _plain(value.tolist(), what)
    if callable(getattr(value, "model_dump", None)):
        return _plain(value.model_dump(mode="json"), what)
    try:
        found = msgspec.to_builtins(value, str_keys=True)
    except (TypeError, ValueError, NotImplementedError):
        found = value
    if found is value:
        raise _refusal(what, f"a `{type(value).__name__}`", "Log numbers, text, lists and mappings.")
    return _plain(found, what)


def _refusal(what: str, found: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"{what} is {found}, which cannot be recorded as metadata. {remedy}")
