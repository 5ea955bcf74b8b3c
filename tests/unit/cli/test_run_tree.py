"""The tree of a run: chains go down, branches are indented, many calls of one step are one line."""

import json
import os
import re

import click
import msgspec
import pytest

from zenml import pipeline, step
from zenml.cli.run_tree import ALL, TreeLines
from zenml.client import Client
from zenml.records.run import Run
from zenml.views.progress import progress_path


@step(enable_cache=False)
def start() -> int:
    return 1


@step(enable_cache=False)
def work(x: int) -> int:
    if x < 0:
        raise ValueError(f"{x} is negative")
    return x


@step(enable_cache=False)
def join(xs: list[int], y: int = 0) -> int:
    return sum(xs) + y


def shape(run):
    """Return prefixes and names only: times and reasons differ from run to run."""
    return [re.sub(r"(?<=\w)  .*", "", line) for line in plain_lines(run)]


def plain_lines(run):
    return [click.unstyle(line) for line in TreeLines(run, Client().store).lines()]


def last_run():
    return Client().list_pipeline_runs(size=1).items[0]


def test_a_chain_goes_straight_down():
    @pipeline
    def chain():
        work(work(work(start())))

    assert shape(chain()) == ["✓ start", "✓ work", "✓ work_2", "✓ work_3"]


def test_branches_are_indented_and_a_join_stands_where_they_parted():
    @pipeline(max_parallelism=1)
    def diamond():
        source = start()
        left = work(work(source, id="a"), id="b")
        right = work(source, id="c")
        join([left, right], id="end", y=source)

    assert shape(diamond()) == ["✓ start", "├─ ✓ a", "│  ✓ b", "├─ ✓ c", "└─ ✓ end"]


def test_a_step_that_takes_from_an_ancestor_too_stays_in_the_chain():
    @pipeline
    def skip_link():
        source = start()
        join([work(source), source], id="end")

    assert shape(skip_link()) == ["✓ start", "✓ work", "✓ end"]


def test_many_calls_of_one_step_are_one_line_with_failures_below():
    @pipeline
    def fan():
        join([work(x) for x in (-7, *range(60))])

    with pytest.raises(ValueError, match="-7 is negative"):
        fan()
    lines = plain_lines(last_run())

    assert lines[0].startswith("✗ work … work_61")
    assert "61 steps: " in lines[0]
    assert "60 completed" in lines[0]
    assert re.fullmatch(r"    ✗ work  \S+ ms  .*ValueError: -7 is negative", lines[1])
    assert lines[2].startswith("- join")


def test_a_long_chain_of_one_step_and_a_loop_of_two_do_not_confuse_the_tree():
    @pipeline
    def loops():
        x = start()
        for _ in range(60):
            x = join([work(x)])

    lines = plain_lines(loops())

    assert len(lines) == 3
    assert lines[1].startswith("✓ work … work_60")
    assert lines[2].startswith("✓ join … join_60")


def test_steps_that_did_not_begin_are_listed():
    @pipeline(execution_mode="stop_on_failure")
    def stops():
        work(work(-1))

    with pytest.raises(ValueError, match="-1 is negative"):
        stops()
    lines = plain_lines(last_run())

    assert lines[0].startswith("✗ work")
    assert lines[1].startswith("- work_2")


def test_an_attempt_that_waits_says_when_it_starts_and_takes_no_time():
    @pipeline
    def flow():
        start()

    run = flow()
    (step,) = run.attempts
    Client().store.update(
        type(step),
        step.id,
        status="retrying",
        attempt=2,
        ended_at=None,
        reason="attempt 2 of 4 starts at 12:00:10",
    )

    assert plain_lines(run.refresh()) == ["↻ start  retrying: attempt 2 of 4 starts at 12:00:10"]


@pipeline(dynamic=True)
def mapping(numbers: list[int]):
    start()
    work.map(numbers, id="train", on_error="collect")


def mapped(numbers):
    return mapping(numbers=numbers)


def lines_of(run, **options):
    return [click.unstyle(line) for line in TreeLines(run, Client().store, **options).lines()]


def test_a_map_is_one_line_with_counts_times_and_its_first_failures():
    lines = lines_of(mapped([-1, 1, 2, *[-5] * 6]))

    assert lines[0].startswith("✓ start")
    assert re.fullmatch(
        r"✗ train  9 elements: 2 completed, 7 failed \(handled\)  .*slowest .* \(train\[\d\]\)", lines[1]
    )
    assert re.fullmatch(r"    ✗ train\[0\]  .*  handled: ValueError: -1 is negative", lines[2])
    assert [line.split()[1] for line in lines[2:7]] == [f"train[{n}]" for n in (0, 3, 4, 5, 6)]
    assert lines[7:] == ["    … and 2 more failed"]


