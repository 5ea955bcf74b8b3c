"""Many calls at a glance: counted out in one order, and as a strip in which no failure is lost."""

import pytest

from zenml.views.step_states import WORST_FIRST, rank, strip, words, worst


def ranks(states):
    return bytes(map(rank, states))


def test_a_strip_has_a_cell_for_each_call_until_there_are_too_many():
    states = ["completed", "failed", "waiting"]

    assert strip(ranks(states)) == tuple(states)
    assert strip(b"") == ()
    assert len(strip(ranks(["completed"] * 41))) == 40


@pytest.mark.parametrize("place", [0, 17, 4999, 9999])
def test_one_failure_among_ten_thousand_is_seen_where_it_is(place):
    states = ["completed"] * 10_000
    states[place] = "failed"

    cells = strip(ranks(states), 40)

    assert [number for number, state in enumerate(cells) if state == "failed"] == [place * 40 // 10_000]


def test_a_state_that_is_new_here_is_no_error():
    assert strip(ranks(["brand_new", "completed"])) == ("waiting", "completed")
    assert words({"brand_new": 2, "completed": 1}, run_status="running") == {
        "completed": "1 completed", "brand_new": "2 brand_new",
    }  # fmt: skip


def test_a_failure_of_a_completed_run_was_handled():
    assert words({"failed": 2, "completed": 1}, run_status="completed") == {
        "completed": "1 completed",
        "failed": "2 failed (handled)",
    }
    assert words({"failed": 2}, run_status="failed") == {"failed": "2 failed"}


def test_what_waits_when_a_run_has_ended_was_not_started():
    assert words({"waiting": 2}, run_status="running") == {"waiting": "2 waiting"}
    assert words({"waiting": 2}, run_status="stopped") == {"waiting": "2 not started"}


def test_the_worst_of_all_states_is_a_failure():
    assert worst(WORST_FIRST[::-1]) == "failed"
    assert worst([]) == "waiting"
