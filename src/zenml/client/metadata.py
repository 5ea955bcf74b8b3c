"""`log_metadata`: values kept with a run, a step, an artifact or a model, to be compared later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client.targets import artifact_target, model_target, run_target, step_target
from zenml.context.masking import mask_value
from zenml.context.step import current_step
from zenml.errors import ConfigurationError, ContextError
from zenml.records.events import LoggedMetadata, Target
from zenml.records.ids import microseconds_now
from zenml.records.metadata_values import read_metadata
from zenml.store.opening import open_store
from zenml.store.store import Notes

if TYPE_CHECKING:
    from collections.abc import Mapping


def log_metadata(
    metadata: Mapping[str, Any],
    *,
    run_id_name_or_prefix: str | None = None,
    step_id: str | None = None,
    step_name: str | None = None,
    artifact_version_id: str | None = None,
    artifact_name: str | None = None,
    artifact_version: int | str | None = None,
    infer_artifact: bool = False,
    model_name: str | None = None,
    model_version: int | str | None = None,
    infer_model: bool = False,
) -> None:
    """Keep values with a run, a step, an artifact or a model; inside a step, with the step itself.

    A value replaces an earlier one of the same name; the earlier one stays in the history.

    Args:
        metadata: names and values; a value is anything that JSON can hold, nested as you like.
        run_id_name_or_prefix: the run; with `step_name`, the run of that step.
        step_id: a step run by id.
        step_name: a step by its name in the run, inside a step in the same run.
        artifact_version_id: a version of an artifact by id.
        artifact_name: an artifact by name; with `infer_artifact`, an output of this step.
        artifact_version: which version of it; the newest if None.
        infer_artifact: inside a step: its output.
        model_name: a model by name.
        model_version: which version of it, by number, name or stage; the newest if None.
        infer_model: inside a step: the version of the model that it works on.

    Example:
        `log_metadata({"accuracy": 0.93, "epochs": 12})`

    Raises:
        ConfigurationError: a value cannot be kept, or several targets were named.
        ContextError: no target was named, and no step is running here.
        NotFoundError: there is no such run, step, artifact or model.
    """
    step = current_step()
    if infer_model or model_name is not None or model_version is not None:
        if infer_artifact or any(
            (run_id_name_or_prefix, step_id, step_name, artifact_version_id, artifact_name)
        ):
            raise ConfigurationError(
                "`log_metadata` was given a model beside a run, a step or an artifact. Call it once for each of them."
            )
        _write(model_target(model_name, model_version), metadata)
        return
    if infer_artifact:
        if step is None:
            raise ContextError(
                "`infer_artifact=True` was given where no step is running. Name the artifact instead, with "
                "`artifact_name=`."
            )
        step.context.add_output_metadata(metadata, artifact_name)
        return
    step_named = step_id is not None or step_name is not None
    artifact = artifact_version_id or artifact_name
    if artifact is not None and (step_named or run_id_name_or_prefix is not None):
        raise ConfigurationError(
            "`log_metadata` was given an artifact beside a run or a step. Call it once for each of them."
        )
    if artifact is not None:
        target = artifact_target(artifact, artifact_version)
    elif run_id_name_or_prefix is not None and not step_named:
        target = run_target(run_id_name_or_prefix)
    elif step_named or step is not None:
        target = step_target(run_id_name_or_prefix, step_name, step_id)
    else:
        raise ContextError(
            "`log_metadata` was called where no step is running, and without a target. Name one: "
            "`run_id_name_or_prefix=`, `step_id=` or `artifact_name=`."
        )
    _write(target, metadata)


def log_model_metadata(
    metadata: Mapping[str, Any], model_name: str | None = None, model_version: int | str | None = None
) -> None:
    """Keep values with a version of a model; inside a step, with the one that it works on.

    Args:
        metadata: names and values, as in `log_metadata`.
        model_name: a model by name; inside a step, the model of the step if None.
        model_version: which version of it, by number, name or stage; the newest if None.
    """
    _write(model_target(model_name, model_version), metadata)


def _write(target: Target, metadata: Mapping[str, Any]) -> None:
    """Record values: the owner of the run does it for a step, this process does it outside."""
    step = current_step()
    if step is not None:
        step.context.log_metadata(target, metadata)
        return
    values = mask_value(read_metadata(metadata, "the metadata"))
    logged = LoggedMetadata(target, values, microseconds_now())
    store = open_store()
    store.annotate(Notes(metadata=logged.records()))
    store.wait_durable()
