"""Arrow tables, batches, arrays and schemas, as Arrow files; large ones are loaded as maps of the file.

Each comes back with its type, its chunks and its schema's metadata. What one Arrow file cannot
hold, such as a different dictionary for each chunk, is refused.
"""

from __future__ import annotations

import base64
import io
import os
from typing import Any

import pyarrow as pa

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers import previews
from zenml.materializers.blob_materializer import Appending, BlobMaterializer, FinalRefusalError, open_new

_MARK = b"zenml"
_COLUMN = "value"
_COLUMNS_LIMIT = 60


class ArrowMaterializer(BlobMaterializer):
    """Stores tables, record batches, arrays, chunked arrays and schemas."""

    SHORT_NAME = "arrow"
    EXTENSION = "arrow"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def estimated_size(cls, value: Any) -> int:
        """Return the size in memory."""
        return 0 if isinstance(value, pa.Schema) else int(value.nbytes)

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the value as an Arrow file."""
        sink = io.BytesIO()
        _write(value, sink)
        return sink.getvalue()

    def from_bytes(self, data: bytes) -> Any:
        """Read an Arrow file."""
        return _read(pa.BufferReader(data))

    def save(self, data: Any) -> None:
        """Write the file without a copy of it in memory."""
        with open_new(self, self.file_name()) as file:
            _write(data, Appending(file))

    def read_file(self) -> Any:
        """Map the file."""
        return _read(pa.memory_map(os.path.join(self.uri, self.file_name())))

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the length, the types and the number of nulls."""
        if isinstance(data, pa.Schema):
            return {
                "columns": [{"name": field.name, "dtype": str(field.type)} for field in data][:_COLUMNS_LIMIT]
            }
        if isinstance(data, (pa.Array, pa.ChunkedArray)):
            return {"length": len(data), "dtype": str(data.type), "nulls": data.null_count}
        columns = [
            {
                "name": previews.cell(field.name),
                "dtype": str(field.type),
                "nulls": data.column(number).null_count,
            }
            for number, field in enumerate(data.schema)
        ]
        return {"shape": list(data.shape), "columns": columns[:_COLUMNS_LIMIT]}

    def extract_preview(self, data: Any) -> dict[str, Any]:
        """Return the first rows."""
        if isinstance(data, pa.Schema):
            return previews.text(data)
        if isinstance(data, (pa.Array, pa.ChunkedArray)):
            rows = [[item] for item in data.slice(0, previews.ROWS).to_pylist()]
            return previews.table([("value", data.type)], rows, (len(data), 1))
        head = data.slice(0, previews.ROWS)
        cells = [head.column(number).to_pylist() for number in range(min(head.num_columns, previews.COLUMNS))]
        columns = [(field.name, field.type) for field in data.schema]
        return previews.table(columns, zip(*cells, strict=True), data.shape)


def _write(value: Any, sink: Any) -> None:
    kind, schema, batches = _parts(value)
    metadata = schema.metadata
    if metadata and _MARK in metadata:
        raise MaterializerError(f"The schema's metadata uses the name `{_MARK.decode()}`, which is reserved.")
    if not schema.with_metadata(metadata).equals(schema, check_metadata=True):
        raise FinalRefusalError(
            "The schema's metadata has a name twice, of which pyarrow reads only one. Give each name once."
        )
    if not pa.ipc.read_schema(schema.serialize()).equals(schema):
        raise MaterializerError(
            "It has a type that an Arrow file does not give back. If it is a type of your own, call"
            " `pyarrow.register_extension_type`."
        )
    extensions = b",".join(sorted(_extensions(schema)))
    marked = schema.with_metadata(
        {**(metadata or {}), _MARK: b"%s %d %s" % (kind, metadata is not None, extensions)}
    )
    try:
        with pa.ipc.new_file(sink, marked) as writer:
            for batch in batches:
                writer.write_batch(batch.replace_schema_metadata(marked.metadata))
    except pa.ArrowException as error:
        raise MaterializerError(f"An Arrow file cannot hold this value: {error}.") from error


def _extensions(fields: Any) -> set[bytes]:
    """Return the names of the extension types in a schema or a nested type, as base64, which has no comma."""
    found = set()
    for field in fields:
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType):
            found.add(base64.b64encode(kind.extension_name.encode()))
            kind = kind.storage_type
        inner = [kind.field(number) for number in range(kind.num_fields)]
        if isinstance(kind, pa.DictionaryType):
            inner = [pa.field("", kind.value_type)]
        found |= _extensions(inner)
    return found


def _parts(value: Any) -> tuple[bytes, Any, list[Any]]:
    """Return the kind of the value, its schema and its content as batches."""
    if isinstance(value, pa.Schema):
        return b"schema", value, []
    if isinstance(value, pa.Table):
        return b"table", value.schema, value.to_batches()
    if isinstance(value, pa.RecordBatch):
        return b"batch", value.schema, [value]
    schema = pa.schema([pa.field(_COLUMN, value.type)])
    is_chunked = isinstance(value, pa.ChunkedArray)
    chunks = value.chunks if is_chunked else [value]
    batches = [pa.record_batch([chunk], schema=schema) for chunk in chunks]
    return b"chunked" if is_chunked else b"array", schema, batches


def _read(source: Any) -> Any:
    try:
        reader = pa.ipc.open_file(source)
        metadata = dict(reader.schema.metadata)
        kind, has_metadata, extensions = metadata.pop(_MARK).split(b" ")
        _check_extensions(reader.schema, extensions)
        schema = reader.schema.remove_metadata()
        if int(has_metadata):
            schema = schema.with_metadata(metadata)
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        return _put_together(
            kind, schema, [batch.replace_schema_metadata(schema.metadata) for batch in batches]
        )
    except (pa.ArrowException, KeyError, TypeError, ValueError, IndexError) as error:
        raise ArtifactDamagedError(
            f"A stored Arrow value cannot be read: {error}. Run the producing step again."
        ) from error


def _check_extensions(schema: Any, written: bytes) -> None:
    """Refuse to read an extension type that this process does not know: the plain values would come instead."""
    missing = set(filter(None, written.split(b","))) - _extensions(schema)
    if missing:
        name = base64.b64decode(min(missing)).decode()
        raise MaterializerError(
            f"The value has the Arrow type `{name}`, which is not known here. Import the package that defines it, or"
            " call `pyarrow.register_extension_type`, then load again."
        )


def _put_together(kind: bytes, schema: Any, batches: list[Any]) -> Any:
    if kind == b"schema":
        return schema
    if kind == b"table":
        return pa.Table.from_batches(batches, schema=schema)
    if kind == b"batch":
        return batches[0]
    chunks = [batch.column(0) for batch in batches]
    return chunks[0] if kind == b"array" else pa.chunked_array(chunks, type=schema.field(0).type)
