"""How records travel and are stored: JSON through msgspec, one encoder and one decoder per type."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

encode = msgspec.json.Encoder(order="deterministic").encode
"""Encode a record as JSON; equal records give equal bytes."""


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Decode JSON into a record of the given type."""
    result: T = _decoder(kind).decode(data)  # type: ignore[arg-type]  # every type is hashable; mypy sees only T
    return result


def digest_of(data: bytes) -> str:
    """Return the name of a document: the first 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]
