"""Settings as plain JSON values."""

from __future__ import annotations

from typing import Any

import msgspec

from zenml.errors import ConfigurationError


def plain(value: Any, what: str) -> Any:
    """Return settings as plain JSON values; objects that can tell their fields are written out."""
    try:
        written = msgspec.to_builtins(value, enc_hook=_fields_of, str_keys=True)
        _refuse_non_finite(written)
        return written
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ConfigurationError(
            f"{what} cannot be stored: {error}. Use text, numbers, lists and mappings."
        ) from error


def _refuse_non_finite(value: Any) -> None:
    """Raise for infinities and NaN, which JSON has no form for: they would come back as null."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124  NaN
        raise ValueError(f"the number {value} has no form in JSON")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_non_finite(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_non_finite(item)


def _fields_of(value: Any) -> Any:
    for method in ("model_dump", "to_dict"):
        if callable(getattr(value, method, None)):
            return getattr(value, method)()
    if type(value).__module__.startswith("zenml.config."):
        fields = {name: field for name, field in vars(value).items() if field is not None}
        about = fields.pop("about", {})  # a model keeps its words under one name
        return {**fields, **about}
    raise TypeError(f"a value of type `{type(value).__name__}` is not JSON")
