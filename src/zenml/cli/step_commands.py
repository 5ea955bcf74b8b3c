"""`zenml step`: questions about one step of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zenml.cli.commands import LateGroup, json_option, print_json, print_lines
from zenml.cli.completing import complete_run, complete_step
from zenml.cli.shapes import explanation_shape
from zenml.cli.style import local_time, painted
from zenml.client.explaining import explain
from zenml.records.ids import short
from zenml.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.client.changes import Change
    from zenml.client.explaining import Explanation

LONGEST_DIFF = 80
"""Lines of one diff that are printed; `--json` has all of them."""


COMMANDS = {"show": ("zenml.cli.step_show:show", "Show a step: arguments, outputs, attempts, log.")}


@click.group(cls=LateGroup, table=COMMANDS)
def step() -> None:
    """Look at a step of a run; ask why it ran, or did not."""


@step.command(example="zenml step why nightly train")
@click.argument("run", shell_complete=complete_run)
@click.argument("step", shell_complete=complete_step)
@json_option
def why(run: str, step: str, *, as_json: bool) -> None:
    """Explain why STEP of RUN was executed, cached or skipped.

    A step that was executed is compared with its newest earlier result: code, parameters, inputs,
    settings. STEP is its id inside the run, as `zenml run show` lists it.
    """
    explanation = explain(open_store(), run, step)
    if as_json:
        print_json(explanation_shape(explanation))
    else:
        print_lines(explanation_lines(explanation))


def explanation_lines(explanation: Explanation) -> list[str]:
    """Return an explanation as text."""
    verdict = painted(
        "completed" if explanation.verdict == "executed" else explanation.verdict, explanation.verdict
    )
    lines = [f"Step `{explanation.step}` of run `{explanation.run}` was {verdict} {explanation.reason}."]
    lines += _reference_lines(explanation)
    lines += change_lines(explanation.changes)
    sources = dict.fromkeys(change.step for change in explanation.changes if change.step)
    lines += [f"  Why it did: zenml step why {short(explanation.run_id)} {step}" for step in sources]
    if explanation.blind_spots:
        lines += ["", "What a look at its code cannot see:"]
        lines += [f"  {spot}" for spot in explanation.blind_spots]
    return lines


def _reference_lines(explanation: Explanation) -> list[str]:
    reference = explanation.reference
    if reference is None:
        return []
    when = f", {local_time(reference.ended_at)}" if reference.ended_at is not None else ""
    if explanation.verdict == "cached":
        return [f"It was computed there{when}: zenml run show {short(reference.run_id)}"]
    which = f"step `{reference.step}` of run `{reference.run}` ({short(reference.run_id)}{when})"
    if explanation.cause == "disabled" and not explanation.changes:
        return [f"With caching it would have had the result of {which}."]
    return [f"Compared with {which}."]


def change_lines(changes: Sequence[Change]) -> list[str]:
    """Return a line for each change, with its diff below."""
    if not changes:
        return []
    width = max(len(change.kind) for change in changes)
    lines = [""]
    for change in changes:
        lines.append(f"  {change.kind:<{width}}  {change.text}")
        if change.diff:
            diff = change.diff.splitlines()[2:]
            lines += [f"      {painted_diff(line)}" for line in diff[:LONGEST_DIFF]]
            if len(diff) > LONGEST_DIFF:
                lines.append(f"      … {len(diff) - LONGEST_DIFF} more lines")
    return lines


def painted_diff(line: str) -> str:
    """Return a line of a unified diff in the colour of its sign."""
    if line.startswith("+"):
        return painted("completed", line)
    if line.startswith("-"):
        return painted("failed", line)
    return painted("cached", line) if line.startswith("@@") else line