def test_a_terminal_shows_where_in_a_map_the_failures_are():
    assert lines_of(mapped([1, -1, 2]), has_strips=True)[2] == "    ━✗━"


@pytest.mark.parametrize("name", ["train", ALL])
def test_a_map_can_be_unfolded(name):
    lines = lines_of(mapped([1, -1, 2]), unfold=name)

    assert [line.split()[:2] for line in lines[2:]] == [
        ["✓", "train[0]"],
        ["✗", "train[1]"],
        ["✓", "train[2]"],
    ]


def test_what_is_no_map_cannot_be_unfolded(zenml):
    run = mapped([1, 2])

    result = zenml("run", "show", run.name, "--unfold", "trian")

    assert result.status == 1
    assert "no map or many calls named `trian`. There are `train`." in result.err


def test_a_map_as_json_has_counts_and_elements(zenml):
    run = mapped([1, -1, 2])

    shown = json.loads(zenml("run", "show", run.name, "--json").out)

    assert shown["counts"] == {"completed": 3, "failed": 1}
    assert shown["maps"] == [
        {
            "name": "train",
            "counts": {"completed": 2, "failed": 1},
            "elements": [f"train[{n}]" for n in range(3)],
        }
    ]
    assert [one["map"] for one in shown["steps"]].count("train") == 3


def test_a_running_run_counts_the_calls_that_wait(zenml, monkeypatch):
    run = mapped([1, 2, 3])
    Client().store.update(Run, run.id, status="running", ended_at=None)
    path = progress_path(Client().store.root, run.id)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(msgspec.json.encode({"called": {"train[]": 100, "report": 1, "start": 1}}))

    shown = zenml("run", "show", run.name).out

    assert "102 steps: 4 completed, 98 waiting" in shown
    assert "✓ train   100 elements: 3 completed, 97 waiting" in shown.replace("· train", "✓ train")
    assert "· report  waiting" in shown


@pipeline
def child(x: int):
    return work(x)


@pipeline(dynamic=True)
def parent(numbers: list[int]):
    for x in numbers:
        child.submit(x, id=f"child_of_{x}").exception()


def test_the_call_of_a_pipeline_says_how_the_steps_of_its_run_stand():
    run = parent(numbers=[1, -2])
    good, bad = run.children

    lines = plain_lines(run)

    assert re.fullmatch(rf"✓ child_of_1 +\d.* m?s  run {good.id[-8:]}: 1 completed", lines[0])
    assert re.fullmatch(rf"✗ child_of_-2 .*ValueError: -2 is negative  run {bad.id[-8:]}: 1 failed", lines[1])


def test_children_are_counted_by_one_statement_however_many():
    counted = []
    for numbers in ([1, 2], list(range(1, 9))):
        run, store = parent(numbers=numbers).refresh(), Client().store
        before = store.file.statements
        TreeLines(run, store).lines()
        counted.append(store.file.statements - before)

    assert counted[0] == counted[1]


def test_a_pipeline_that_fails_with_children_is_shown_as_the_run_that_was_started(zenml, tmp_path):
    path = tmp_path / "family.py"
    path.write_text(
        "from zenml import pipeline, step\n\n\n"
        "@step\ndef fail() -> int:\n    raise ValueError('too hot')\n\n\n"
        "@pipeline\ndef inner():\n    fail()\n\n\n"
        "@pipeline(dynamic=True)\ndef outer():\n    inner()\n",
        "utf-8",
    )

    result = zenml("pipeline", "run", f"{path}:outer", "--json")

    shown = json.loads(result.out)
    assert result.status == 1
    assert shown["pipeline"] == "outer"
    (inner,) = shown["children"]
    assert inner["counts"] == {"failed": 1}
    assert (
        f"It failed in step `fail` of run `{inner['name']}`. See: zenml run show {inner['id'][-8:]}"
        in result.err
    )
    assert f"zenml run resume {shown['id'][-8:]}" in result.err
    assert result.err.count("See: zenml run show") == 1


def test_the_panel_of_a_child_leads_to_the_run_that_called_it(zenml):
    @pipeline(dynamic=True)
    def unlucky():
        child(-2)

    with pytest.raises(ValueError, match="negative"):
        unlucky()
    (run,) = Client().list_pipeline_runs(pipeline="unlucky").items

    shown = zenml("run", "show", run.children[0].id).out

    assert (
        f"It was called by run `{run.name}`. Go on with what is missing: zenml run resume {run.id[-8:]}"
        in shown
    )


def test_a_child_whose_failure_was_handled_is_gone_on_with_alone(zenml):
    (inner,) = parent(numbers=[-2]).children

    shown = zenml("run", "show", inner.id).out

    assert f"Repair it. Go on with what is missing: zenml run resume {inner.id[-8:]}" in shown
