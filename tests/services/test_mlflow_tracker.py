"""The MLflow tracker against a real server, and against a local folder."""

import os
import socket
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from keeper import free_port

from zenml.components.experiment_tracker_check import CHECKS, SECRET, SeenRun, TrackerProbe, make_step
from zenml.components.flavor import Place
from zenml.errors import ComponentError
from zenml.flavors.mlflow_experiment_tracker import MlflowTracker, MlflowTrackerConfig, MlflowTrackerSettings

STATUSES = {"RUNNING": "running", "FINISHED": "finished"}


class MlflowProbe(TrackerProbe):
    def __init__(self, uri, folder, **config):
        from mlflow import MlflowClient

        self.folder = str(folder)
        self.config = MlflowTrackerConfig(tracking_uri=uri, **config)
        self.experiment = config.get("experiment_name")
        self._uri = MlflowTracker(self.config, self.place)._service.uri
        self._client = MlflowClient
        self.log = __import__("mlflow")

    @property
    def place(self):
        return Place(name="mlflow", folder=self.folder)

    @property
    def client(self):
        return self._client(self._uri)

    def tracker(self):
        return MlflowTracker(self.config, self.place)

    def runs(self, run_id):
        found = self.raw(f"tags.`zenml.run_id` = '{run_id}' and tags.`zenml.step_run_id` != ''")
        return [
            SeenRun(
                id=run.info.run_id,
                name=run.info.run_name,
                status=STATUSES.get(run.info.status, "failed"),
                parameters=run.data.params,
                facts=run.data.tags,
                tags=tuple(run.data.tags.get("zenml.tags", "").split(", ")),
                metrics=run.data.metrics,
            )
            for run in found
        ]

    def raw(self, wanted="", experiment=None):
        names = [experiment] if experiment else [one.name for one in self.client.search_experiments()]
        ids = [self.client.get_experiment_by_name(name).experiment_id for name in names]
        found = self.client.search_runs(ids, wanted, order_by=["attributes.start_time"])
        return sorted(found, key=lambda run: run.info.start_time)

    def log_metric(self, name, value):
        self.log.log_metric(name, value)

    def has_active_run(self):
        return self.log.active_run() is not None

    def unreachable(self):
        config = MlflowTrackerConfig(
            tracking_uri=f"http://127.0.0.1:{free_port()}",
            tracking_username="ada",
            tracking_password=SECRET,
            timeout=2,
        )
        return MlflowTracker(config, self.place)


@pytest.fixture(params=["server", "folder"])
def probe(request, tmp_path):
    if request.param == "server":
        return MlflowProbe(request.getfixturevalue("mlflow_server").address, tmp_path)
    return MlflowProbe(str(tmp_path / "tracking"), tmp_path)


