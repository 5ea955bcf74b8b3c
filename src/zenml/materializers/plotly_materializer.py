"""plotly figures as JSON, with a page that shows them."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import plotly.io

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import open_new

_DATA = "figure.json"
PAGE = "figure.html"


class PlotlyMaterializer(BaseMaterializer):
    """Stores a figure."""

    SKIP_REGISTRATION = True
    SHORT_NAME = "plotly"
    IS_SAFE = True
    HAS_FALLBACK = True
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA_ANALYSIS

    def save(self, data: Any) -> None:
        """Write the figure, after reading it back."""
        content = json.loads(data.to_json())
        text = json.dumps(content, sort_keys=True)  # plotly's own order differs from process to process
        if json.loads(plotly.io.from_json(text).to_json()) != content:
            raise MaterializerError("plotly's JSON cannot hold this figure exactly.")
        with open_new(self, _DATA) as file:
            file.write(text.encode())

    def load(self, data_type: type[Any]) -> go.Figure:  # a figure of plotly's own class
        """Read the figure."""
        with self.artifact_store.open(_DATA, "rb") as file:
            text = file.read().decode()
        try:
            return plotly.io.from_json(text)
        except ValueError as error:
            raise ArtifactDamagedError(
                f"A stored figure is no JSON of plotly: {error}. Run the producing step again."
            ) from error

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the number of traces and their kinds."""
        return {"traces": len(data.data), "kinds": sorted({trace.type for trace in data.data})}

    def save_visualizations(self, data: Any) -> dict[str, Any]:
        """Write a page; a browser fetches plotly's own script for it, which alone would take 4 MB."""
        page = data.to_html(include_plotlyjs="cdn", div_id="figure")
        with open_new(self, PAGE) as file:
            file.write(page.encode())
        return {PAGE: "html"}
