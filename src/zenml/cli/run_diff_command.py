"""`zenml run diff`: two runs compared, for people at 80 columns and for programs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.completing import complete_run
from zenml.cli.run_diff_lines import diff_lines
from zenml.client.artifact_changes import OutputDiff
from zenml.client.run_diff import SECTIONS, StepChange, run_diff
from zenml.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.client.run_diff import RunDiff, Section


@click.command(cls=Command, example="zenml run diff first nightly --only code,outputs")
@click.argument("before", shell_complete=complete_run)
@click.argument("after", shell_complete=complete_run)
@click.option("--only", metavar="SECTIONS", help=f"Of {','.join(SECTIONS)}; separated by commas.")
@json_option
def diff(before: str, after: str, only: str | None, *, as_json: bool) -> None:
    """Compare the runs BEFORE and AFTER.

    Code with its lines, parameters, configuration, inputs, packages, environment, what was cached and
    why, states, logged metrics, outputs by value (rows of frames, elements of arrays, lines of texts),
    logs and times; and what could not be compared. No code of yours is run for it.
    """
    sections = _sections(only)
    found = run_diff(open_store(), before, after, sections)
    if as_json:
        print_json(diff_shape(found, sections))
    else:
        print_lines(diff_lines(found, min(shutil.get_terminal_size((80, 24)).columns, 120)))


def diff_shape(found: RunDiff, sections: Sequence[Section]) -> dict[str, Any]:
    """Return a comparison for programs: before and after; every section asked for; blind_spots."""
    shape: dict[str, Any] = {
        side: {"id": run.id, "name": run.name, "pipeline": run.pipeline_name, "status": run.status}
        for side, run in (("before", found.before), ("after", found.after))
    }
    for section in (*sections, "blind_spots"):
        shape[section] = [plain(one) for one in getattr(found, section)]
    return shape


def _sections(only: str | None) -> tuple[Section, ...]:
    if only is None:
        return SECTIONS
    names = {name.strip() for name in only.split(",")}
    unknown = sorted(names - set(SECTIONS))
    if unknown:
        raise click.UsageError(f"There is no section `{unknown[0]}`. There is: {', '.join(SECTIONS)}.")
    return tuple(name for name in SECTIONS if name in names)


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """Return a difference for programs."""
    found: dict[str, Any] = msgspec.to_builtins(value)
    if isinstance(value, StepChange):
        return {**found["change"], "steps": found["steps"]}
    if isinstance(value, OutputDiff):
        found["diff"] = value.diff
    return found
