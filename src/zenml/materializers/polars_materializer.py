"""polars frames and series, in the Arrow format, which is how polars holds them in memory.

Large ones are loaded as maps of the stored file: only the columns that are used are read.
A lazy frame is refused: it is a plan that reads its sources later, when they may have changed.
"""

from __future__ import annotations

import io
import os
from typing import Any

import polars as pl

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers import previews
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import Appending, BlobMaterializer, FinalRefusalError, open_new
from zenml.materializers.facts import number

_COLUMNS_LIMIT = 40
_TOP = 5


class PolarsMaterializer(BlobMaterializer):
    """Stores frames whose columns the Arrow format describes exactly."""

    SHORT_NAME = "polars"
    EXTENSION = "arrow"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def estimated_size(cls, value: Any) -> int:
        """Return the size in memory."""
        return int(value.estimated_size())

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the value as an Arrow file."""
        sink = io.BytesIO()
        _write(value, sink)
        return sink.getvalue()

    def from_bytes(self, data: bytes) -> Any:
        """Read an Arrow file."""
        return _read(io.BytesIO(data))

    def save(self, data: Any) -> None:
        """Write the file without a copy of it in memory."""
        with open_new(self, self.file_name()) as file:
            _write(data, Appending(file))

    def read_file(self) -> Any:
        """Map the file."""
        return _read(os.path.join(self.uri, self.file_name()))

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the shape, and what each column holds."""
        frame = data.to_frame() if isinstance(data, pl.Series) else data
        columns = [_column_facts(column) for column in frame.get_columns()[:_COLUMNS_LIMIT]]
        return {"shape": list(data.shape), "columns": columns}

    def extract_preview(self, data: Any) -> dict[str, Any]:
        """Return the first rows."""
        frame = data.to_frame() if isinstance(data, pl.Series) else data
        head = frame.head(previews.ROWS)
        return previews.table(frame.schema.items(), head.rows(), frame.shape)


class SeriesMaterializer(PolarsMaterializer):
    """Stores series: as frames with one column."""

    SHORT_NAME = "polars-series"

    def from_bytes(self, data: bytes) -> Any:
        """Read an Arrow file."""
        return super().from_bytes(data).to_series()

    def read_file(self) -> Any:
        """Map the file."""
        return super().read_file().to_series()


class LazyFrameMaterializer(BaseMaterializer):
    """Refuses lazy frames."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "polars-lazy"
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    def save(self, data: Any) -> None:
        """Refuse."""
        raise FinalRefusalError(
            "A `polars.LazyFrame` cannot be stored: it is a plan that reads its sources later, when they may have"
            " changed. Return `frame.collect()`."
        )


def _write(value: Any, sink: Any) -> None:
    frame = value.to_frame() if isinstance(value, pl.Series) else value
    for name, kind in frame.schema.items():
        _check_type(name, kind)
    if not frame.width and frame.height:
        raise MaterializerError("The Arrow format cannot hold rows without columns.")
    frame.write_ipc(sink, compression="uncompressed", compat_level=pl.CompatLevel.newest())


def _read(source: Any) -> Any:
    try:
        return pl.read_ipc(source)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise ArtifactDamagedError(
            f"A stored frame is no Arrow file: {error}. Run the producing step again."
        ) from error


def _check_type(name: str, kind: Any) -> None:
    """Refuse what neither polars' Arrow files nor its pickles, which are such files too, give back."""
    if isinstance(kind, pl.Struct):
        for field in kind.fields:
            _check_type(name, field.dtype)
    elif isinstance(kind, (pl.List, pl.Array)):
        if isinstance(kind, pl.Array) and not kind.size:
            raise FinalRefusalError(
                f"The column `{name}` cannot be stored: polars writes arrays of the width 0 and cannot read them."
                " Leave the column out."
            )
        _check_type(name, kind.inner)
    elif kind in (pl.Object, pl.Unknown):
        raise FinalRefusalError(
            f"The column `{name}` of the type `{kind}` cannot be stored: polars writes no Python objects. Cast it to"
            " a type of polars, or return the objects beside the frame, as a list."
        )


def _column_facts(column: Any) -> dict[str, Any]:
    facts = {"name": previews.cell(column.name), "dtype": str(column.dtype), "nulls": column.null_count()}
    if column.dtype.is_numeric():
        for name in ("min", "max", "mean", "std"):
            facts[name] = number(_plain(getattr(column, name)()))
    elif column.dtype in (pl.Categorical, pl.Enum):
        top = column.value_counts(sort=True).head(_TOP).rows()
        facts["top"] = [[previews.cell(name), count] for name, count in top]
    return facts


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else float(value)
