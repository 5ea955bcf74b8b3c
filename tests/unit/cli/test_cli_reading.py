"""Lists, one run, logs and status: for people and, with stable keys, for programs."""

import json
import os
from datetime import datetime

import pytest

from zenml import pipeline, step
from zenml.records.ids import short
from zenml.records.run import Owner, Run
from zenml.store.opening import open_store

RUN_KEYS = {"id", "name", "status", "pipeline", "started_at", "ended_at", "duration", "reason",
            "original_id"}  # fmt: skip
STEP_KEYS = {
    "id", "step_run_id", "name", "status", "attempt", "started_at", "ended_at", "duration", "progress",
    "upstream", "cached_from", "reason", "failure", "outputs", "log", "map", "child_run_id",
    "cpu_seconds", "peak_memory", "memory_guard",
}  # fmt: skip


@step
def load(count: int) -> list[int]:
    print(f"loading {count}")
    return list(range(count))


@step
def add(numbers: list[int]) -> int:
    print("adding")
    if len(numbers) > 5:
        raise ValueError("too many\nby far")
    return sum(numbers)


@pipeline
def reading(count: int = 3, api_token: str = "t0ps3cret"):  # noqa: S107  shown as hidden
    add(load(count))


@pipeline(tags=["nightly"])
def tagged():
    load(1)


@pytest.fixture
def runs():
    first = reading.with_options(run_name="first")()
    second = reading.with_options(run_name="second")()
    with pytest.raises(ValueError, match="too many"):
        reading.with_options(run_name="third")(count=9)
    tagged.with_options(run_name="fourth")()
    return {"first": first, "second": second}


def names(result):
    return [item["name"] for item in json.loads(result.out)["items"]]


@pytest.mark.parametrize("command", [["run", "list"], ["pipeline", "runs", "list"]])
def test_runs_are_listed_newest_first(zenml, runs, command):
    result = zenml(*command)

    lines = result.out.splitlines()
    assert lines[0].split() == ["ID", "NAME", "PIPELINE", "STATUS", "STARTED", "DURATION"]
    assert [line.split()[1] for line in lines[1:]] == ["fourth", "third", "second", "first"]
    assert lines[4].startswith(short(runs["first"].id))
    assert "\x1b" not in result.out


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--status", "failed"], ["third"]),
        (
            ["--status", "failed", "--status", "completed", "--pipeline", "reading"],
            ["third", "second", "first"],
        ),
        (["--pipeline", "tagged"], ["fourth"]),
        (["--tag", "nightly"], ["fourth"]),
        (["--name", "contains:ir"], ["third", "first"]),
        (["--name", "second"], ["second"]),
        (["--sort", "asc:created", "--size", "2"], ["first", "second"]),
        (["--sort", "asc:created", "--size", "2", "--page", "2"], ["third", "fourth"]),
        (["--name", "nothing"], []),
    ],
)
def test_filters_sort_and_page(zenml, runs, filters, expected):
    assert names(zenml("run", "list", "--json", *filters)) == expected


def test_a_page_of_runs_as_json_has_stable_keys(zenml, runs):
    page = json.loads(zenml("run", "list", "--json", "--size", "3").out)

    assert {key: page[key] for key in page if key != "items"} == {
        "total": 4, "page": 1, "size": 3, "total_pages": 2,
    }  # fmt: skip
    assert set(page["items"][0]) == RUN_KEYS
    assert datetime.fromisoformat(page["items"][0]["started_at"]).utcoffset().total_seconds() == 0


def test_more_pages_are_announced_beside_the_output(zenml, runs):
    result = zenml("run", "list", "--size", "3")

    assert result.err == "Page 1 of 2, 4 runs. Next: --page 2\n"


def test_empty_lists_say_what_to_do(zenml):
    assert "zenml pipeline run" in zenml("run", "list").err
    assert "zenml pipeline run" in zenml("pipeline", "list").err
    assert zenml("run", "list", "--name", "x").err == "No runs fit.\n"


def test_an_unknown_sort_field_is_an_error_with_the_close_one(zenml):
    result = zenml("run", "list", "--sort", "asc:nam")

    assert result.status == 2
    assert "Did you mean `name`?" in result.err


def test_pipelines_are_listed_with_their_last_run(zenml, runs):
    text = zenml("pipeline", "list").out
    page = json.loads(zenml("pipeline", "list", "--json").out)

    assert text.splitlines()[2].split()[:4] == ["tagged", "1", "fourth", "completed"]
    assert [(item["name"], item["runs"], item["last_run"]["name"]) for item in page["items"]] == [
        ("reading", 3, "third"),
        ("tagged", 1, "fourth"),
    ]
    assert set(page["items"][0]) == {"id", "name", "runs", "last_run"}


