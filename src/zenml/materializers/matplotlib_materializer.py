"""matplotlib figures: the figure itself as a pickle, and a picture of it for viewers."""

from __future__ import annotations

from typing import Any

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import open_new
from zenml.materializers.cloudpickle_materializer import CloudpickleMaterializer

PICTURE = "figure.png"
_PICKLE = "figure.pickle"


class MatplotlibMaterializer(BaseMaterializer):
    """Stores a figure; matplotlib's only format for a live one is pickle, so loading needs trust."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "matplotlib"
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA_ANALYSIS

    def save(self, data: Any) -> None:
        """Write the pickle and the picture."""
        pickle = CloudpickleMaterializer.to_bytes(data)
        with open_new(self, _PICKLE) as file:
            file.write(pickle)
        with open_new(self, PICTURE) as file:
            data.savefig(file, format="png")

    def load(self, data_type: type[Any]) -> Any:  # the pickle says the type
        """Return the figure; no window opens and no display is needed."""
        with self.artifact_store.open(_PICKLE, "rb") as file:
            return CloudpickleMaterializer("").from_bytes(file.read())

    def save_visualizations(self, data: Any) -> dict[str, Any]:  # written with the figure
        """Name the picture."""
        return {PICTURE: "image"}
