"""The class to inherit from to store values of your own types.

    class ThingMaterializer(BaseMaterializer):
        ASSOCIATED_TYPES = (Thing,)
        ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

        def save(self, data):
            with open(os.path.join(self.uri, "thing.json"), "w") as file:
                json.dump(data.to_dict(), file)

        def load(self, data_type):
            with open(os.path.join(self.uri, "thing.json")) as file:
                return data_type.from_dict(json.load(file))

Defining the class is enough: from then on it stores and loads values of its types, in place
of a built-in materializer. With `SKIP_REGISTRATION = True` it is used only where a step names
it in `output_materializers`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from zenml.artifacts.folder import Folder
from zenml.enums import ArtifactType
from zenml.materializers import registry


class BaseMaterializer:
    """Stores values of some types as files in a folder, and loads them again.

    Attributes:
        uri: the path of a real local folder: empty while saving, read-only while loading.
        artifact_store: verbs on files (`open`, `exists`, `listdir`, `makedirs` …); relative paths count
            from `uri`.
    """

    ASSOCIATED_TYPES: ClassVar[tuple[type, ...]] = ()
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.BASE
    SKIP_REGISTRATION: ClassVar[bool] = False

    SHORT_NAME: ClassVar[str | None] = None
    """The name of a built-in materializer in records; others are recorded by their dotted path."""

    IS_SAFE: ClassVar[bool] = False
    """It reads data that this store did not record without running code. For built-in materializers only."""

    HAS_FALLBACK: ClassVar[bool] = False
    """A value it refuses may be pickled instead. For built-in materializers only."""

    is_trusted = False
    """While loading: this store recorded the data itself. If not, built-in ones run no code and import no types."""

    wrote_unsafe = False
    """After saving: what was written can only be loaded with trust, though the format in itself is safe."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        registry.register(cls)

    def __init__(self, uri: str, artifact_store: Folder | None = None) -> None:
        self.uri = uri
        self.artifact_store = artifact_store or Folder(uri)

    def load(self, data_type: type[Any]) -> Any:
        """Return the value whose files are in `self.uri`; `data_type` is the type it had."""
        raise NotImplementedError(f"`{type(self).__name__}` has no `load`. Write it beside `save`.")

    def save(self, data: Any) -> None:
        """Write the value into files in `self.uri`."""
        raise NotImplementedError(f"`{type(self).__name__}` has no `save`. Write it beside `load`.")

    def extract_metadata(self, data: Any) -> dict[str, Any]:  # for those who override it
        """Return facts about the value to show with the artifact, such as its shape."""
        return {}

    def extract_preview(self, data: Any) -> dict[str, Any]:
        """Return a small preview, to be kept in the row: `{"text": …}` or `{"table": …}`. For built-in ones."""
        return {}

    def save_visualizations(self, data: Any) -> dict[str, Any]:  # for those who override it
        """Write pictures of the value into `self.uri`; return their paths and kinds."""
        return {}
