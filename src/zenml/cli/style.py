"""How states and times look in the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zenml.records.run import StepOutline, StepRun

MARKS = {
    "completed": "✓",
    "cached": "≡",
    "failed": "✗",
    "running": "▸",
    "retrying": "↻",
    "retried": "↻",
    "stopping": "▸",
    "skipped": "-",
    "stopped": "■",
    "interrupted": "!",
    "paused": "?",
    "waiting": "·",
}
"""One sign for each state; a step that was never begun is waiting."""
_UNITS = ("B", "KB", "MB", "GB", "TB")
_COLOURS = {"completed": "green", "cached": "cyan", "failed": "red"}


def painted(status: str, text: str | None = None) -> str:
    """Return a state, or another text about it, in the colour of the state.

    The colour is taken out again where output does not go to a terminal, or NO_COLOR is set.
    """
    return click.style(status if text is None else text, fg=_COLOURS.get(status, "magenta"))


def local_time(microseconds: int) -> str:
    """Return a stored time for people: to the second, in the time zone of this machine."""
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def iso_time(microseconds: int | None) -> str | None:
    """Return a stored time for programs: ISO 8601 in UTC, such as `2025-01-31T12:00:00.000001Z`."""
    if microseconds is None:
        return None
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{microseconds % 1_000_000:06d}Z"


def readable(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def used_text(step: StepRun | StepOutline) -> str:
    """Return what the processes of an attempt have used, "" where it had none of its own."""
    said = [] if step.cpu_time is None else [f"CPU {step.cpu_time / 1e6:.2f} s"]
    if step.peak_memory is not None:
        guard = f", kept by a {step.memory_guard}" if step.memory_guard else ""
        said.append(f"memory {readable(step.peak_memory)}{guard}")
    return ", ".join(said)
