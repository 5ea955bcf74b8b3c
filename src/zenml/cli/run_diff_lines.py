"""The comparison of two runs as lines of text that fit the terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from zenml.cli.step_commands import LONGEST_DIFF, painted_diff
from zenml.cli.style import local_time
from zenml.cli.tables import display_width, shorten, table
from zenml.records.ids import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zenml.client.artifact_changes import OutputDiff
    from zenml.client.decision_changes import Decision, Timing
    from zenml.client.frame_changes import FrameChange
    from zenml.client.log_changes import LogChange
    from zenml.client.metric_changes import MetricChange
    from zenml.client.run_diff import RunDiff, StepChange
    from zenml.client.run_pairs import BlindSpot, Difference

TITLES = {
    "code": "Code",
    "params": "Parameters",
    "settings": "Configuration",
    "inputs": "Inputs of steps",
    "packages": "Packages",
    "environment": "Environment",
    "cache": "Cache",
    "status": "Status",
    "metrics": "Metrics",
    "outputs": "Outputs",
    "logs": "Logs",
    "timings": "Time",
    "blind_spots": "Not compared",
}
MOST_LINES = 10
"""Differences of one value that are printed; `--json` has all of them."""


def diff_lines(found: RunDiff, width: int = 80) -> list[str]:
    """Return a comparison as text; equal sections are left out."""
    rows = [
        (side, f"{run.name} ({short(run.id)})", run.status, local_time(run.created_at))
        for side, run in (("-", found.before), ("+", found.after))
    ]
    lines = table((), rows, width=width, cut=(1,))
    makers: dict[str, Callable[..., list[str]]] = {
        "code": change_lines,
        "inputs": change_lines,
        "cache": _decision_lines,
        "metrics": _metric_lines,
        "outputs": _output_lines,
        "logs": _log_lines,
        "timings": _timing_lines,
        "blind_spots": _blind_lines,
    }
    has_changes = False
    for section, title in TITLES.items():
        body = makers.get(section, difference_lines)(getattr(found, section), width)
        if body:
            lines += ["", click.style(title, bold=True), *body]
        has_changes = has_changes or (bool(body) and section not in ("timings", "blind_spots"))
    return lines if has_changes else [*lines, "", "Nothing differs."]


def change_lines(changes: Sequence[StepChange], width: int) -> list[str]:
    """Return changes of code or inputs, each with its lines."""
    lines = []
    for one in changes:
        steps = ", ".join(one.steps[:3]) + (f" and {len(one.steps) - 3} more" if len(one.steps) > 3 else "")
        lines += _wrapped(f"{shorten(one.change.text, 4 * width)}  (in {steps})", width)
        lines += _unified(one.change.diff, width)
    return lines


def _wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=f"{indent}  ")


def _unified(diff: str | None, width: int) -> list[str]:
    lines = diff.splitlines()[2:] if diff else []
    shown = [f"      {painted_diff(shorten(line, width - 6))}" for line in lines[:LONGEST_DIFF]]
    return [*shown, *_more(len(lines) - LONGEST_DIFF, "lines")]


def _more(left: int, what: str) -> list[str]:
    return [f"      … {left} more {what}"] if left > 0 else []


def difference_lines(found: Sequence[Difference], width: int) -> list[str]:
    """Return a table of what fits beside each other, and below it, line by line, what does not."""
    rows = [(one.name, one.before or "-", "→", one.after or "-") for one in found]
    fitting = [row for row in rows if sum(map(display_width, row)) + 8 <= width]
    lines = [f"  {line}" for line in table((), fitting, width=width - 2, cut=(0, 1, 3))]
    for name, before, _, after in rows:
        if (name, before, "→", after) not in fitting:
            lines += [
                f"  {name}",
                *_wrapped(f"- {before}", width, "    "),
                *_wrapped(f"+ {after}", width, "    "),
            ]
    return lines


def _decision_lines(found: Sequence[Decision], width: int) -> list[str]:
    lines = []
    for one in found:
        lines.append(shorten(f"  {one.name}  {one.before} → {one.after}", width))
        for sign, what, why in (("-", one.before, one.before_why), ("+", one.after, one.after_why)):
            lines += _wrapped(f"{sign} {what} {why}", width, "      ") if why else []
    return lines


def _metric_lines(found: Sequence[MetricChange], width: int) -> list[str]:
    rows = [
        (f"{one.of}  {one.name}", _value(one.before), "→", _value(one.after), _change(one.change))
        for one in found
    ]
    return [f"  {line}" for line in table((), rows, width=width - 2, cut=(0, 1, 3))]


def _value(value: object) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _change(change: float | None) -> str:
    return "" if change is None else f"({change:+.4g})"


def _output_lines(found: Sequence[OutputDiff], width: int) -> list[str]:
    lines = []
    for one in found:
        if not one.is_same:
            lines.append(shorten(f"  {one.step}.{one.output}: {one.text}", width))
            lines += [shorten(f"    {line}", width) for line in _inside(one)]
            lines += _unified(one.diff, width)
    same = sum(one.is_same for one in found)
    return [*lines, f"  {same} of {len(found)} have the same content"] if same else lines


def _inside(output: OutputDiff) -> list[str]:
    """Return what differs inside a value: cells of a frame, places of a container, statistics."""
    is_whole = len(output.changes) == 1 and not output.changes[0].path
    lines = [] if is_whole else [f"{one.path}: {one.text}" for one in output.changes]
    for one in output.changes:
        if one.frame is not None:
            lines += _frame_lines(one.frame)
    if not output.changes or any(one.frame is not None for one in output.changes):
        lines += [f"{name}: {was} → {now}" for name, (was, now) in output.metadata.items()]
    left = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"… {left} more, see --json"] if left > 0 else [])]


def _frame_lines(frame: FrameChange) -> Iterator[str]:
    for column in frame.columns:
        yield f"column {column.name}: {column.before or 'missing'} → {column.after or 'missing'}"
    for row in frame.examples:
        if row.column is not None:
            yield f"row {row.row}, {row.column}: {row.before} → {row.after}"
        else:
            yield f"{'+' if row.how == 'added' else '-'} row {row.row}: {row.after or row.before}"


def _log_lines(found: Sequence[LogChange], width: int) -> list[str]:
    lines = []
    for one in found:
        lines.append(shorten(f"  {one.step}: {one.text}", width))
        diff = one.diff.splitlines() if one.diff else []
        lines += [f"      {painted_diff(shorten(line, width - 6))}" for line in diff]
    return lines


def _timing_lines(found: Sequence[Timing], width: int) -> list[str]:
    rows = [(one.step, _seconds(one.before), "→", _seconds(one.after)) for one in found]
    return [f"  {line}" for line in table((), rows, width=width - 2, cut=(0,), right=(1, 3))]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def _blind_lines(found: Sequence[BlindSpot], width: int) -> list[str]:
    return [line for one in found for line in _wrapped(f"{one.what}: {one.why}", width)]
