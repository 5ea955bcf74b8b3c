"""The file that tells other processes how far the steps of a run are: throttled, whole, and gone with the run."""

import os

import pytest

from zenml.logs import log_writer
from zenml.records.events import Progress
from zenml.records.plan import Invocation
from zenml.reporting import run_progress
from zenml.reporting.run_progress import RunProgress
from zenml.views.progress import progress_path, read_progress, read_standing


class Heard:
    def __init__(self):
        self.told = []

    def progress(self, step_run_id, progress):
        self.told.append((step_run_id, progress.done))

    def step_added(self, invocation):
        self.told.append(invocation.id)


@pytest.fixture
def clock(monkeypatch):
    """What the time is; and nobody but the test flushes."""
    now = [100.0]
    monkeypatch.setattr("zenml.reporting.run_progress.time.monotonic", lambda: now[0])
    monkeypatch.setattr("zenml.reporting.run_progress.log_writer.watch", lambda progress: None)
    return now


@pytest.fixture
def progress(tmp_path, clock):
    made = RunProgress(Heard(), str(tmp_path), "r")
    yield made
    made.close()


def test_the_file_is_written_once_a_second_and_the_last_word_is_not_lost(progress, clock, tmp_path):
    states = []
    for number in range(25):
        clock[0] = 100 + number / 10
        if number < 13:
            progress.take("s", Progress(number))
        progress.flush()
        states.append(read_progress(str(tmp_path), "r")["s"].done)

    assert list(dict.fromkeys(states)) == [0, 10, 12]
    assert progress._reporter.told == [("s", number) for number in range(13)]


def test_a_reader_never_sees_half_a_file(progress, clock, tmp_path, monkeypatch):
    progress.take("s", Progress(1))
    progress.flush()
    clock[0] += 5
    progress.take("s", Progress(2))
    seen = []
    replace = os.replace
    monkeypatch.setattr(
        run_progress.os,
        "replace",
        lambda *paths: (seen.append(read_progress(str(tmp_path), "r")), replace(*paths)),
    )

    progress.flush()

    assert seen == [{"s": Progress(1)}]
    assert read_progress(str(tmp_path), "r") == {"s": Progress(2)}


def test_steps_that_ended_leave_the_file_with_its_next_state(progress, clock, tmp_path):
    for step in ("a", "b"):
        progress.take(step, Progress(1))
    progress.flush()
    progress.ended("a")
    clock[0] += 5
    progress.take("b", Progress(2))
    progress.flush()

    assert read_progress(str(tmp_path), "r") == {"b": Progress(2)}


def test_nothing_is_left_behind(progress, tmp_path):
    progress.take("s", Progress(1))
    progress.flush()
    progress.close()
    progress.take("s", Progress(2))
    progress.flush()

    assert os.listdir(os.path.dirname(progress_path(str(tmp_path), "r"))) == []


def test_a_run_without_track_makes_no_file(progress, tmp_path):
    progress.ended("s")
    progress.flush()
    progress.close()

    assert os.listdir(tmp_path) == []


def test_a_store_in_memory_has_no_file(clock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    progress = RunProgress(Heard(), ":memory:", "r")
    progress.take("s", Progress(1))
    progress.flush()
    progress.close()

    assert progress._reporter.told == [("s", 1)]
    assert os.listdir(tmp_path) == []


def test_a_torn_file_says_nothing(tmp_path):
    path = progress_path(str(tmp_path), "r")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as file:
        file.write('{"s": {"type": "pro')

    assert read_progress(str(tmp_path), "r") == {}


def test_an_ended_run_is_not_looked_at_any_more(tmp_path):
    progress = RunProgress(Heard(), str(tmp_path), "r")
    progress.take("s", Progress(1))
    progress.close()
    assert progress not in log_writer._watched.values()

    log_writer.watch(progress)  # as a step does that spoke while the run ended
    progress.flush()

    assert progress not in log_writer._watched.values()


def test_calls_are_counted_by_map_or_step_and_what_the_store_does_not_have_waits(progress, tmp_path):
    calls = [*(Invocation(f"fit[{n}]", "d", map="fit") for n in range(3)), Invocation("load", "d")]
    for call in calls:
        progress.added(call)
    progress.begun("load")
    progress.turn_ended()
    progress.flush()

    standing = read_standing(str(tmp_path), "r")

    assert standing.called == {"fit[]": 3, "load": 1}
    assert standing.waiting(["load", "fit[]"]) == {"fit[]": 2}
    assert standing.waiting(["load"] * 5 + ["fit[]"] * 5) == {}
    assert progress._reporter.told == [one.id for one in calls]


def test_a_call_that_begins_at_once_needs_no_file(progress, tmp_path):
    for name in ("a", "b"):
        progress.added(Invocation(name, "d"))
        progress.begun(name)
        progress.turn_ended()
    progress.flush()

    assert os.listdir(tmp_path) == []