def test_a_run_is_shown_with_its_parameters_and_steps(zenml, runs):
    text = zenml("run", "show", "second").out

    assert f"{short(runs['second'].id)} ({runs['second'].id})" in text
    assert "count = 3" in text
    assert "≡ load  cached from run `first`" in text
    assert "2 steps: 2 cached" in text


def test_a_secret_parameter_is_hidden(zenml, runs):
    text = zenml("run", "show", "first").out

    assert "api_token = <hidden>" in text
    assert "t0ps3cret" not in text


def test_a_failed_run_shows_cause_log_and_what_to_do(zenml, runs):
    text = zenml("run", "show", "third").out

    assert "Step `add` of run `third` failed: ValueError: too many\n" in text
    assert 'in add\n      raise ValueError("too many\\nby far")' in text
    assert "Last lines of its log:\n  adding" in text
    assert "zenml logs" in text


def test_a_whole_run_as_json_has_stable_keys(zenml, runs):
    run = json.loads(zenml("run", "show", "second", "--json").out)

    assert set(run) == RUN_KEYS | {
        "parent",
        "children",
        "parameters",
        "tags",
        "stack",
        "model",
        "failure",
        "hooks",
        "hook_failures",
        "steps",
        "waiting",
        "counts",
        "maps",
        "waits",
        "original",
        "replays",
    }
    assert [set(one) for one in run["steps"]] == [STEP_KEYS, STEP_KEYS]
    assert run["steps"][1]["upstream"] == ["load"]
    assert run["steps"][1]["cached_from"]["run"] == "first"
    assert run["steps"][0]["outputs"][0].keys() == {"name", "artifact_id", "type", "size"}


def test_the_failure_of_a_run_is_json_too(zenml, runs):
    run = json.loads(zenml("run", "show", "third", "--json").out)

    assert run["status"] == "failed"
    assert run["failure"].keys() == {"type", "message", "traceback", "notes", "exit_code", "signal"}
    assert run["steps"][1]["failure"]["message"] == "too many\nby far"


def test_runs_are_found_by_short_id_id_and_beginning_of_the_name(zenml, runs):
    identifier = runs["first"].id

    for text in (short(identifier), identifier, "firs"):
        assert json.loads(zenml("run", "show", text, "--json").out)["id"] == identifier


def test_an_ambiguous_name_lists_the_candidates(zenml, runs):
    result = zenml("run", "show", "f")

    assert result.status == 1
    assert "fits 2 runs" in result.err
    assert short(runs["first"].id) in result.err


def test_the_log_of_one_step_is_printed_as_it_is(zenml, runs):
    assert zenml("logs", "first", "load").out == "loading 3\n"


def test_the_logs_of_all_steps_have_headers(zenml, runs):
    assert zenml("logs", "first").out == "==> load <==\nloading 3\n\n==> add <==\nadding\n"


def test_logs_as_json(zenml, runs):
    logs = json.loads(zenml("logs", "first", "load", "--json").out)

    assert logs["run"] == "first"
    assert logs["logs"] == [{"step": "load", "attempt": 1, "text": "loading 3\n"}]


def test_the_log_of_a_cached_step_is_with_the_run_that_computed_it(zenml, runs):
    result = zenml("logs", "second", "load")

    assert (result.status, result.out) == (0, "")
    assert f"zenml logs {short(runs['first'].id)} load" in result.err


def test_an_unknown_step_lists_the_close_ones(zenml, runs):
    for command in (["logs", "first", "laod"], ["step", "why", "first", "laod"]):
        result = zenml(*command)

        assert result.status == 1
        assert "`load`" in result.err


def test_status_counts_runs_and_bytes(zenml, runs):
    status = json.loads(zenml("status", "--json").out)

    assert status["runs"]["completed"] == 3
    assert status["runs"]["failed"] == 1
    assert status["store"]["path"] == os.environ["ZENML_CONFIG_PATH"]
    assert status["store"]["durability"] == "relaxed"
    size = status["store"]["size"]
    assert size["total"] == size["database"] + size["artifacts"] + size["logs"] > size["logs"] > 0
    assert "4: 3 completed, 1 failed" in zenml("status").out


def test_status_notices_a_dead_run(zenml, runs):
    store = open_store()
    dead = Owner(id="0" * 24, host=os.uname().nodename, boot_id="", pid=1, process_start="1", created_at=1)
    first = store.get(Run, runs["first"].id)
    store.insert([dead])
    store.update(Run, first.id, status="running", owner_id=dead.id, ended_at=None)

    text = zenml("status").out

    assert "1 run found without a living process and marked interrupted: `first`" in text
    assert "did not start" not in zenml("run", "show", "first").out
    assert "interrupted" in zenml("run", "show", "first").out
