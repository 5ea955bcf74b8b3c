"""`zenml doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.style import painted
from zenml.client.doctor import examine
from zenml.reporting.reporter import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.client.doctor import Finding

_STATUS = {"ok": "completed", "warn": "running", "problem": "failed"}
_MARKS = {"ok": "✓", "warn": "!", "problem": "✗"}


@click.command(cls=Command, example="zenml doctor")
@json_option
def doctor(*, as_json: bool) -> None:
    """Check the store and this installation.

    Each line is ok, a warning, or a problem with its remedy. The status is 1 if there is a problem.
    """
    found = examine()
    problems = sum(one.level == "problem" for one in found)
    if as_json:
        checks = [
            {"name": one.name, "level": one.level, "text": one.text, "remedy": one.remedy} for one in found
        ]
        print_json({"healthy": not problems, "checks": checks})
    else:
        print_lines(_lines(found))
    if problems:
        click.get_current_context().exit(1)


def _lines(found: Sequence[Finding]) -> list[str]:
    width = max(len(one.name) for one in found)
    lines = []
    for one in found:
        lines.append(f"{painted(_STATUS[one.level], _MARKS[one.level])} {one.name:<{width}}  {one.text}")
        if one.remedy:
            lines.append(f"  {'':<{width}}  → {one.remedy}")
    warnings = sum(one.level == "warn" for one in found)
    problems = sum(one.level == "problem" for one in found)
    return [*lines, "", f"{count(problems, 'problem')}, {count(warnings, 'warning')}."]
