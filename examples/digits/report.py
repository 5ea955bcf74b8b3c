"""How good the models are: scores, pictures, and a page that shows both."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zenml.types import HTMLString

if TYPE_CHECKING:
    from features import Digits, Images
    from matplotlib.figure import Figure

INK = "#1f3a5f"


@dataclass(frozen=True)
class Scores:
    """How well a model reads digits that it has not seen."""

    accuracy: float
    macro_f1: float
    f1_by_digit: list[float]


def count_readings(digits: Digits, predictions: Digits) -> np.ndarray:
    """Return how often each digit (row) was read as each digit (column)."""
    counts = np.zeros((10, 10), dtype=np.int64)
    np.add.at(counts, (digits, predictions), 1)
    return counts


def score(digits: Digits, predictions: Digits) -> Scores:
    """Compare what a model read with what is there."""
    counts = count_readings(digits, predictions)
    f1 = 2 * counts.diagonal() / (counts.sum(axis=0) + counts.sum(axis=1))
    accuracy = counts.trace() / counts.sum()
    return Scores(float(accuracy), float(f1.mean()), f1.tolist())


def draw_confusion(digits: Digits, predictions: Digits, model: str) -> Figure:
    """Draw how often each digit was read as which."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    counts = count_readings(digits, predictions)
    figure = Figure(figsize=(6.4, 6.2), dpi=120, layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15))
    FigureCanvasAgg(figure)  # draws into memory: no window, no display
    axes = figure.subplots()
    # The many right answers would hide the few wrong ones, so the colour grows with the square root.
    axes.imshow(np.sqrt(counts / counts.sum(axis=1, keepdims=True)), cmap="Blues", vmin=0, vmax=1)
    for digit, reading in np.argwhere(counts):
        colour = "white" if digit == reading else INK
        axes.text(reading, digit, counts[digit, reading], ha="center", va="center", color=colour)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xticks(np.arange(0.5, 9), minor=True)
    axes.set_yticks(np.arange(0.5, 9), minor=True)
    axes.grid(which="minor", color="#e3e8ef", linewidth=0.8)
    axes.tick_params(which="both", length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("read as", color=INK)
    axes.set_ylabel("digit", color=INK)
    wrong = int(counts.sum() - counts.trace())
    axes.set_title(f"{model}: {wrong} of {counts.sum()} images misread", color=INK, pad=12)
    return figure


def draw_misread(images: Images, digits: Digits, predictions: Digits, most: int = 10) -> Figure:
    """Draw the images that were misread, with what was read."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wrong = np.flatnonzero(digits != predictions)[:most]
    figure = Figure(figsize=(max(1, len(wrong)), 1.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    for place, index in enumerate(wrong, start=1):
        axes = figure.add_subplot(1, len(wrong), place)
        axes.imshow(images[index], cmap="Greys")
        axes.set_title(f"{digits[index]}, read {predictions[index]}", fontsize=9, color=INK)
        axes.set_axis_off()
    return figure


def as_png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def write_page(scores: dict[str, Scores], best: str, confusion: Figure, misread: Figure) -> HTMLString:
    """Return a page with a table of all models and the pictures of the best one."""
    rows = "\n".join(_row(name, found, is_best=name == best) for name, found in scores.items())
    digits = "".join(f"<th>{digit}</th>" for digit in range(10))
    return HTMLString(f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Handwritten digits</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: {INK}; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .4rem .6rem; text-align: right; border-bottom: 1px solid #e3e8ef; }}
th:first-child, td:first-child {{ text-align: left; }}
tr.best {{ background: #eef4fb; font-weight: 600; }}
img {{ max-width: 100%; display: block; margin: 0 auto; }}
</style>
<h1>Handwritten digits</h1>
<p>Three models learnt from the same images and read images they had not seen. Best: <b>{best}</b>.</p>
<table>
<tr><th>model</th><th>accuracy</th><th>macro F1</th><th colspan="10" style="text-align:center">F1 by digit</th></tr>
<tr><th></th><th></th><th></th>{digits}</tr>
{rows}
</table>
<h2>What {best} read</h2>
{_image(confusion, f"Confusion matrix of {best}")}
<h2>Misread</h2>
{_image(misread, "Images that were misread")}
</html>
""")


def _row(name: str, scores: Scores, *, is_best: bool) -> str:
    by_digit = "".join(f"<td>{value:.2f}</td>" for value in scores.f1_by_digit)
    mark = ' class="best"' if is_best else ""
    return f"<tr{mark}><td>{name}</td><td>{scores.accuracy:.3f}</td><td>{scores.macro_f1:.3f}</td>{by_digit}</tr>"


def _image(figure: Figure, text: str) -> str:
    return f'<img alt="{text}" src="data:image/png;base64,{base64.b64encode(as_png(figure)).decode()}">'
