"""What is told of pandas values beside their bytes: what each column holds, and the first rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from zenml.materializers import previews
from zenml.materializers.facts import numbers_facts

_COLUMNS_LIMIT = 40
_TOP = 5
_SMALL = 100_000


def facts(value: Any) -> dict[str, Any]:
    """Return the shape and, for each column, its type, nulls and figures."""
    if isinstance(value, pd.MultiIndex):
        return {"shape": list(value.shape), "levels": value.nlevels}
    if not isinstance(value, pd.DataFrame):
        return {"shape": list(value.shape), **_column(value)}
    names = list(value.columns)[:_COLUMNS_LIMIT]
    columns = [{"name": previews.cell(name), **_column(value.iloc[:, at])} for at, name in enumerate(names)]
    return {"shape": list(value.shape), "columns": columns}


def preview(value: Any) -> dict[str, Any]:
    """Return the first rows, with their index."""
    frame = value if isinstance(value, pd.DataFrame) else value.to_frame()
    head = frame.iloc[: previews.ROWS, : previews.COLUMNS]
    cells = [head.iloc[:, at].tolist() for at in range(head.shape[1])]
    columns = [(name, kind) for name, kind in zip(frame.columns, frame.dtypes, strict=True)]
    rows = zip(*cells, strict=True) if cells else [() for _ in range(len(head))]
    return previews.table(columns[: previews.COLUMNS], rows, frame.shape)


def _column(column: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"dtype": str(column.dtype), "nulls": int(column.isna().sum())}
    if isinstance(column.dtype, np.dtype):
        found |= numbers_facts(column.to_numpy())
        found.pop("nan_count", None)
    elif pd.api.types.is_numeric_dtype(column.dtype):
        found |= numbers_facts(column.dropna().to_numpy(dtype="float64"))
        found.pop("nan_count", None)
    elif isinstance(column.dtype, pd.CategoricalDtype) and len(column) <= _SMALL:
        top = pd.Series(column).value_counts().head(_TOP)
        found["top"] = [[previews.cell(name), int(count)] for name, count in top.items()]
    return found
