"""The tree of a run: chains go down, branches are indented, many calls of one step are one line."""

import re

import click
import pytest

from zenml import pipeline, step
from zenml.cli.run_tree import TreeLines
from zenml.client import Client


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
