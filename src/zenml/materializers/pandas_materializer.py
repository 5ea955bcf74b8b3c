"""pandas frames, series and indexes, as Parquet, where Parquet holds them exactly.

Parquet knows less than pandas: mixed objects, duplicate names, most attributes and some
element types do not survive. So what was written is read back and compared in full, types,
names and order included; what differs in anything is refused.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError, MissingLibraryError
from zenml.materializers import pandas_facts
from zenml.materializers.blob_materializer import BlobMaterializer
from zenml.records import values

_MARK = b"zenml"
_COLUMN = "value"
_HEAD = 1000
_PLAIN = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "M8[ns]", "M8[us]", "M8[ms]")


class PandasMaterializer(BlobMaterializer):
    """Stores frames, series and indexes."""

    SHORT_NAME = "pandas"
    EXTENSION = "parquet"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def estimated_size(cls, value: Any) -> int:
        """Return the size in memory."""
        return int(value.memory_usage(index=True).sum() if isinstance(value, pd.DataFrame) else value.nbytes)

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the value as a Parquet file, after reading it back as far as there is doubt."""
        pa, parquet = _pyarrow()
        frame, mark = _to_frame(value)
        try:
            table = pa.Table.from_pandas(frame)
            table = table.replace_schema_metadata({**(table.schema.metadata or {}), _MARK: mark})
            sink = io.BytesIO()
            parquet.write_table(table, sink)
            data = sink.getvalue()
            is_same = _is_same(value, cls("").from_bytes(data)) if not _is_plain(value) else _has_head(value)
        except Exception as error:  # pyarrow and pandas raise anything at what they cannot convert
            raise _refusal(value, str(error)) from error
        if not is_same:
            raise _refusal(value, "it would come back changed")
        return data

    def from_bytes(self, data: bytes) -> Any:
        """Read a Parquet file."""
        pa, parquet = _pyarrow()
        try:
            table = parquet.read_table(pa.BufferReader(data))
            mark = values.decode((table.schema.metadata or {})[_MARK], allow_types=False)
            frame = table.to_pandas()
        except (pa.ArrowException, KeyError, ValueError) as error:
            raise ArtifactDamagedError(
                f"A stored frame is no Parquet file of ours: {error}. Run the producing step again."
            ) from error
        frame.flags.allows_duplicate_labels = mark["duplicates"]
        if mark["freq"] is not None:
            frame.index.freq = mark["freq"]
        if mark["kind"] == "index":
            return frame.index
        if mark["kind"] == "series":
            series = frame[_COLUMN].rename(mark["name"])
            series.attrs = frame.attrs
            return series
        return frame

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the shape, and what each column holds."""
        return pandas_facts.facts(data)

    def extract_preview(self, data: Any) -> dict[str, Any]:
        """Return the first rows."""
        return pandas_facts.preview(data)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingLibraryError(
            "Frames are stored as Parquet, which needs pyarrow. Install it with `pip install 'zenml-core[pandas]'`."
        ) from error
    return pa, parquet


def _to_frame(value: Any) -> tuple[pd.DataFrame, bytes]:
    """Return the value as a frame, and what the frame cannot say."""
    if isinstance(value, pd.Index):
        kind, frame = "index", pd.DataFrame({_COLUMN: False}, index=value)
    elif isinstance(value, pd.Series):
        kind, frame = "series", value.to_frame(_COLUMN)
        frame.attrs = value.attrs
    else:
        kind, frame = "frame", value
    mark = {
        "kind": kind,
        "name": value.name if kind == "series" else None,
        "duplicates": getattr(value, "flags", frame.flags).allows_duplicate_labels,
        "freq": getattr(frame.index, "freqstr", None),
    }
    return frame, values.encode(mark)


def _is_plain(value: Any) -> bool:
    """Tell whether Parquet is known to hold every element: plain numbers, dates and text under a plain index.

    Reading a large frame back takes as long as writing it, and can tell nothing new about these.
    """
    if not isinstance(value, pd.DataFrame) or type(value.index) is not pd.RangeIndex:
        return False
    return len(value) > _HEAD and all(
        (isinstance(kind, np.dtype) and kind.str[1:] in _PLAIN) or isinstance(kind, pd.StringDtype)
        for kind in value.dtypes
    )


def _has_head(value: Any) -> bool:
    """Tell whether the first rows come back: names, types, attributes and flags are those of all rows."""
    head = value.iloc[:_HEAD]
    return _is_same(head, PandasMaterializer("").from_bytes(PandasMaterializer.to_bytes(head)))


def _is_same(value: Any, back: Any) -> bool:
    if type(value) is not type(back):
        return False
    if isinstance(value, pd.Index):
        return _is_same_index(value, back)
    if (
        value.flags.allows_duplicate_labels != back.flags.allows_duplicate_labels
        or values.canonical(value.attrs) != values.canonical(back.attrs)
        or not _is_same_index(value.index, back.index)
    ):
        return False
    if isinstance(value, pd.Series):
        return values.canonical(value.name) == values.canonical(back.name) and _is_same_column(value, back)
    return _is_same_index(value.columns, back.columns) and all(
        _is_same_column(value.iloc[:, position], back.iloc[:, position]) for position in range(value.shape[1])
    )


def _is_same_index(value: pd.Index[Any], back: pd.Index[Any]) -> bool:
    if type(value) is not type(back) or values.canonical(list(value.names)) != values.canonical(
        list(back.names)
    ):
        return False
    if isinstance(value, pd.MultiIndex):
        return value.nlevels == back.nlevels and all(
            _is_same_index(value.get_level_values(level), back.get_level_values(level))
            for level in range(value.nlevels)
        )
    if getattr(value, "freq", None) != getattr(back, "freq", None):
        return False
    return _is_same_column(pd.Series(value), pd.Series(back))


def _is_same_column(value: pd.Series[Any], back: pd.Series[Any]) -> bool:
    if _facts(value.dtype) != _facts(back.dtype) or value.dtype != back.dtype:
        return False
    if isinstance(value.dtype, pd.CategoricalDtype) and not _is_same_index(
        value.cat.categories, back.cat.categories
    ):
        return False
    if value.dtype == object:
        return values.canonical(value.tolist()) == values.canonical(back.tolist())
    return value.array.equals(back.array) if hasattr(value.array, "equals") else value.equals(back)


def _facts(dtype: Any) -> tuple[Any, ...]:
    """Return what two equal element types may still differ in."""
    zone = getattr(dtype, "tz", None)
    # UTC is UTC, whichever class says so; pandas makes it either of two by itself.
    return (
        type(dtype),
        repr(dtype),
        getattr(dtype, "storage", None),
        "UTC" if str(zone) == "UTC" else type(zone),
    )


def _refusal(value: Any, reason: str) -> MaterializerError:
    return MaterializerError(f"Parquet cannot hold this `{type(value).__name__}` exactly: {reason}.")
