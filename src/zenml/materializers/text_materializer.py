"""HTML, Markdown, CSV and JSON text, each in a file that any viewer opens."""

from __future__ import annotations

from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers.blob_materializer import BlobMaterializer
from zenml.types import CSVString, HTMLString, JSONString, MarkdownString


class TextMaterializer(BlobMaterializer):
    """Stores text of one kind as UTF-8."""

    IS_SAFE = True
    KIND: ClassVar[type[str]] = str
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA_ANALYSIS

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the text as UTF-8."""
        if type(value) is not cls.KIND or getattr(value, "__dict__", None):
            raise MaterializerError(
                f"Expected a plain `{cls.KIND.__name__}`. Wrap the text: `{cls.KIND.__name__}(text)`."
            )
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise MaterializerError(
                f"The text has a character that UTF-8 cannot hold: {error}. Replace lone surrogates."
            ) from error

    def from_bytes(self, data: bytes) -> Any:
        """Return the text in its kind."""
        try:
            return self.KIND(data.decode())
        except UnicodeDecodeError as error:
            raise ArtifactDamagedError("Stored text is not UTF-8. Run the producing step again.") from error

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the length and the number of lines."""
        return {"length": len(data), "lines": data.count("\n") + 1}


class HTMLMaterializer(TextMaterializer):
    """Stores HTML."""

    SHORT_NAME, EXTENSION, KIND = "html", "html", HTMLString


class MarkdownMaterializer(TextMaterializer):
    """Stores Markdown."""

    SHORT_NAME, EXTENSION, KIND = "markdown", "md", MarkdownString


class CSVMaterializer(TextMaterializer):
    """Stores CSV."""

    SHORT_NAME, EXTENSION, KIND = "csv", "csv", CSVString


class JSONMaterializer(TextMaterializer):
    """Stores JSON text."""

    SHORT_NAME, EXTENSION, KIND = "json-text", "json", JSONString
