"""A failed run as a text that lets a person repair it: which step, why, where, and what to do now."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from zenml.records.ids import short
from zenml.views.step_tree import family_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zenml.records.run import Failure
    from zenml.views.run_view import RunView
    from zenml.views.step_view import StepView

LOG_LINES = 10
"""How much of the end of a step's log is shown."""
_AGAIN = "Run it again: what succeeded is answered from the cache."
_TAIL = 64 * 1024
"""Bytes from the end of a log in which its last lines are looked for."""
_OTHERS = 10
"""Further failed steps that are named."""
_WIDEST_VALUE = 60
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line \d+')
_LIBRARY = re.compile(r"[/\\](?:site-packages|dist-packages)[/\\](?P<package>[^/\\.]+)")
_STANDARD = os.path.dirname(os.__file__) + os.sep


def failure_panel(run: RunView) -> str:
    """Return what a person needs to know of a run that did not succeed; "" for one that did."""
    failed = [step for step in run.steps.values() if step.record.status == "failed"]
    if not failed:
        return _without_step(run)
    first, *others = failed
    blocks = [
        [f"Step `{first.name}` of run `{run.name}` failed: {cause(first.failure)}", *_element(run, first)],
        _indented(user_lines(first.failure.traceback) if first.failure else ()),
        _log_block(first),
        _others_block(others),
        _remedy_block(run, first),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def cause(failure: Failure | None) -> str:
    """Return an exception in one line: its type, and the first line of its message."""
    if failure is None:
        return "no reason was recorded"
    name = failure.type.rpartition(".")[2]
    line = failure.message.strip().partition("\n")[0]
    return f"{name}: {line}" if line else name


def hook_failures(run: RunView) -> list[str]:
    """Return a line for each hook that failed, and the user's part of its traceback."""
    lines = []
    for one in run.hook_runs:
        if one.status == "failed":
            lines.append(f"{one.title} failed: {cause(one.failure)}")
            lines += _indented(user_lines(one.failure.traceback) if one.failure else ())
    return lines


def user_lines(traceback: str) -> list[str]:
    """Return a traceback with the frames of libraries folded into a line for each library."""
    lines: list[str] = []
    folded, count = "", 0
    for library, frame in _frames(traceback):
        if library != folded and count:
            lines.append(_fold(folded, count))
            count = 0
        folded = library
        if library:
            count += 1
        else:
            lines += frame
    if count:
        lines.append(_fold(folded, count))
    return lines


def last_lines(path: str, count: int = LOG_LINES) -> list[str]:
    """Return the last lines of a file, reading no more than its end; none if it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            text = file.read().decode(errors="backslashreplace")
    except OSError:
        return []
    return text.splitlines()[-count:]


def _frames(traceback: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the frames of a traceback with the library they belong to, and other lines with ""."""
    library = ""
    frame: list[str] = []
    for line in traceback.splitlines():
        found = _FRAME.match(line)
        if found or not line.startswith("    "):
            if frame:
                yield library, frame
            library, frame = (_library(found["file"]) if found else ""), [line]
        else:
            frame.append(line)
    if frame:
        yield library, frame


def _fold(library: str, frames: int) -> str:
    return f"  … {frames} frame{'' if frames == 1 else 's'} in {library}"


def _library(file: str) -> str:
    """Return the library that a file belongs to; "" for the user's own code."""
    found = _LIBRARY.search(file)
    if found:
        return found["package"]
    return "the standard library" if file.startswith((_STANDARD, "<frozen ")) else ""


def _without_step(run: RunView) -> str:
    """Return the panel of a run that ended badly without a failed step."""
    if run.record.status == "completed":
        return ""
    why = run.reason or (cause(run.failure) if run.failure else "")
    said = f"Run `{run.name}` is {run.record.status}" + (f": {why}" if why else ".")
    return f"{said}\n\n{again(run)}"


def again(run: RunView) -> str:
    """Return how to go on with a run that did not complete."""
    source = run.plan.source
    if source is None or source.module == "zenml.declare.single":
        return _AGAIN
    return f"Go on with what is missing: zenml run resume {short(run.id)}"


def _element(run: RunView, step: StepView) -> list[str]:
    """Return which of several calls of a step it was, and with what values, since their ids do not tell."""
    family = family_of(step.name)
    alike = [one.id for one in run.plan.invocations if family_of(one.id) == family]
    if len(alike) < 2 or step.name not in alike:
        return []
    values = step.config.parameters.items()
    given = ", ".join(f"{name} = {_shortened(repr(value))}" for name, value in values)
    which = f"It is call {alike.index(step.name) + 1} of {len(alike)} of step `{family}`"
    return [f"{which}, with {given}." if given else f"{which}."]


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDEST_VALUE else f"{text[: _WIDEST_VALUE - 1]}…"


def _log_block(step: StepView) -> list[str]:
    logs = step.logs
    lines = last_lines(logs.uri) if logs is not None else []
    return ["Last lines of its log:", *_indented(lines)] if lines else []


def _others_block(others: Sequence[StepView]) -> list[str]:
    lines = [f"Step `{step.name}` failed too: {cause(step.failure)}" for step in others[:_OTHERS]]
    if len(others) > _OTHERS:
        lines.append(f"… and {len(others) - _OTHERS} more")
    return lines


def _remedy_block(run: RunView, step: StepView) -> list[str]:
    """Return what to do now."""
    lines = [f"Repair it. {again(run)}"]
    if step.logs is not None:
        lines.append(f"The whole log: zenml logs {short(run.id)} {step.name}")
    return lines


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