@pytest.fixture
def remote(mlflow_server, tmp_path):
    return MlflowProbe(mlflow_server.address, tmp_path, experiment_name=f"own-{uuid.uuid4().hex[:8]}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_tracker_conforms(check, probe):
    check(probe)


def track(probe, work=lambda: None, step=None, *, failure=None, **settings):
    """Run something as a step does; return the step."""
    step = step or make_step()
    tracker = probe.tracker()
    tracker.start(step, MlflowTrackerSettings(**settings) if settings else None)
    try:
        work()
    finally:
        tracker.finish(failure=failure)
    return step


def run_of(probe, step, experiment=None):
    (found,) = probe.raw(f"tags.`zenml.step_run_id` = '{step.step_run_id}'", experiment)
    return found


def fit(alpha=1.0, rows=50):
    import numpy as np
    from sklearn.linear_model import Ridge

    chance = np.random.default_rng(0)
    Ridge(alpha=alpha).fit(chance.random((rows, 3)), chance.random(rows))


# Experiments, settings, links


def test_the_experiment_is_the_settings_then_the_configurations_then_the_pipelines(mlflow_server, tmp_path):
    word = uuid.uuid4().hex[:8]
    plain = MlflowProbe(mlflow_server.address, tmp_path)
    configured = MlflowProbe(mlflow_server.address, tmp_path, experiment_name=f"{word}-configured")
    pipeline = make_step(pipeline=f"{word}-pipeline")

    track(plain, step=pipeline)
    step = track(configured)
    said = track(configured, experiment_name=f"{word}-said")

    assert run_of(plain, pipeline, f"{word}-pipeline")
    assert run_of(plain, step, f"{word}-configured")
    assert run_of(plain, said, f"{word}-said")


def test_the_address_of_the_page(remote):
    step, tracker = make_step(), remote.tracker()
    run = tracker.start(step)
    tracker.finish(failure=None)

    experiment = remote.client.get_experiment_by_name(remote.experiment)
    assert run.url == f"{remote._uri}/#/experiments/{experiment.experiment_id}/runs/{run.id}"
    assert run.metadata == {"experiment": remote.experiment, "experiment_id": experiment.experiment_id}


def test_a_folder_has_no_page_and_keeps_its_files_below(tmp_path):
    probe = MlflowProbe(str(tmp_path / "tracking"), tmp_path)
    tracker = probe.tracker()
    run = tracker.start(make_step())
    probe.log.log_text("hello", "note.txt")
    tracker.finish(failure=None)

    assert run.url is None
    found = [name for _, _, names in os.walk(tmp_path / "tracking" / "artifacts") for name in names]
    assert found == ["note.txt"]


def test_without_an_address_it_keeps_a_folder_of_its_own(tmp_path):
    tracker = MlflowTracker(MlflowTrackerConfig(), Place(name="mlflow", folder=str(tmp_path)))

    tracker.start(make_step())
    tracker.finish(failure=None)

    assert (tmp_path / "mlflow" / "mlflow.db").exists()


def test_tags_of_the_settings(remote):
    step = track(remote, tags={"team": "churn", "wave": 3})

    tags = run_of(remote, step).data.tags
    assert (tags["team"], tags["wave"]) == ("churn", "3")


def test_a_failure_is_named(remote):
    step = track(remote, failure=ValueError("no luck"))

    assert run_of(remote, step).data.tags["zenml.failure"] == "ValueError"


def test_a_run_that_is_interrupted_is_killed(remote):
    step = track(remote, failure=KeyboardInterrupt())

    assert run_of(remote, step).info.status == "KILLED"


# Parameters


def test_a_parameter_that_the_step_logs_itself_stays_as_it_logged_it(remote):
    step = make_step(parameters={"alpha": 1, "depth": 3})

    track(
        remote, lambda: remote.log.log_param("alpha", 1.0), step
    )  # "1.0" is another value than "1" to MLflow

    assert run_of(remote, step).data.params == {"alpha": "1.0", "depth": "3"}


def test_many_and_long_parameters(remote):
    step = make_step(parameters={f"p{number}": "x" * 7000 for number in range(150)})

    track(remote, step=step)

    params = run_of(remote, step).data.params
    assert len(params) == 150
    assert {len(value) for value in params.values()} == {6000}


def test_the_parameters_of_a_step_that_is_killed_are_in_a_tag(remote):
    step, tracker = make_step(parameters={"depth": 3}), remote.tracker()

    tracker.start(step)
    tags = run_of(remote, step).data.tags
    tracker.finish(failure=None)

    assert tags["zenml.parameters"] == '{"depth": 3}'


# Autologging and runs of the step's own


def test_autologging(remote):
    step = track(remote, lambda: fit(alpha=0.5), autolog=True)

    data = run_of(remote, step).data
    assert data.params["alpha"] == "0.5"
    assert "training_score" in data.metrics


def test_autologging_that_the_step_turns_on_itself_ends_with_it(remote):
    def work():
        remote.log.sklearn.autolog(log_models=False)
        fit(alpha=0.5)

    loud, quiet = track(remote, work), track(remote, lambda: fit(alpha=0.5))

    assert run_of(remote, loud).data.params["alpha"] == "0.5"
    assert "alpha" not in run_of(remote, quiet).data.params


def test_a_run_that_the_step_begins_lies_below_its_own(remote):
    def work():
        with remote.log.start_run(nested=True, run_name="fold"):
            remote.log.log_metric("loss", 0.1)
        remote.log.start_run(nested=True, run_name="left open")

    step = track(remote, work)

    own = run_of(remote, step).info.run_id
    below = remote.raw(f"tags.`mlflow.parentRunId` = '{own}'", remote.experiment)
    assert [(run.info.run_name, run.info.status) for run in below] == [
        ("fold", "FINISHED"),
        ("left open", "FINISHED"),
    ]


def test_a_step_that_ends_its_run_itself_and_then_fails_has_failed(remote):
    step = track(remote, lambda: remote.log.end_run(), failure=ValueError("no luck"))

    assert run_of(remote, step).info.status == "FAILED"


# Runs of all steps below one


def test_nested_runs_lie_below_one_run(remote):
    first, second = make_step(), None
    second = make_step(run_id=first.run_id, step="evaluate")

    track(remote, step=first, nested=True)
    track(remote, step=second, nested=True)

    (parent,) = parents(remote, first)
    assert parent.info.run_name == first.run_name
    assert parent.info.status == "FINISHED"
    assert {run_of(remote, step).data.tags["mlflow.parentRunId"] for step in (first, second)} == {
        parent.info.run_id
    }


def test_the_run_above_has_failed_until_a_later_attempt_succeeds(remote):
    first = make_step()
    second = make_step(run_id=first.run_id, attempt=2)

    track(remote, step=first, nested=True, failure=ValueError("no luck"))
    after_first = parents(remote, first)[0].info.status
    track(remote, step=second, nested=True)

    assert (after_first, parents(remote, first)[0].info.status) == ("FAILED", "FINISHED")


def parents(probe, step):
    return probe.raw(f"tags.`zenml.run_id` = '{step.run_id}' and tags.`zenml.is_parent` = 'true'")


TRACKS = """
import sys
from zenml.components.experiment_tracker_check import make_step
from zenml.components.flavor import Place
from zenml.flavors.mlflow_experiment_tracker import *

uri, folder, experiment, run_id, end = sys.argv[1:]
tracker = MlflowTracker(
    MlflowTrackerConfig(tracking_uri=uri, experiment_name=experiment), Place(name="mlflow", folder=folder)
)
print("ready", flush=True)
sys.stdin.readline()
step = make_step(run_id=run_id, step=f"step_{end}", step_run_id=end)
tracker.start(step, MlflowTrackerSettings(nested=True))
print("started", flush=True)
if end == "killed":
    sys.stdin.readline()
tracker.finish(failure=None)
"""


def begin_process(probe, run_id, end):
    return subprocess.Popen(
        [sys.executable, "-c", TRACKS, probe._uri, probe.folder, probe.experiment, run_id, end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_that_begin_together_make_one_run_above(remote):
    step = make_step()
    processes = [begin_process(remote, step.run_id, f"process_{number}") for number in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    codes = [process.communicate()[0] and process.returncode for process in processes]

    assert codes == [0, 0, 0, 0]
    (parent,) = parents(remote, step)
    assert parent.info.status == "FINISHED"
    below = remote.raw(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'", remote.experiment)
    assert len(below) == 4


def test_the_run_of_an_attempt_that_was_killed_is_closed_by_the_next(remote):
    step = make_step(step="step_killed")
    process = begin_process(remote, step.run_id, "killed")
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() + process.stdout.readline() == "ready\nstarted\n"
    process.kill()
    process.communicate()

    again = track(remote, step=make_step(run_id=step.run_id, step="step_killed", attempt=2))

    found = [run.info.status for run in remote.raw("tags.`zenml.step` = 'step_killed'", remote.experiment)]
    assert found == ["KILLED", "FINISHED"]
    assert run_of(remote, again).info.status == "FINISHED"


def test_a_name_with_a_quote(remote):
    step = track(remote, step=make_step(step="it's"))

    assert run_of(remote, step).info.run_name.endswith("/it's")


# What the process had before


def test_the_process_is_afterwards_as_it_was(remote, monkeypatch):
    from mlflow.tracking import fluent
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "mine")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.setattr(fluent, "_active_experiment_id", "12")
    remote.log.set_tracking_uri(remote._uri + "/mine")

    def state():
        variables = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
        autologging = {name: dict(one) for name, one in AUTOLOGGING_INTEGRATIONS.items()}
        return variables, remote.log.get_tracking_uri(), fluent._active_experiment_id, autologging

    try:
        before = state()
        inside = []
        track(remote, lambda: inside.append(state()), autolog=True)
        after = state()
    finally:
        remote.log.set_tracking_uri(None)

    assert after == before
    variables, uri, _, autologging = inside[0]
    assert (uri, autologging != before[3]) == (remote._uri, True)
    assert "MLFLOW_TRACKING_TOKEN" not in variables
    assert (variables["MLFLOW_HTTP_REQUEST_TIMEOUT"], variables["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) == (
        "77",
        "2",
    )


def test_a_start_that_fails_leaves_nothing(remote):
    before = dict(os.environ)

    with pytest.raises(ComponentError):
        remote.unreachable().start(make_step())

    assert dict(os.environ) == before
    track(remote)


def test_a_run_that_was_active_before_is_left_alone(remote):
    remote.log.set_tracking_uri(remote._uri)
    try:
        mine = remote.log.start_run()
        with pytest.raises(ComponentError, match=r"mlflow\.end_run\(\)"):
            remote.tracker().start(make_step())
        assert remote.log.active_run().info.run_id == mine.info.run_id
    finally:
        remote.log.end_run()
        remote.log.set_tracking_uri(None)


# Threads: what is safe in one process


def together(*works):
    """Run functions in threads that begin at once; each gets a barrier to meet the others at."""
    barrier = threading.Barrier(len(works), timeout=60)
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(work, barrier) for work in works]]


def test_two_threads_each_log_to_the_run_of_their_own_step(remote):
    def work(number):
        def logs(barrier):
            def inner():
                barrier.wait()
                remote.log.log_metric("mine", number)
                barrier.wait()

            return track(remote, inner)

        return logs

    steps = together(work(1), work(2))

    assert [run_of(remote, step).data.metrics["mine"] for step in steps] == [1, 2]
    assert [run_of(remote, step).info.status for step in steps] == ["FINISHED", "FINISHED"]


def test_two_threads_that_fit_at_once_lose_what_autologging_would_log(remote):
    """MLflow knows one training per process: a fit that begins during another is taken for a part of it."""
    from sklearn.base import BaseEstimator
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    def first(barrier):
        class Slow(BaseEstimator):
            def fit(self, *_):
                barrier.wait()  # the other one fits now
                barrier.wait()
                return self

            def transform(self, data):
                return data

        return track(remote, lambda: make_pipeline(Slow(), Ridge()).fit([[0], [1]], [0, 1]))

    def second(barrier):
        def inner():
            barrier.wait()
            fit(alpha=0.5)
            barrier.wait()

        return track(remote, inner)

    remote.log.sklearn.autolog(log_models=False)
    try:
        _, step = together(first, second)
        alone = track(remote, fit)
    finally:
        remote.log.sklearn.autolog(disable=True)

    assert "alpha" in run_of(remote, alone).data.params
    assert "alpha" not in run_of(remote, step).data.params


def test_autologging_wants_the_process_for_itself(remote):
    """While MLflow patches libraries it deadlocks with a thread that imports something."""
    tracker = remote.tracker()
    tracker.start(make_step())
    try:
        with pytest.raises(ComponentError, match="autolog"):
            remote.tracker().start(make_step(), MlflowTrackerSettings(autolog=True))
    finally:
        tracker.finish(failure=None)
    tracker = remote.tracker()
    tracker.start(make_step(), MlflowTrackerSettings(autolog=True))
    try:
        with pytest.raises(ComponentError, match="autolog"):
            remote.tracker().start(make_step())
    finally:
        tracker.finish(failure=None)


def test_a_second_place_in_the_same_process_is_refused(remote, tmp_path):
    other = MlflowProbe(str(tmp_path / "elsewhere"), tmp_path)
    tracker = remote.tracker()
    tracker.start(make_step())
    try:
        with pytest.raises(ComponentError, match=r'runtime="isolated"'):
            other.tracker().start(make_step())
    finally:
        tracker.finish(failure=None)

    track(other)


# Services that fail


def test_a_server_that_never_answers_is_given_up(remote):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        config = MlflowTrackerConfig(tracking_uri=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=1)

        with pytest.raises(ComponentError, match="imed out"):
            MlflowTracker(config, remote.place).start(make_step())


def test_a_server_that_refuses_says_so_in_its_own_words(remote):
    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b'{"error_code": "UNAUTHENTICATED", "message": "You are not Ada"}')

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        config = MlflowTrackerConfig(tracking_uri=address, tracking_token=SECRET)
        with pytest.raises(ComponentError, match="You are not Ada") as caught:
            MlflowTracker(config, remote.place).start(make_step())
    finally:
        server.shutdown()
        server.server_close()

    assert "`mlflow`" in str(caught.value)
    assert address in str(caught.value)


def test_a_server_that_goes_while_the_step_runs(tmp_path):
    from mlflow_service import MlflowServer

    folder = tmp_path / "server"
    folder.mkdir()
    server = MlflowServer(folder)
    probe = MlflowProbe(server.address, tmp_path)
    tracker = probe.tracker()
    tracker.start(make_step())
    server.close()

    with pytest.raises(ComponentError, match="close the run of step `train`"):
        tracker.finish(failure=None)

    assert not probe.has_active_run()
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_an_experiment_that_was_deleted(remote):
    track(remote)
    remote.client.delete_experiment(remote.client.get_experiment_by_name(remote.experiment).experiment_id)

    with pytest.raises(ComponentError, match="mlflow experiments restore"):
        remote.tracker().start(make_step())
