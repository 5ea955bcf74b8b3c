"""`add_tags` and `remove_tags`: names to find runs, artifacts and pipelines by."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from zenml.client.targets import artifact_target, pipeline_target, run_target
from zenml.context.step import current_step
from zenml.errors import ConfigurationError, ContextError
from zenml.records.events import LoggedTags, Target
from zenml.records.tagging import read_tags
from zenml.store.opening import open_store
from zenml.store.store import Notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.config.tag import Tag
    from zenml.worker.step_session import StepSession

Tags: TypeAlias = "str | Tag | Sequence[str | Tag]"


def add_tags(
    tags: Tags,
    *,
    run: str | None = None,
    artifact: str | None = None,
    artifact_version: int | str | None = None,
    pipeline: str | None = None,
    infer_artifact: bool = False,
) -> None:
    """Tag a run, a version of an artifact or a pipeline; inside a step, the run it belongs to.

    Args:
        tags: one tag or several, as text or as `Tag(…)`.
        run: a run by name, id or a part of the id.
        artifact: an artifact by name or id; with `infer_artifact`, an output of this step.
        artifact_version: which version of it; the newest if None.
        pipeline: a pipeline by name or id.
        infer_artifact: inside a step: its output.

    Raises:
        ContextError: nothing was named, and no step is running here.
        NotFoundError: there is no such run, artifact or pipeline.
    """
    if infer_artifact:
        _step("infer_artifact=True").context.add_output_tags(tags, artifact)
        return
    _write(_target(run, artifact, artifact_version, pipeline), tags)


def remove_tags(
    tags: Tags,
    *,
    run: str | None = None,
    artifact: str | None = None,
    artifact_version: int | str | None = None,
    pipeline: str | None = None,
    infer_artifact: bool = False,
) -> None:
    """Take tags off a run, an artifact or a pipeline; the arguments are those of `add_tags`."""
    if infer_artifact:
        _step("infer_artifact=True").context.remove_output_tags(tags, artifact)
        return
    _write(_target(run, artifact, artifact_version, pipeline), tags, is_removal=True)


def _step(what: str) -> StepSession:
    step = current_step()
    if step is None:
        raise ContextError(
            f"`{what}` asks for the step that is running, and none is running here. Name what is meant, with "
            "`run=`, `artifact=` or `pipeline=`."
        )
    return step


def _target(run: str | None, artifact: str | None, version: int | str | None, pipeline: str | None) -> Target:
    if sum(name is not None for name in (run, artifact, pipeline)) > 1:
        raise ConfigurationError(
            "Tags were given for several things at once. Call it once for each run, artifact or pipeline."
        )
    if artifact is not None:
        return artifact_target(artifact, version)
    if pipeline is not None:
        return pipeline_target(pipeline)
    return run_target(run or _step("a call without a target").task.run_id)


def _write(target: Target, tags: Tags, *, is_removal: bool = False) -> None:
    """Record tags: the owner of the run does it for a step, this process does it outside."""
    step = current_step()
    if step is not None:
        step.context.log_tags(target, tags, is_removal=is_removal)
        return
    logged = LoggedTags(target, read_tags(tags, f"this {target.kind}"), is_removal)
    notes, store = Notes(), open_store()
    (notes.untag if is_removal else notes.tag)(logged.records())
    store.annotate(notes)
    store.wait_durable()
