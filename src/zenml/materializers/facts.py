"""Facts about arrays, cheap whatever their size: large ones are described by evenly spaced elements."""

from __future__ import annotations

from typing import Any

import numpy as np

SAMPLE = 100_000
"""Elements that are looked at, at most: under a millisecond, and under a megabyte."""


def array_facts(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return shape, element type, and figures of a numeric array."""
    return {"shape": list(array.shape), "dtype": str(array.dtype), **numbers_facts(array)}


def numbers_facts(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return smallest, largest, mean, standard deviation and how many are no number."""
    if array.dtype.kind not in "biuf" or not array.size:
        return {}
    flat = array.reshape(-1) if array.flags.c_contiguous else array.reshape(-1, order="A")
    stride = -(-flat.size // SAMPLE)
    looked_at = flat[::stride]
    facts: dict[str, Any] = {"sampled": looked_at.size} if stride > 1 else {}
    missing = int(np.isnan(looked_at).sum()) if array.dtype.kind == "f" else 0
    present = looked_at[~np.isnan(looked_at)] if missing else looked_at
    if array.dtype.kind == "f":
        facts["nan_count"] = missing
    if present.size:
        with np.errstate(all="ignore"):
            wide = present.astype(np.float64)
            facts |= {
                "min": number(present.min()),
                "max": number(present.max()),
                "mean": number(wide.mean()),
                "std": number(wide.std()),
            }
    return facts


def number(value: Any) -> Any:
    """Return a number as JSON has it: six digits are enough for a fact; infinities as text."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float):
        return float(f"{plain:.6g}") if np.isfinite(plain) else str(plain)
    return plain
