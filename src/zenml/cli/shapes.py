"""What `--json` prints: one function for each shape, whose keys stay as they are.

Times are ISO 8601 in UTC, durations are seconds, ids are whole. A key is always there; its
value is null where there is nothing to say.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from zenml.cli.style import iso_time
from zenml.config.model import ABOUT
from zenml.records.hooks import HookStatus
from zenml.views.noted import metadata_of_each, tags_of_each
from zenml.views.step_states import ordered
from zenml.views.step_tree import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zenml.client.explaining import Explanation
    from zenml.client.step_reference import StepReference
    from zenml.records.events import Progress
    from zenml.records.hooks import HookRun
    from zenml.records.query import Page
    from zenml.records.run import Artifact, Failure, StepRun
    from zenml.records.waits import Wait
    from zenml.store.store import Store
    from zenml.views.model_view import ModelVersionView, ModelView
    from zenml.views.noted import TagName
    from zenml.views.replay_report import ReplayReport
    from zenml.views.run_view import RunView
    from zenml.views.step_tree import Call
    from zenml.views.step_view import StepView

    Shape = dict[str, Any]


def page_shape(page: Page, item: Callable[[Any], Shape]) -> Shape:
    """Return a page of a list: items, total, page, size, total_pages."""
    return {
        "items": [item(one) for one in page.items],
        "total": page.total,
        "page": page.page,
        "size": page.size,
        "total_pages": page.total_pages,
    }


def run_shape(run: RunView) -> Shape:
    """Return a run of a list.

    id, name, status, pipeline, started_at, ended_at, duration, reason; original_id, the run that it reproduces.
    """
    record = run.record
    return {
        "id": record.id,
        "name": record.name,
        "status": record.status,
        "pipeline": record.pipeline_name,
        "started_at": iso_time(record.created_at),
        "ended_at": iso_time(record.ended_at),
        "duration": run.duration,
        "reason": record.reason,
        "original_id": record.original_id,
    }


def whole_run_shape(
    run: RunView, references: Mapping[str, StepReference], outputs: Mapping[str, Iterable[Artifact]]
) -> Shape:
    """Return a run as `run show` prints it.

    The keys of `run_shape`, and: parent, the run that called it: id, name; children, those that it called: id, name,
    status, pipeline; original, the run that it reproduces: id, name; replays, those that reproduce it: id, name,
    status; parameters, as stored JSON by name; tags; stack: name, components, names by type; model: name, version, number; failure, as in
    `failure_shape`; hooks, how many are pending, completed, failed, skipped; hook_failures, each hook, step
    (null: of the run), source, failure; steps, each as in `step_shape`, in the order in which they began;
    waiting, the ids of steps of the plan that did not begin; counts, how many steps are in which state, with the
    calls of a dynamic pipeline that wait, also of each of the children; maps, each as in `map_shapes`; waits, each question as in `wait_shape`.

    Args:
        run: the run.
        references: where cached steps have their results from, by id of step run.
        outputs: artifacts by the id of the step run that produced them.
    """
    begun = run.steps
    hooks = run.hook_runs
    return {
        **run_shape(run),
        "parent": None if (parent := run.parent) is None else {"id": parent.id, "name": parent.name},
        "children": [
            {
                "id": one.id,
                "name": one.name,
                "status": one.record.status,
                "pipeline": one.record.pipeline_name,
                "counts": run.counts_of_children.get(one.id, {}),
            }
            for one in run.children
        ],
        "original": None if (first := run.original) is None else {"id": first.id, "name": first.name},
        "replays": [{"id": one.id, "name": one.name, "status": one.record.status} for one in run.replays],
        "parameters": {name: msgspec.json.decode(raw) for name, raw in run.record.parameters.items()},
        "tags": run.tags,
        "stack": {
            "name": (stack := run.stack).name,
            "components": {kind: one.name for kind, one in stack.components.items()},
        },
        "model": None
        if (version := run.model_version) is None
        else {"name": version.record.model_name, "version": version.name, "number": version.number},
        "failure": failure_shape(run.failure),
        "hooks": {name: sum(one.status == name for one in hooks) for name in get_args(HookStatus)},
        "hook_failures": [hook_failure_shape(one) for one in hooks if one.status == "failed"],
        "steps": [step_shape(step, references, outputs) for step in begun.values()],
        "waiting": [one.id for one in run.stored_plan.invocations if one.id not in begun],
        "counts": run.counts,
        "maps": map_shapes(run),
        "waits": [wait_shape(one) for one in run.waits],
    }


def replay_shape(report: ReplayReport) -> Shape:
    """Return how a replay compares with its original.

    original: id, name; is_same; outputs of what was executed, each step, output, verdict: `same`, `differs` or `new`,
    artifact_id, original_artifact_id; taken, failed, missing: ids of steps.
    """
    return {
        "original": {"id": report.original_id, "name": report.original},
        "is_same": report.is_same,
        "outputs": [msgspec.structs.asdict(one) for one in report.outputs],
        "taken": list(report.taken),
        "failed": list(report.failed),
        "missing": list(report.missing),
    }


def wait_shape(wait: Wait) -> Shape:
    """Return a question to a person.

    name; question; schema, a JSON Schema; status: `open`, `answered`, `expired` or `withdrawn`; asked_at; expires_at;
    answer; answered_at; answered_by.
    """
    return {
        "name": wait.name,
        "question": wait.question,
        "schema": wait.answer_schema,
        "status": wait.status,
        "asked_at": iso_time(wait.asked_at),
        "expires_at": iso_time(wait.expires_at),
        "answer": wait.answer,
        "answered_at": iso_time(wait.answered_at),
        "answered_by": wait.answered_by,
    }


def step_shape(
    step: StepView, references: Mapping[str, StepReference], outputs: Mapping[str, Iterable[Artifact]]
) -> Shape:
    """Return a step in its last attempt.

    id, its invocation id; step_run_id; name, that of the step; status; attempt; started_at; ended_at;
    duration; cpu_seconds and peak_memory in bytes, null where it had no process of its own; memory_guard: `cgroup` or
    `watchdog`, null where its memory has no cap; progress, as in `progress_shape`, null unless it runs and uses
    `track`; upstream, ids of the steps it waited for; cached_from, as in `reference_shape`; reason; failure, as in
    `failure_shape`; outputs, each name, artifact_id, type, size; log, a path; map, the name of the map whose element
    it is; child_run_id, for the call of a pipeline the id of its run.
    """
    record = step.record
    logs = step.logs
    return {
        "id": record.invocation_id,
        "step_run_id": record.id,
        "name": step.definition.name,
        "status": record.status,
        "attempt": record.attempt,
        "started_at": iso_time(record.started_at),
        "ended_at": iso_time(record.ended_at),
        "duration": step.duration,
        **usage_shape(record),
        "progress": None if (progress := step.progress) is None else progress_shape(progress),
        "upstream": list(record.invocation.upstream()),
        "cached_from": reference_shape(references.get(record.cached_from or "")),
        "reason": record.reason,
        "failure": failure_shape(record.failure),
        "outputs": [
            {"name": one.output, "artifact_id": one.id, "type": one.type, "size": one.size}
            for one in outputs.get(record.cached_from or record.id, ())
        ],
        "log": logs.uri if logs is not None else None,
        "map": record.invocation.map,
        "child_run_id": record.child_run_id,
    }


def usage_shape(step: StepRun) -> Shape:
    """Return what the processes of an attempt have used: cpu_seconds, peak_memory, memory_guard."""
    return {
        "cpu_seconds": None if step.cpu_time is None else step.cpu_time / 1e6,
        "peak_memory": step.peak_memory,
        "memory_guard": step.memory_guard,
    }


def map_shapes(run: RunView) -> list[Shape]:
    """Return the maps of a run: name, counts by state, elements, the ids of the steps in their order."""
    elements: dict[str, list[Call]] = {}
    for call in run.calls:
        if call.map is not None:
            elements.setdefault(call.map, []).append(call)
    waiting = {group: number for group, number in run.waiting.items() if group.endswith("[]")}
    for group in waiting:
        elements.setdefault(group[:-2], [])
    shapes = []
    for name, calls in elements.items():
        counts = Counter(call.status for call in calls)
        counts["waiting"] += waiting.get(f"{name}[]", 0)
        ids = [call.id for call in in_order(calls)]
        shapes.append({"name": name, "counts": ordered(counts), "elements": ids})
    return shapes


def model_shape(model: ModelView, tags: list[TagName] | None = None) -> Shape:
    """Return a model of a list: id, name, tags, created_at, and what is said of it, null where nothing is."""
    return {
        "id": model.id,
        "name": model.name,
        "tags": model.tags if tags is None else tags,
        "created_at": iso_time(model.record.created_at),
        **{word: model.record.about.get(word) for word in ABOUT},
    }


def model_version_shapes(versions: Sequence[ModelVersionView], store: Store) -> list[Shape]:
    """Return versions of a list, each as in `model_version_shape`."""
    ids = [one.id for one in versions]
    tags, metadata = tags_of_each(store, "model_version", ids), metadata_of_each(store, "model_version", ids)
    return [model_version_shape(one, tags[one.id], metadata[one.id]) for one in versions]


def model_version_shape(
    version: ModelVersionView, tags: list[TagName] | None = None, metadata: Shape | None = None
) -> Shape:
    """Return a version of a list: id, model, number, name, stage, description, tags, metadata, run_id, created_at."""
    record = version.record
    return {
        "id": record.id,
        "model": record.model_name,
        "number": record.number,
        "name": record.name,
        "stage": record.stage,
        "description": record.description,
        "tags": version.tags if tags is None else tags,
        "metadata": version.run_metadata if metadata is None else metadata,
        "run_id": record.run_id,
        "created_at": iso_time(record.created_at),
    }


def progress_shape(progress: Progress) -> Shape:
    """Return how far a step is: done, total (null where nobody knows), description."""
    return {"done": progress.done, "total": progress.total, "description": progress.description}


def hook_failure_shape(hook: HookRun) -> Shape:
    """Return a hook that failed: hook, step, source, failure as in `failure_shape`."""
    return {
        "hook": hook.hook,
        "step": hook.invocation_id,
        "source": hook.source.dotted,
        "failure": failure_shape(hook.failure),
    }


def failure_shape(failure: Failure | None) -> Shape | None:
    """Return an exception: type, message, traceback, notes, exit_code, signal."""
    if failure is None:
        return None
    return {
        "type": failure.type,
        "message": failure.message,
        "traceback": failure.traceback,
        "notes": list(failure.notes),
        "exit_code": failure.exit_code,
        "signal": failure.signal,
    }


def reference_shape(reference: StepReference | None) -> Shape | None:
    """Return which step run is meant: run, run_id, step, step_run_id, ended_at."""
    if reference is None:
        return None
    return {
        "run": reference.run,
        "run_id": reference.run_id,
        "step": reference.step,
        "step_run_id": reference.step_run_id,
        "ended_at": iso_time(reference.ended_at),
    }


def explanation_shape(explanation: Explanation) -> Shape:
    """Return the answer of `step why`.

    run, run_id, step, step_run_id, status; verdict: `cached`, `executed` or `skipped`; cause: `hit`,
    `changed`, `disabled`, `first`, `expired`, `damaged`, `skipped`,
    `resumed`, `replayed` or `unknown`; reason, a clause;
    reference, as in `reference_shape`: the result that was used, or that was compared with; changes,
    each kind, name, text, before, after, file, line, step, diff; blind_spots.
    """
    return {
        "run": explanation.run,
        "run_id": explanation.run_id,
        "step": explanation.step,
        "step_run_id": explanation.step_run_id,
        "status": explanation.status,
        "verdict": explanation.verdict,
        "cause": explanation.cause,
        "reason": explanation.reason,
        "reference": reference_shape(explanation.reference),
        "changes": [msgspec.structs.asdict(change) for change in explanation.changes],
        "blind_spots": list(explanation.blind_spots),
    }
