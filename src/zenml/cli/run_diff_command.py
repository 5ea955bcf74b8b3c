"""`zenml run diff`: two runs compared, for people at 80 columns and for programs."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.step_commands import LONGEST_DIFF, painted_diff
from zenml.cli.style import local_time
from zenml.cli.tables import shorten, table
from zenml.client.run_diff import SECTIONS, run_diff
from zenml.records.ids import short
from zenml.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.client.run_diff import Difference, RunDiff, Section, StepChange, Timing

TITLES = {
    "code": "Code",
    "params": "Parameters",
    "settings": "Configuration",
    "inputs": "Inputs of steps",
    "packages": "Packages",
    "environment": "Environment",
    "cache": "Cache",
    "status": "Status",
    "outputs": "Outputs",
    "timings": "Time",
}


@click.command(cls=Command, example="zenml run diff first nightly --only code,outputs")
@click.argument("before")
@click.argument("after")
@click.option("--only", metavar="SECTIONS", help=f"Of {','.join(SECTIONS)}; separated by commas.")
@json_option
def diff(before: str, after: str, only: str | None, *, as_json: bool) -> None:
    """Compare the runs BEFORE and AFTER.

    Code with its lines, parameters, configuration, inputs, packages, environment, what was cached,
    states, outputs by content, and times.
    """
    sections = _sections(only)
    found = run_diff(open_store(), before, after, sections)
    if as_json:
        print_json(diff_shape(found, sections))
    else:
        print_lines(diff_lines(found, min(shutil.get_terminal_size((80, 24)).columns, 120)))


def diff_shape(found: RunDiff, sections: Sequence[Section]) -> dict[str, Any]:
    """Return a comparison for programs: before and after, each id and name; every section asked for."""
    shape: dict[str, Any] = {
        side: {"id": run.id, "name": run.name, "pipeline": run.pipeline_name, "status": run.status}
        for side, run in (("before", found.before), ("after", found.after))
    }
    for section in sections:
        shape[section] = [plain(one) for one in getattr(found, section)]
    return shape


def diff_lines(found: RunDiff, width: int = 80) -> list[str]:
    """Return a comparison as text; equal sections are left out."""
    rows = [
        (side, f"{run.name} ({short(run.id)})", run.status, local_time(run.created_at))
        for side, run in (("-", found.before), ("+", found.after))
    ]
    lines = table((), rows, width=width, cut=(1,))
    bodies = {
        "code": change_lines(found.code, width),
        "inputs": change_lines(found.inputs, width),
        "outputs": _output_lines(found, width),
        "timings": _timing_lines(found.timings, width),
        **{
            name: difference_lines(getattr(found, name), width)
            for name in ("params", "settings", "packages", "environment", "cache", "status")
        },
    }
    for section, title in TITLES.items():
        if bodies[section]:
            lines += ["", click.style(title, bold=True), *bodies[section]]
    changed = [name for name in TITLES if name != "timings" and any(bodies[name])]
    same_outputs = sum(output.is_same for output in found.outputs)
    if not changed and not same_outputs:
        lines += ["", "Nothing differs."]
    return lines


def _sections(only: str | None) -> tuple[Section, ...]:
    if only is None:
        return SECTIONS
    names = {name.strip() for name in only.split(",")}
    unknown = sorted(names - set(SECTIONS))
    if unknown:
        raise click.UsageError(f"There is no section `{unknown[0]}`. There is: {', '.join(SECTIONS)}.")
    return tuple(name for name in SECTIONS if name in names)


def change_lines(changes: Sequence[StepChange], width: int) -> list[str]:
    """Return changes of code or inputs as text, each with its lines."""
    lines = []
    for one in changes:
        steps = ", ".join(one.steps[:3]) + (f" and {len(one.steps) - 3} more" if len(one.steps) > 3 else "")
        text = one.change.text if len(one.change.text) < 4 * width else shorten(one.change.text, 4 * width)
        lines += textwrap.wrap(f"{text}  (in {steps})", width, initial_indent="  ", subsequent_indent="    ")
        lines += _unified(one.change.diff, width)
    return lines


def _unified(diff: str | None, width: int) -> list[str]:
    lines = diff.splitlines()[2:] if diff else []
    shown = [f"      {painted_diff(shorten(line, width - 6))}" for line in lines[:LONGEST_DIFF]]
    return [*shown, f"      … {len(lines) - LONGEST_DIFF} more lines"] if len(lines) > LONGEST_DIFF else shown


def difference_lines(found: Sequence[Difference], width: int) -> list[str]:
    """Return what has one value in each run as text."""
    rows = [(one.name, one.before or "-", "→", one.after or "-") for one in found]
    return [f"  {line}" for line in table((), rows, width=width - 2, cut=(0, 1, 3))]


def _output_lines(found: RunDiff, width: int) -> list[str]:
    lines = []
    for one in found.outputs:
        if not one.is_same:
            lines.append(shorten(f"  {one.step}.{one.output}: {one.text}", width))
            lines += _unified(one.diff, width)
    same = sum(one.is_same for one in found.outputs)
    return [*lines, f"  {same} of {len(found.outputs)} have the same content"] if same else lines


def _timing_lines(found: Sequence[Timing], width: int) -> list[str]:
    rows = [(one.step, _seconds(one.before), "→", _seconds(one.after)) for one in found]
    return [f"  {line}" for line in table((), rows, width=width - 2, cut=(0,), right=(1, 3))]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """Return a difference for programs."""
    found: dict[str, Any] = msgspec.to_builtins(value)
    if "change" in found:
        return {**found["change"], "steps": found["steps"]}
    return found
