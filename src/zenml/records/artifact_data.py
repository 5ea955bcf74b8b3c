"""What is remembered of a stored value: enough to find it, check it and load it again.

A `StoredValue` is what materializers give back when they have saved something and what they
take to load it. It is a plain record: the bytes are either in it (`inline`) or in a folder of
the artifact store that it names by `key`, file by file with size and digest.
"""

from __future__ import annotations

from typing import Any

import msgspec

from zenml.enums import ArtifactType


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a stored folder."""

    path: str
    """Relative to the folder, with `/` between its parts."""
    size: int
    digest: str
    """Algorithm and hexadecimal digest of the content, such as `sha256:9f86…`."""


class StoredValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value at rest.

    Exactly one of `inline` and `key` is set. The digest depends on the bytes alone, so equal
    bytes have equal digests wherever and whenever they were stored: of `inline`, the digest of
    the bytes; of a folder, the digest of its canonical list of files.
    """

    type: str
    """The dotted name of the value's type: a label for people, never imported on its own."""
    materializer: str
    """The short name of a built-in materializer, such as `json`, or the dotted path of a user's."""
    digest: str
    size: int
    inline: bytes | None = None
    key: str | None = None
    files: tuple[FileEntry, ...] = ()
    metadata: dict[str, Any] = {}
    needs_trust: bool = False
    """Loading it can run code or import a type that the stored data names."""
    kind: str = ArtifactType.DATA.value
    """What its materializer says it is, for people who browse."""
    store_id: str | None = None
    """The registered artifact store that the key is of; None for the folder beside the database."""
