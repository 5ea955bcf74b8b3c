"""`zenml model compare`: two versions of a model side by side."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.completing import complete_model, complete_model_version
from zenml.cli.run_diff_command import plain
from zenml.cli.run_diff_lines import change_lines, difference_lines
from zenml.cli.tables import table
from zenml.client.model_compare import compare_versions
from zenml.store.opening import open_store

if TYPE_CHECKING:
    from zenml.client.model_compare import ModelComparison


@click.command(cls=Command, example="zenml model compare churn 1 latest")
@click.argument("model", shell_complete=complete_model)
@click.argument("before", shell_complete=complete_model_version)
@click.argument("after", shell_complete=complete_model_version)
@json_option
def compare(model: str, before: str, after: str, *, as_json: bool) -> None:
    """Compare the versions BEFORE and AFTER of MODEL.

    Metrics side by side, artifacts by content, and the parameters and code of the runs that made them.
    """
    found = compare_versions(open_store(), model, before, after)
    if as_json:
        print_json(comparison_shape(found))
    else:
        print_lines(comparison_lines(found, min(shutil.get_terminal_size((80, 24)).columns, 120)))


def comparison_shape(found: ModelComparison) -> dict[str, Any]:
    """Return a comparison for programs.

    model; before and after, each number, name, stage, run; metrics, each name, before, after;
    artifacts, each name, before, after (versions), is_same; params and code as in `run diff`.
    """
    return {
        "model": found.before.model_name,
        **{
            side: {"number": version.number, "name": version.name, "stage": version.stage, "run": run}
            for side, version, run in zip(
                ("before", "after"), (found.before, found.after), found.runs, strict=True
            )
        },
        "metrics": msgspec.to_builtins(found.metrics),
        "artifacts": msgspec.to_builtins(found.artifacts),
        "params": [plain(one) for one in found.params],
        "code": [plain(one) for one in found.code],
    }


def comparison_lines(found: ModelComparison, width: int = 80) -> list[str]:
    """Return a comparison as text."""
    rows = [
        (sign, f"{version.model_name} {version.name}", version.stage, run or "its run was deleted")
        for sign, version, run in zip("-+", (found.before, found.after), found.runs, strict=True)
    ]
    lines = table((), rows, width=width, cut=(1, 3))
    bodies = {
        "Metrics": _metric_lines(found, width),
        "Artifacts": _artifact_lines(found, width),
        "Parameters": difference_lines(found.params, width),
        "Code": change_lines(found.code, width),
    }
    for title, body in bodies.items():
        if body:
            lines += ["", click.style(title, bold=True), *body]
    return lines


def _metric_lines(found: ModelComparison, width: int) -> list[str]:
    rows = [(one.name, _shown(one.before), _shown(one.after), _change(one)) for one in found.metrics]
    headings = ("", found.before.name, found.after.name, "change")
    lines = table(headings, rows, width=width - 2, cut=(0, 1, 2), right=(1, 2, 3)) if rows else []
    return [f"  {line}" for line in lines]


def _artifact_lines(found: ModelComparison, width: int) -> list[str]:
    rows = [
        (
            one.name,
            "-" if one.before is None else f"version {one.before}",
            "-" if one.after is None else f"version {one.after}",
            "same content" if one.is_same else "",
        )
        for one in found.artifacts
    ]
    return [f"  {line}" for line in table((), rows, width=width - 2, cut=(0,))]


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _change(metric: Any) -> str:
    """Return by how much a number changed."""
    both = metric.before, metric.after
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in both):
        return f"{metric.after - metric.before:+.6g}"
    return "" if metric.before == metric.after else "differs"
