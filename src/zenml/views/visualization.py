"""What there is to see of an artifact: pictures and pages in files, tables in the row, text that shows itself.

Nothing here loads the value, so no library of its type is needed and no code of a user runs.
"""

from __future__ import annotations

import os
from typing import Any

from zenml.artifacts.verification import verify_file, verify_inline
from zenml.records.artifact_data import StoredValue
from zenml.views import preview_table

_TEXT_LIMIT = 2000
_TEXT_KINDS = {
    "html": ("html", "data.html"),
    "markdown": ("markdown", "data.md"),
    "csv": ("csv", "data.csv"),
    "json-text": ("json", "data.json"),
}
"""By materializer of text that is its own picture: the type, and the name of its file."""


class Visualization:
    """One picture, page, table or text."""

    def __init__(
        self, name: str, kind: str, *, stored: StoredValue, folder: str, content: str | bytes | None = None
    ) -> None:
        self.name = name
        self.type = kind
        """`html`, `image`, `markdown`, `csv` or `json`."""
        self._stored, self._folder, self._content = stored, folder, content

    @property
    def path(self) -> str | None:
        """The file, or None if the content lies in the database."""
        return os.path.join(self._folder, self.name) if self._content is None else None

    def load(self) -> str | bytes:
        """Return the content: bytes of an image, otherwise text.

        Raises:
            ArtifactDamagedError: the file is not the one that was written.
        """
        if self._content is not None:
            return self._content
        with open(verify_file(self._stored, self._folder, self.name), "rb") as file:
            data = file.read()
        return data if self.type == "image" else data.decode(errors="replace")

    def __repr__(self) -> str:
        return f"<visualization `{self.name}`, {self.type}>"


def visualizations_of(stored: StoredValue, folder: str) -> list[Visualization]:
    """Return all there is to see of a stored value."""
    found = []
    if stored.materializer in _TEXT_KINDS:
        kind, name = _TEXT_KINDS[stored.materializer]
        content = verify_inline(stored).decode() if stored.inline is not None else None
        found.append(Visualization(name, kind, stored=stored, folder=folder, content=content))
    for name, kind in stored.metadata.get("visualizations", {}).items():
        found.append(Visualization(name, _plain_kind(kind), stored=stored, folder=folder))
    table = stored.metadata.get("preview", {}).get("table")
    if table:
        content = preview_table.as_html(table)
        found.append(Visualization("table.html", "html", stored=stored, folder=folder, content=content))
    return found


def preview_of(stored: StoredValue, folder: str) -> str:
    """Return a short text: the first rows, the first characters, or the facts."""
    return preview_table.visible(_preview_of(stored, folder), keep="\n\t")


def _preview_of(stored: StoredValue, folder: str) -> str:
    preview = stored.metadata.get("preview", {})
    if "table" in preview:
        return preview_table.as_text(preview["table"])
    if "text" in preview:
        return str(preview["text"])
    if stored.materializer in ("json", *_TEXT_KINDS):
        return _beginning(stored, folder)
    facts = {name: fact for name, fact in stored.metadata.items() if name != "visualizations"}
    lines = [f"{stored.type}, {stored.size} bytes"]
    return "\n".join(lines + [f"{name}: {_shortened(str(fact), 200)}" for name, fact in facts.items()])


def _beginning(stored: StoredValue, folder: str) -> str:
    if stored.inline is not None:
        data = stored.inline
    else:
        with open(os.path.join(folder, stored.files[0].path), "rb") as file:
            data = file.read(4 * _TEXT_LIMIT)
    return _shortened(data[: 4 * _TEXT_LIMIT].decode(errors="replace"), _TEXT_LIMIT)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain_kind(kind: Any) -> str:
    """Return the type as one lower-case word, also if a materializer named a member of an enumeration."""
    return str(kind).rpartition(".")[2].lower()
