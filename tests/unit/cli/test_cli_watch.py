"""`zenml run watch`: every change once, in order, and an exit status that tells how the run ended."""

import json
import os

import msgspec
import pytest

from zenml import pipeline, step
from zenml.cli import watch_command
from zenml.client import Client
from zenml.records.events import Progress
from zenml.views.progress import progress_path


@step(enable_cache=False)
def load(x: int) -> int:
    if x < 0:
        raise ValueError(f"{x} is negative")
    return x


@step(enable_cache=False)
def double(x: int) -> int:
    return 2 * x


@pipeline
def flow(x: int):
    double(load(x))


class Heard(watch_command.EventPrinter):
    def __init__(self):
        super().__init__()
        self.events = []

    def step(self, step):
        self.events.append((step.invocation_id, step.status))

    def run_started(self, run, plan):
        self.events.append(len(plan.invocations))

    def run_ended(self, run):
        self.events.append(run.status)


def test_a_run_that_ended_is_told_as_json_lines(zenml):
    flow(x=1)

    result = zenml("run", "watch", Client().list_pipeline_runs().items[0].name, "--json")

    events = [json.loads(line) for line in result.out.splitlines()]
    assert result.status == 0
    assert [(one["event"], one["status"]) for one in events] == [
        ("run", "running"), ("step", "completed"), ("step", "completed"), ("run", "completed"),
    ]  # fmt: skip


def test_a_failed_run_gives_status_1_and_its_panel(zenml):
    with pytest.raises(ValueError, match="negative"):
        flow(x=-1)

    result = zenml("run", "watch", Client().list_pipeline_runs().items[0].name)

    assert result.status == 1
    assert "Step `load` failed: ValueError: -1 is negative" in result.err
    assert "Repair it." in result.err


def test_progress_is_told_when_it_has_changed(store_of, monkeypatch):
    run, steps, write = store_of
    heard = []
    write({steps[0].id: Progress(3, 9, "rounds"), "somebody's": Progress(1)})
    seen = watch_command._Steps(store_with(steps, Client().store), run.id)
    list(seen.changed())

    heard += list(seen.progress())
    heard += list(seen.progress())
    write({steps[0].id: Progress(4, 9, "rounds")})
    heard += list(seen.progress())

    assert heard == [(steps[0].id, Progress(done, 9, "rounds")) for done in (3, 4)]


def test_a_quiet_run_says_nothing_and_one_that_fails_why(zenml, tmp_path):
    (tmp_path / "flow.py").write_text(
        "from zenml import pipeline, step\n\n"
        "@step\ndef half(x: int) -> float:\n    return 1 / x\n\n"
        "@pipeline\ndef flow(x: int):\n    half(x)\n"
    )

    assert zenml("pipeline", "run", "flow.py", "--param", "x=1", "-q").err == ""
    result = zenml("pipeline", "run", "flow.py", "--param", "x=0", "--quiet")

    assert result.status == 1
    assert "started" not in result.err
    assert "Step `half` of run" in result.err
    assert "started" in zenml("pipeline", "run", "flow.py", "--param", "x=1").err


def test_quiet_watching_shows_only_the_failure(zenml):
    flow(x=1)
    with pytest.raises(ValueError, match="negative"):
        flow(x=-1)
    failed, completed = Client().list_pipeline_runs().items

    assert zenml("run", "watch", completed.name, "-q").err == ""
    result = zenml("run", "watch", failed.name, "--quiet")

    assert result.status == 1
    assert "Run `" not in result.err.partition("\n")[0]
    assert "Step `load` of run" in result.err
    assert "ZENML_QUIET" not in os.environ or os.environ["ZENML_QUIET"] != "1"


def test_a_run_in_another_thread_is_followed_to_its_end(monkeypatch):
    """The run goes on by one step at each look."""
    view = flow(x=1)
    store = Client().store
    looks = iter((("running", 1), ("running", 1), ("completed", 2)))
    heard = Heard()
    steps = view.attempts
    run = view.record

    class Growing:
        def get(self, kind, identifier):
            self.status, self.known = next(looks)
            return msgspec.structs.replace(run, status=self.status)

        root = store.root

        def find(self, kind, query):
            page = store.find(kind, query)
            found = [
                one if self.status == "completed" else running(one)
                for one in page.items
                if one in steps[: self.known]
            ]
            return type(page)(found, len(found), 1, page.size)

        def select(self, kind, **fields):
            known = store.select(kind, **fields)
            return known if self.status == "completed" else [running(one) for one in known]

        def interrupt_dead_runs(self):
            return []

    monkeypatch.setattr(watch_command.time, "sleep", lambda seconds: None)

    watch_command.follow(view, Growing(), heard)

    assert heard.events == [
        2, ("load", "running"), ("load", "completed"), ("double", "completed"), "completed",
    ]  # fmt: skip


@pytest.fixture
def store_of():
    """An ended run, its steps, and how to write their progress as a running owner does."""
    view = flow(x=1)
    path = progress_path(Client().store.root, view.id)

    def write(steps):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(msgspec.json.encode({"steps": steps}))

    return view.record, view.attempts, write


def store_with(steps, store):
    """A store whose steps go on."""

    class Running:
        root = store.root

        def find(self, kind, query):
            found = store.find(kind, query).items
            return type(store.find(kind, query))([running(one) for one in found], len(found), 1, query.size)

        def select(self, kind, **fields):
            return [running(one) for one in store.select(kind, **fields)]

    return Running()


def running(step):
    return msgspec.structs.replace(step, status="running", ended_at=None)


def test_an_attempt_that_waits_for_its_time_is_followed_until_it_ends():
    view = flow(x=1)
    store = Client().store
    step = view.attempts[0]
    steps = watch_command._Steps(store, view.id)
    seen = []

    for status in ("retrying", "retrying", "running", "completed", "completed"):
        store.update(type(step), step.id, status=status)
        seen += [one.status for one in steps.changed() if one.id == step.id]

    assert seen == ["retrying", "running", "completed"]
