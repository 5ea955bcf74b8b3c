"""What users name when they log metadata or tags: a run, a step, an artifact, a pipeline, a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.client.client import Client
from zenml.client.resolving import find_run, find_step
from zenml.context.step import current_step
from zenml.errors import ContextError, NotFoundError
from zenml.records.events import Target
from zenml.records.run import StepRun
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.store.store import Store


def run_target(text: str) -> Target:
    """Return the target of a run by name, id or a part of the id; a step's own run needs no store."""
    step = current_step()
    if step is not None and text in (step.task.run_id, step.task.run_name):
        return Target("run", step.task.run_id)
    return Target("run", find_run(Client().store, text).id)


def step_target(run: str | None, name: str | None, identifier: str | None) -> Target:
    """Return the target of a step run: by id, or by its name in a run (inside a step: in this run)."""
    current = current_step()
    if identifier is not None:
        if current is None or identifier != current.task.step_run_id:
            _check_step(Client().store, identifier)
        return Target("step", identifier)
    if current is not None and run in (None, current.task.run_id, current.task.run_name):
        if name in (None, current.task.invocation.id):
            return Target("step", current.task.step_run_id)
        run = current.task.run_id
    if run is None:
        raise ContextError(
            f"Which step is `{name}`? Outside a step, name its run too, with `run_id_name_or_prefix=`, "
            "or give the `step_id=`."
        )
    store = Client().store
    return Target("step", find_step(RunView(find_run(store, run), store), str(name)).id)


def artifact_target(name_or_id: str, version: int | str | None) -> Target:
    """Return the target of a version of an artifact, which the step may just have saved itself."""
    current = current_step()
    for artifact in reversed(current.saved if current is not None else ()):
        if name_or_id in (artifact.id, artifact.name) and version in (None, artifact.version or None):
            return Target("artifact", artifact.id)
    return Target("artifact", Client().get_artifact_version(name_or_id, version).id)


def pipeline_target(name_or_id: str) -> Target:
    """Return the target of a pipeline."""
    return Target("pipeline", str(Client().get_pipeline(name_or_id).id))


def model_target(name: str | None, version: int | str | None) -> Target:
    """Return the target of a version of a model; without a name, the one that the running step works on."""
    step = current_step()
    own = None if step is None else step.task.model
    if name is None:
        if own is None:
            where = "where no step is running" if step is None else "in a step that works on no model"
            raise ContextError(
                f"Which model is meant? Metadata of a model was logged {where}. Name it with `model_name=`, or "
                "give the pipeline or the step a `model=Model(…)`."
            )
        name = own.model_name
        if version is None:
            return Target("model_version", own.id)
    asked = None if version is None else str(version)
    return Target("model_version", Client().store.models.find(name, asked).id)


def _check_step(store: Store, identifier: str) -> None:
    if store.get(StepRun, identifier) is None:
        raise NotFoundError(
            f"There is no step run `{identifier}`. The id of a step run is `run.steps['name'].id`."
        )
