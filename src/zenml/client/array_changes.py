"""How two arrays differ: shape, element type, and how far their elements are from each other.

This module is imported when there are arrays to compare, and so numpy is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]

BLOCK = 1 << 20
"""Elements that are compared at once, which bounds the memory that a comparison takes."""


class ArrayChange(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two arrays."""

    before_shape: tuple[int, ...]
    after_shape: tuple[int, ...]
    before_dtype: str
    after_dtype: str
    elements: int | None
    """How many elements were compared; None if the shapes differ."""
    differing: int | None
    max_abs_difference: float | None
    """The largest distance of two elements at one place; None where they are no finite numbers."""

    @property
    def text(self) -> str:
        """The change for people."""
        said = []
        if self.before_shape != self.after_shape:
            said.append(f"shape {_shape(self.before_shape)} → {_shape(self.after_shape)}")
        if self.before_dtype != self.after_dtype:
            said.append(f"{self.before_dtype} → {self.after_dtype}")
        if self.differing:
            said.append(f"{self.differing} of {self.elements} elements differ")
        if self.max_abs_difference is not None:
            said.append(f"by {self.max_abs_difference:.6g} at most")
        return ", ".join(said) or "the same elements, stored in another way"


def array_change(before: Any, after: Any) -> ArrayChange:
    """Compare two arrays or numpy scalars."""
    old, new = np.asarray(before), np.asarray(after)
    differing, largest = None, None
    if old.shape == new.shape:
        differing, largest = _distance(old, new)
    return ArrayChange(
        before_shape=old.shape,
        after_shape=new.shape,
        before_dtype=str(old.dtype),
        after_dtype=str(new.dtype),
        elements=None if differing is None else old.size,
        differing=differing,
        max_abs_difference=largest,
    )


def _distance(old: Array, new: Array) -> tuple[int, float | None]:
    """Return how many elements differ, and by how much at most; NaN equals NaN."""
    differing, largest = 0, None
    for one, other in _blocks(old, new):
        is_other = np.atleast_1d(one != other)
        if one.dtype.kind in "fcmM" and other.dtype.kind == one.dtype.kind:
            is_other &= ~(_is_missing(one) & _is_missing(other))
        count = int(np.count_nonzero(is_other))
        differing += count
        if count and one.dtype.kind in "biufc" and other.dtype.kind in "biufc":
            wide = np.clongdouble if "c" in one.dtype.kind + other.dtype.kind else np.longdouble
            with np.errstate(all="ignore"):
                far = np.abs(one[is_other].astype(wide) - other[is_other].astype(wide))
            far = far[np.isfinite(far)]
            if far.size:
                largest = max(float(far.max()), largest or 0.0)
    return differing, largest


def _blocks(old: Array, new: Array) -> Iterator[tuple[Array, Array]]:
    one, other = old.reshape(-1), new.reshape(-1)
    for start in range(0, one.size, BLOCK):
        yield one[start : start + BLOCK], other[start : start + BLOCK]


def _is_missing(array: Array) -> Any:
    return np.isnat(array) if array.dtype.kind in "mM" else np.isnan(array)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
