"""A failed run as a text that lets a person repair it: which step, why, where, and what to do now."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from zenml.records.ids import short
from zenml.views.step_tree import group_of, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zenml.records.run import Failure, StepOutline, StepRun
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
_SEE_CHILD = re.compile(r"(Step|Pipeline|The function of pipeline) `.* failed\. See: zenml run show \w+$")
_STANDARD = os.path.dirname(os.__file__) + os.sep


def failure_panel(run: RunView) -> str:
    """Return what a person needs to know of a run that did not succeed; "" for one that did."""
    if run.record.status == "completed":
        return ""  # what failed in it was handled by the pipeline's function
    failed = [call.step for call in run.calls if call.step is not None and call.step.status == "failed"]
    is_of_step = run.failure is None or any(_is_same(one.failure, run.failure) for one in failed)
    if run.failure is not None and not is_of_step and run.stored_plan.is_dynamic:
        return _joined(_of_function(run, run.failure, failed))
    if not failed:
        return _without_step(run)
    # A failure that the function of a dynamic pipeline handled may have come before the one that is the run's.
    first = next((one for one in failed if _is_same(one.failure, run.failure)), failed[0])
    step = run.step_run(first.id)
    kind = "Step" if first.child_run_id is None else "Pipeline"
    return _joined(
        [
            [
                f"{kind} `{step.name}` of run `{run.name}` failed: {cause(step.failure)}",
                *_child(run, step),
                *_element(run, step),
            ],
            _indented(_user_lines_of(step)),
            _log_block(step),
            _others_block([one for one in failed if one is not first]),
            _remedy_block(run, step),
        ]
    )


def _joined(blocks: Iterable[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _of_function(
    run: RunView, failure: Failure, failed: Sequence[StepRun | StepOutline]
) -> list[Sequence[str]]:
    """Return the panel of a run that failed because the function of its pipeline raised something of its own."""
    logs = run.logs
    lines = last_lines(logs.uri) if logs is not None else []
    remedy = [f"Repair it. {again(run)}"]
    if failed:
        remedy.append(f"Its log: zenml logs {short(run.id)} {failed[0].invocation_id}")
    return [
        [
            f"The function of pipeline `{run.record.pipeline_name}` failed in run `{run.name}`: {cause(failure)}"
        ],
        _indented(user_lines(failure.traceback)),
        ["Last lines that it printed:", *_indented(lines)] if lines else [],
        _others_block(failed, too=""),
        remedy,
    ]


def _is_same(one: Failure | None, other: Failure | None) -> bool:
    """Tell whether two records are of the same exception; the traceback grows on its way to the caller."""
    return one is not None and other is not None and (one.type, one.message) == (other.type, other.message)


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
    why = run.reason or (cause(run.failure) if run.failure else "")
    said = f"Run `{run.name}` is {run.record.status}" + (f": {why}" if why else ".")
    return f"{said}\n\n{again(run)}"


def again(run: RunView) -> str:
    """Return how to go on with a run that did not complete."""
    parent = run.parent
    if (
        parent is not None and parent.record.status != "completed"
    ):  # which would not hear of it if this went on alone
        return f"It was called by run `{parent.name}`. {again(parent)}"
    source = run.plan.source
    if source is None or source.module == "zenml.declare.single":
        return _AGAIN
    return f"Go on with what is missing: zenml run resume {short(run.id)}"


def _user_lines_of(step: StepView) -> list[str]:
    """Return the traceback of a failed call; of a pipeline without the note that says what `_child` does."""
    lines = user_lines(step.failure.traceback) if step.failure else []
    if step.record.child_run_id is not None:
        lines = [line for line in lines if not _SEE_CHILD.match(line)]
    return lines


def _child(run: RunView, step: StepView) -> list[str]:
    """Return in which run the call of a pipeline failed, and in which of its steps."""
    identifier = step.record.child_run_id
    child = next((one for one in run.children if one.id == identifier), None)
    if child is None:
        return []
    failed = next((one.name for one in child.steps.values() if one.record.status == "failed"), None)
    where = f"step `{failed}` of " if failed is not None else ""
    return [f"It failed in {where}run `{child.name}`. See: zenml run show {short(child.id)}"]


def _element(run: RunView, step: StepView) -> list[str]:
    """Return which of several calls of a step it was, and with what values, since their ids do not tell."""
    group = group_of(step.name, step.record.invocation.map)
    alike = in_order(call for call in run.calls if group_of(call.id, call.map) == group)
    ids = [call.id for call in alike]
    if (len(ids) < 2 and step.record.invocation.map is None) or step.name not in ids:
        return []
    place = f"{ids.index(step.name) + 1} of {len(ids)}"
    if step.record.invocation.map is not None:
        has_keys = step.name.endswith(("']", '"]'))  # then its name says more than its place
        said = f"one of {len(ids)} elements" if has_keys else f"element {place}"
        which = f"It is {said} of map `{step.record.invocation.map}`"
    else:
        kind = "step" if step.record.child_run_id is None else "pipeline"
        which = f"It is call {place} of {kind} `{group}`"
    given = ", ".join(f"{name} = {_shortened(text)}" for name, text in _given(step))
    return [f"{which}, with {given}." if given else f"{which}."]


def _given(step: StepView) -> Iterator[tuple[str, str]]:
    """Yield the arguments of a step: its values, and where its artifacts are from."""
    for name, value in step.config.parameters.items():
        yield name, repr(value)
    if step.record.invocation.map is None:
        return  # calls that were written one by one are told apart by their values
    for name, artifacts in step.inputs.items():
        if isinstance(artifacts, list):
            yield name, f"{len(artifacts)} artifacts"
        else:
            shown = artifacts.record.metadata.get("preview", {}).get("text")
            told = f": {' '.join(str(shown).split())}" if shown else ""
            yield name, f"{artifacts.name}@{artifacts.version} ({artifacts.data_type}){told}"


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDEST_VALUE else f"{text[: _WIDEST_VALUE - 1]}…"


def _log_block(step: StepView) -> list[str]:
    logs = step.logs
    lines = last_lines(logs.uri) if logs is not None else []
    return ["Last lines of its log:", *_indented(lines)] if lines else []


def _others_block(others: Sequence[StepRun | StepOutline], too: str = " too") -> list[str]:
    lines = [f"Step `{step.invocation_id}` failed{too}: {cause(step.failure)}" for step in others[:_OTHERS]]
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
