"""Lists, tuples and dicts of values that have materializers of their own, without a pickle.

The containers, and all leaves that JSON holds, are one JSON text: the skeleton. Each other leaf
is a part, stored by the leaf's own materializer: a small one inside the skeleton, a large one
as the folder `parts/<number>`. A leaf that occurs twice is one part and comes back as one object.

Materializers of values that consist of arrays and plain data, such as sparse matrices, inherit
from here and only say how such a value is taken apart and put together.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Any

import msgspec

from zenml.artifacts.folder import Folder, Staging
from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, ArtifactNotTrustedError, MaterializerError, ZenMLError
from zenml.materializers import registry
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import BlobMaterializer, FinalRefusalError, open_new
from zenml.records import values
from zenml.records.type_names import label

_EMBEDDED_LIMIT = 4096
"""Up to this many bytes a part lies in the skeleton: a file of its own would cost an fsync."""
_LARGE = 1 << 62
_SCALARS = {type(None), bool, int, float, str}
_to_json = msgspec.json.Encoder().encode


class _Part(msgspec.Struct):
    """How one leaf is stored."""

    materializer: str
    type: str
    data: bytes | None = None
    """The bytes, unless they are in a folder."""


class _Skeleton(msgspec.Struct):
    """A node of `tree` is the number of an entry in `plain`, `-1 - number` of a part, or a list for a container."""

    tree: Any
    plain: msgspec.Raw
    parts: list[_Part]


_read_skeleton = msgspec.json.Decoder(_Skeleton).decode


class CompositeMaterializer(BlobMaterializer):
    """Stores containers, leaf by leaf."""

    SHORT_NAME = "composite"
    EXTENSION = "json"
    IS_SAFE = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    @classmethod
    def take_apart(cls, value: Any) -> Any:
        """Return a container that says everything about the value."""
        return value

    @classmethod
    def put_together(cls, content: Any) -> Any:
        """Return the value that was taken apart."""
        return content

    @classmethod
    def estimated_size(cls, value: Any) -> int:
        """Return about the size; "large" if a part has to be a folder or cannot tell its size."""
        return sum(_size(leaf) for leaf in _Apart(cls.take_apart(value)).leaves)

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the skeleton with all parts in it."""
        apart = _Apart(cls.take_apart(value))
        return apart.skeleton([_embed(leaf) for leaf in apart.leaves])

    def save(self, data: Any) -> None:
        """Write large parts as folders, and the skeleton with the small ones."""
        apart = _Apart(self.take_apart(data))
        parts = [
            _embed(leaf) if _size(leaf) <= _EMBEDDED_LIMIT else self._write_part(leaf, number)
            for number, leaf in enumerate(apart.leaves)
        ]
        skeleton = apart.skeleton(parts)
        self.wrote_unsafe = self.wrote_unsafe or self.needs_trust(skeleton)
        with open_new(self, self.file_name()) as file:
            file.write(skeleton)

    def from_bytes(self, data: bytes) -> Any:
        """Return the value of a skeleton, whose folders are beside it if it has any."""
        try:
            skeleton = _read_skeleton(data)
            plain = values.decode(skeleton.plain, allow_types=self.is_trusted)
            parts = [self._read_part(part, number) for number, part in enumerate(skeleton.parts)]
            return self.put_together(_build(skeleton.tree, plain, parts))
        except (ZenMLError, OSError):
            raise
        except Exception as error:  # whatever hostile or damaged data makes a reader raise
            raise ArtifactDamagedError(
                f"A stored container cannot be put together ({type(error).__name__}: {error}). Run the producing"
                " step again."
            ) from error

    @classmethod
    def needs_trust(cls, data: bytes) -> bool:
        """Tell whether a part, or the plain data, needs trust."""
        skeleton = _read_skeleton(data)
        return values.names_types(bytes(skeleton.plain)) or any(map(_part_needs_trust, skeleton.parts))

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the number of entries."""
        return {"length": len(data)}

    def _write_part(self, leaf: Any, number: int) -> _Part:
        materializer = _materializer_of(leaf)
        name = f"parts/{number}"
        store = self.artifact_store
        if isinstance(store, Staging):
            folder: Folder = store.inner(name)
        else:
            store.makedirs(name)
            folder = Folder(os.path.join(store.path, name))
        writer = materializer(folder.path, folder)
        with _Final(materializer):
            if isinstance(writer, BlobMaterializer) and writer.estimated_size(leaf) is None:
                data = writer.to_bytes(leaf)
                self.wrote_unsafe = self.wrote_unsafe or writer.needs_trust(data)
                writer.write_blob(data)
            else:
                writer.save(leaf)
        is_foreign = materializer.SHORT_NAME is None or not materializer.IS_SAFE
        self.wrote_unsafe = self.wrote_unsafe or writer.wrote_unsafe or is_foreign
        return _Part(registry.name_in_records(materializer), label(type(leaf)))

    def _read_part(self, part: _Part, number: int) -> Any:
        materializer = registry.of_record(part.materializer, is_trusted=self.is_trusted)
        if not (self.is_trusted or materializer.IS_SAFE):
            raise ArtifactNotTrustedError(
                f"A part of a stored container, of type `{part.type}`, can only be loaded by running code, which is"
                " only done for artifacts that this store recorded itself. Load it from the store that recorded it."
            )
        path = os.path.join(self.uri, "parts", str(number))
        reader = materializer(path if part.data is None else "")
        reader.is_trusted = self.is_trusted
        if part.data is not None and isinstance(reader, BlobMaterializer):
            return reader.from_bytes(part.data)
        return reader.load(registry.type_of(part.type) if self.is_trusted else object)


class _Apart:
    """A container, taken apart into a tree, plain data and leaves that need a materializer."""

    def __init__(self, value: Any) -> None:
        self.plain: list[Any] = []
        self.leaves: list[Any] = []
        self._numbers: dict[int, int] = {}
        self.tree = self._node(value, 0)

    def skeleton(self, parts: list[_Part]) -> bytes:
        """Return the JSON text."""
        return _to_json(_Skeleton(self.tree, msgspec.Raw(values.encode(self.plain)), parts))

    def _node(self, value: Any, depth: int) -> Any:
        if depth > values.MAX_DEPTH - 2:
            raise MaterializerError(
                f"The container is nested more than {values.MAX_DEPTH - 2} levels deep, or contains itself."
            )
        kind = type(value)
        if kind in (list, tuple):
            if _is_plain(value):
                return self._note(value)
            return [kind.__name__, [self._node(item, depth + 1) for item in value]]
        if kind in (dict, OrderedDict):
            if kind is dict and _is_plain(value.values()) and _is_plain(value):
                return self._note(value)
            return self._mapping(value, depth)
        if (kind is not bytes or len(value) <= _EMBEDDED_LIMIT) and values.is_encodable(value):
            return self._note(value)
        return self._leaf(value)

    def _mapping(self, value: Any, depth: int) -> list[Any]:
        keys = self._node(list(value), depth + 1)
        items = [self._node(item, depth + 1) for item in value.values()]
        if type(value) is dict:
            return ["dict", keys, items]
        return ["ordered", keys, items, self._node(vars(value), depth + 1)]

    def _note(self, value: Any) -> int:
        self.plain.append(value)
        return len(self.plain) - 1

    def _leaf(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            _materializer_of(value)  # refused before anything is written
            number = self._numbers[id(value)] = len(self.leaves)
            self.leaves.append(value)
        return -1 - number


class _Final:
    """Makes the refusal of a leaf that must not be pickled final for the container too."""

    def __init__(self, materializer: type[BaseMaterializer]) -> None:
        self._is_final = materializer.SHORT_NAME is not None and not materializer.HAS_FALLBACK

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._is_final and isinstance(error, MaterializerError):
            raise FinalRefusalError(str(error)) from error


def _is_plain(items: Any) -> bool:
    """Tell, at C speed, whether there are only scalars that need no look at each."""
    return set(map(type, items)) <= _SCALARS


def _materializer_of(leaf: Any) -> type[BaseMaterializer]:
    materializer = registry.find(type(leaf))
    if materializer.SHORT_NAME in (registry.FALLBACK, "json"):
        raise MaterializerError(
            f"The container holds a `{label(type(leaf))}`, for which there is no materializer."
        )
    return materializer


def _size(leaf: Any) -> int:
    materializer = _materializer_of(leaf)
    size = materializer.estimated_size(leaf) if issubclass(materializer, BlobMaterializer) else None
    return _LARGE if size is None else size


def _embed(leaf: Any) -> _Part:
    materializer = _materializer_of(leaf)
    if not issubclass(materializer, BlobMaterializer):
        raise MaterializerError(f"A `{label(type(leaf))}` is stored as a folder.")
    with _Final(materializer):
        return _Part(registry.name_in_records(materializer), label(type(leaf)), materializer.to_bytes(leaf))


def _part_needs_trust(part: _Part) -> bool:
    if part.data is None:  # told by its writer
        return False
    materializer = registry.of_record(part.materializer, is_trusted=True)
    return not issubclass(materializer, BlobMaterializer) or materializer.needs_trust(part.data)


def _build(node: Any, plain: list[Any], parts: list[Any]) -> Any:
    if isinstance(node, int):
        return plain[node] if node >= 0 else parts[-1 - node]
    kind = node[0]
    if kind in ("list", "tuple"):
        items = [_build(item, plain, parts) for item in node[1]]
        return items if kind == "list" else tuple(items)
    items = [_build(item, plain, parts) for item in node[2]]
    pairs = zip(_build(node[1], plain, parts), items, strict=True)
    if kind == "dict":
        return dict(pairs)
    mapping = OrderedDict(pairs)
    vars(mapping).update(_build(node[3], plain, parts))
    return mapping
