"""plotly figures by what they are made of, with a page that shows them.

plotly's own JSON is made for drawing: it has no infinities, makes text of dates, and gives arrays
back as encoded buffers. So a figure is taken apart like a container, arrays and dates included.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import plotly.graph_objects as go

from zenml.enums import ArtifactType
from zenml.errors import MaterializerError
from zenml.materializers.blob_materializer import open_new
from zenml.materializers.composite_materializer import CompositeMaterializer

PAGE = "figure.html"


class PlotlyMaterializer(CompositeMaterializer):
    """Stores a figure."""

    SHORT_NAME = "plotly"
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA_ANALYSIS

    @classmethod
    def estimated_size(cls, value: Any) -> int:  # noqa: ARG003  # whatever its size
        """Call every figure large: it becomes a folder, in which there is room for the page."""
        return 1 << 62

    @classmethod
    def take_apart(cls, value: Any) -> Any:
        """Return traces, layout and frames."""
        parts = _parts(value)
        content = _without_objects(parts)
        if not _is_same(_parts(cls.put_together(content)), parts):
            raise MaterializerError("plotly does not make the same figure of its parts again.")
        return content

    @classmethod
    def put_together(cls, content: Any) -> go.Figure:
        """Return the figure."""
        data, layout, frames = _with_objects(content)
        return go.Figure(data=data, layout=layout, frames=frames)

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return the number of traces and their kinds."""
        return {"traces": len(data.data), "kinds": sorted({trace.type for trace in data.data})}

    def save_visualizations(self, data: Any) -> dict[str, Any]:
        """Write a page; a browser fetches plotly's own script for it, which alone would take 4 MB."""
        # Of a figure in the stored order: the order in which a figure was put together is no part of its digest.
        figure = self.put_together(_without_objects(_parts(data)))
        page = figure.to_html(include_plotlyjs="cdn", div_id="figure")
        with open_new(self, PAGE) as file:
            file.write(page.encode())
        return {PAGE: "html"}


def _parts(figure: go.Figure) -> list[Any]:
    return [
        [trace.to_plotly_json() for trace in figure.data],
        figure.layout.to_plotly_json(),
        [frame.to_plotly_json() for frame in figure.frames],
    ]


def _without_objects(node: Any) -> Any:
    """Return the parts in a fixed order, with lists for arrays of objects, which npy does not hold.

    An `OrderedDict`, which plotly makes nowhere, stands for such an array.
    """
    if isinstance(node, OrderedDict):
        raise MaterializerError("The figure holds an `OrderedDict`.")
    if isinstance(node, dict):
        return {name: _without_objects(node[name]) for name in sorted(node)}
    if isinstance(node, np.ndarray) and node.dtype == object:
        return OrderedDict(shape=node.shape, items=node.reshape(-1).tolist())
    if type(node) in (list, tuple) and _has_containers(node):
        return type(node)(map(_without_objects, node))
    return node


def _with_objects(node: Any) -> Any:
    if isinstance(node, OrderedDict):
        array = np.empty(len(node["items"]), dtype=object)
        for number, item in enumerate(
            node["items"]
        ):  # at once, numpy would take lists for further dimensions
            array[number] = item
        return array.reshape(node["shape"])
    if isinstance(node, dict):
        return {name: _with_objects(item) for name, item in node.items()}
    if type(node) in (list, tuple) and _has_containers(node):
        return type(node)(map(_with_objects, node))
    return node


def _has_containers(items: Any) -> bool:
    return any(issubclass(kind, (dict, list, tuple, np.ndarray)) for kind in set(map(type, items)))


def _is_same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_is_same(left[name], right[name]) for name in left)
    if isinstance(left, (list, tuple)) and _has_containers(left):
        return len(left) == len(right) and all(map(_is_same, left, right))
    if isinstance(left, np.ndarray):
        if (left.dtype, left.shape) != (right.dtype, right.shape):
            return False
        left, right = (item.tolist() if item.dtype == object else item.tobytes() for item in (left, right))
    return repr(left) == repr(right)  # the same for two that are not a number
