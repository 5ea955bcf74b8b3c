r"""Follow steps in MLflow: each attempt at a step is a run there.

Install: `pip install 'zenml-core[mlflow]'`

    zenml secret create mlflow --from-file mlflow.env  # token=…
    zenml experiment-tracker register mlflow --flavor mlflow \
        --tracking_uri https://mlflow.example.com --tracking_token '{{mlflow.token}}'
    zenml stack register tracked -e mlflow --set

    @step(experiment_tracker="mlflow", settings={"experiment_tracker.mlflow": {"autolog": True}})
    def train(data: pd.DataFrame) -> LogisticRegression:
        model = LogisticRegression().fit(data[["age"]], data["label"])  # autologged
        mlflow.log_metric("rows", len(data))
        return model

The run in MLflow is called `RUN/STEP`, has the tags `zenml.run`, `zenml.run_id`, `zenml.pipeline`, `zenml.step` and
`zenml.attempt`, and the parameters of the step. Those are added when the step ends, and only where the step or
autologging has not logged one of that name itself, because MLflow refuses a second value.

MLflow has one place and one autologging per process, so tracked steps belong into processes of their own.

Tested with a real MLflow server on one machine.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun, TrackedStep
from zenml.components.flavor import Configuration, Flavor, Place
from zenml.components.registry import missing_library
from zenml.errors import ComponentError
from zenml.flavors._mlflow_service import MlflowConnection, MlflowService, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_PARAMETERS = 100  # in one request: MLflow takes no more
_LONGEST_PARAMETER = 6000  # characters, MLflow's own limit
_LONGEST_TAG = 5000


class MlflowTrackerConfig(MlflowConnection, frozen=True, kw_only=True):
    """Where MLflow is, and what holds for all steps."""

    experiment_name: Annotated[
        str | None, Meta(description="The experiment of all runs; without it, the name of the pipeline.")
    ] = None
    autolog: Annotated[
        bool,
        Meta(
            description="Whether MLflow logs by itself what libraries do, without the models that they fit."
        ),
    ] = False


class MlflowTrackerSettings(Configuration, frozen=True, kw_only=True):
    """What a step says of its tracking."""

    experiment_name: Annotated[str | None, Meta(description="The experiment of this step.")] = None
    nested: Annotated[
        bool, Meta(description="Whether the runs of all steps lie below one run for the whole pipeline run.")
    ] = False
    tags: Annotated[dict[str, str | int | float], Meta(description="Further tags of the run in MLflow.")] = (
        msgspec.field(default_factory=dict)
    )
    autolog: Annotated[
        bool | None, Meta(description="Whether MLflow logs by itself; without it, as the component says.")
    ] = None


class MlflowTracker(ExperimentTracker):
    """Opens a run of MLflow around a step."""

    def __init__(self, config: MlflowTrackerConfig, place: Place) -> None:
        self._config = config
        self._service = MlflowService(config, name=place.name, folder=place.folder)
        self._step: TrackedStep | None = None
        self._run_id = ""
        self._parent: str | None = None
        self._experiment_id = ""

    def start(self, step: TrackedStep, settings: Any = None) -> TrackedRun:
        """Open a run, and make it the active one of this thread."""
        try:
            import mlflow  # noqa: F401
        except ImportError as error:
            raise missing_library(FLAVOR, error) from error
        said: MlflowTrackerSettings = settings or MlflowTrackerSettings()
        experiment = said.experiment_name or self._config.experiment_name or step.pipeline
        has_autologging = self._config.autolog if said.autolog is None else said.autolog
        surroundings.enter(self._service, experiment, has_autologging=has_autologging)
        try:
            with self._asked(f"begin a run for step `{step.step}`"):
                self._begin(step, said, experiment, has_autologging=has_autologging)
        except BaseException:
            surroundings.leave()
            raise
        self._step = step
        return TrackedRun(
            id=self._run_id,
            url=self._url(),
            metadata={"experiment": experiment, "experiment_id": self._experiment_id},
        )

    def finish(self, *, failure: BaseException | None) -> None:
        """Log the parameters that the step has not logged itself, and close the run."""
        step, self._step = self._step, None
        if step is None:
            return
        status = "FINISHED" if failure is None else "FAILED" if isinstance(failure, Exception) else "KILLED"
        try:
            with self._asked(f"close the run of step `{step.step}`"):
                self._end(step, status, failure)
        finally:
            surroundings.leave()

    @contextmanager
    def _asked(self, for_what: str) -> Iterator[None]:
        with self._service.asked(for_what, "experiment tracker"), surroundings.limited():
            yield

    # The beginning

    def _begin(
        self, step: TrackedStep, said: MlflowTrackerSettings, experiment: str, *, has_autologging: bool
    ) -> None:
        import mlflow
        from mlflow.tracking import MlflowClient

        if mlflow.active_run() is not None:
            raise ComponentError(
                f"A run of MLflow is active where step `{step.step}` begins, and it is not the step's. End it with"
                " `mlflow.end_run()`, or let the step run in a process of its own."
            )
        self._service.begin()
        client = MlflowClient()
        # A server sees to it itself that no two make the same; in an SQLite file not even the tables are there.
        with nullcontext() if self._service.is_remote else self._service.alone():
            self._experiment_id = _experiment(client, experiment, self._service.artifacts)
        surroundings.set_experiment(self._experiment_id)
        self._parent = None
        if said.nested:
            with self._service.alone():
                self._parent = _parent(client, self._experiment_id, step)
        _close_lost(client, self._experiment_id, step)
        if has_autologging:
            mlflow.autolog(log_models=False)
        run = mlflow.start_run(
            experiment_id=self._experiment_id,
            run_name=f"{step.run_name}/{step.step}",
            parent_run_id=self._parent,
            tags=_tags(step) | {name: str(value) for name, value in said.tags.items()},
        )
        self._run_id = run.info.run_id

    def _url(self) -> str | None:
        if not self._service.is_remote:
            return None
        return f"{self._service.uri}/#/experiments/{self._experiment_id}/runs/{self._run_id}"

    # The end

    def _end(self, step: TrackedStep, status: str, failure: BaseException | None) -> None:
        import mlflow
        from mlflow.tracking import MlflowClient

        client = MlflowClient()
        problems: list[Exception] = []
        try:
            self._log_parameters(client, step)
            if failure is not None:
                client.set_tag(self._run_id, "zenml.failure", type(failure).__name__)
        except Exception as error:  # what follows must happen all the same
            problems.append(error)
        is_ended = False
        while (
            run := mlflow.active_run()
        ) is not None:  # runs that the step has begun and left open come first
            is_ended = is_ended or run.info.run_id == self._run_id
            try:
                mlflow.end_run(status)  # it is no longer active, even if this fails
            except Exception as error:  # as above
                problems.append(error)
        if problems:
            raise problems[0]
        if not is_ended and failure is not None:  # the step has ended the run itself
            client.set_terminated(self._run_id, status)
        if self._parent is not None:
            _close_parent(client, self._experiment_id, self._parent)

    def _log_parameters(self, client: Any, step: TrackedStep) -> None:
        from mlflow.entities import Param

        if not step.parameters:
            return
        known = client.get_run(self._run_id).data.params
        new = [
            Param(name, _text(value)[:_LONGEST_PARAMETER])
            for name, value in step.parameters.items()
            if name not in known
        ]
        for start in range(0, len(new), _MOST_PARAMETERS):
            client.log_batch(self._run_id, params=new[start : start + _MOST_PARAMETERS])


# Runs above, beside and before the one of a step


def _experiment(client: Any, name: str, artifacts: str | None) -> str:
    """Return the id of an experiment, made if there is none."""
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(name)
    if known is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifacts))
        except MlflowException as error:
            known = client.get_experiment_by_name(name)  # another machine was faster
            if known is None:
                raise error from None
    if known.lifecycle_stage != "active":
        raise ComponentError(
            f"The experiment `{name}` was deleted in MLflow. Restore it there (`mlflow experiments restore -x"
            f" {known.experiment_id}`), or give another `experiment_name`."
        )
    return str(known.experiment_id)


def _parent(client: Any, experiment_id: str, step: TrackedStep) -> str:
    """Return the run above the runs of all steps, made if there is none.

    MLflow cannot create a run only if there is none like it. Processes of one machine come here one after
    the other. Those of several machines may each make one: the earliest counts, and who made another deletes it.
    """
    known = _parents(client, experiment_id, step)
    if not known:
        tags = {key: value for key, value in _tags(step).items() if key in _OF_THE_RUN}
        made = client.create_run(
            experiment_id, run_name=step.run_name, tags=tags | {"zenml.is_parent": "true"}
        )
        known = _parents(client, experiment_id, step) or [made]
        if known[0].info.run_id != made.info.run_id:
            client.delete_run(made.info.run_id)
    first = known[0]
    if first.info.status != "RUNNING":
        client.update_run(first.info.run_id, status="RUNNING")
    return str(first.info.run_id)


def _parents(client: Any, experiment_id: str, step: TrackedStep) -> list[Any]:
    wanted = f"tags.`zenml.run_id` = '{step.run_id}' and tags.`zenml.is_parent` = 'true'"
    found = client.search_runs([experiment_id], wanted)
    return sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))


def _close_parent(client: Any, experiment_id: str, parent: str) -> None:
    """Close the run above when no step below is running; it has failed if the last attempt at any step has."""
    last: dict[str, Any] = {}
    for run in _all_runs(client, experiment_id, f"tags.`mlflow.parentRunId` = '{parent}'"):
        name = run.data.tags.get("zenml.step", run.info.run_id)
        last[name] = max(last.get(name, run), run, key=lambda one: one.info.start_time)
    statuses = {run.info.status for run in last.values()}
    if "RUNNING" not in statuses:
        client.set_terminated(parent, "FINISHED" if statuses <= {"FINISHED"} else "FAILED")


def _close_lost(client: Any, experiment_id: str, step: TrackedStep) -> None:
    """Close the runs of earlier attempts whose process was killed: nobody else does."""
    name = step.step.replace("'", "''")
    wanted = f"tags.`zenml.run_id` = '{step.run_id}' and tags.`zenml.step` = '{name}' and status = 'RUNNING'"
    for run in _all_runs(client, experiment_id, wanted):
        client.set_terminated(run.info.run_id, "KILLED")


def _all_runs(client: Any, experiment_id: str, wanted: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment_id], wanted, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


# What is said of a run

_OF_THE_RUN = {"zenml.run", "zenml.run_id", "zenml.pipeline", "zenml.tags"}


def _tags(step: TrackedStep) -> dict[str, str]:
    tags = {
        "zenml.run": step.run_name,
        "zenml.run_id": step.run_id,
        "zenml.pipeline": step.pipeline,
        "zenml.step": step.step,
        "zenml.step_run_id": step.step_run_id,
        "zenml.attempt": str(step.attempt),
    }
    if step.tags:
        tags["zenml.tags"] = ", ".join(step.tags)
    if step.parameters:  # a step that is killed has no other
        tags["zenml.parameters"] = _text(step.parameters)
    return {key: value[:_LONGEST_TAG] for key, value in tags.items()}


def _text(value: Any) -> str:
    """Return a value as MLflow shows it: as Python prints it, and JSON for what has parts."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str)
    return str(value)


FLAVOR = Flavor(
    type="experiment_tracker",
    name="mlflow",
    component=MlflowTracker,
    config=MlflowTrackerConfig,
    settings=MlflowTrackerSettings,
    requirements=("mlflow>=3",),
    extra="mlflow",
    preload=("mlflow",),
)
