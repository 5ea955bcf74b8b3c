"""kill -9 at points of runs of all shapes; resumed, each executes what is missing and nothing else.

Each test draws some of the points that a run passes, the same each time. `make faults` kills at every point, before
and after it, and kills the resumed run again.
"""

import os
import random
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import flights
import rounds
from shapes import APART, PREPARED, SHAPES
from zygotes import Zygote

KINDS = ("mark", "before", "after")
KINDS_OF_CHILDREN = ("child before", "child after")
INLINE = [shape for shape in SHAPES if shape not in APART]
POINTS = {"mark": 2, "before": 4, "after": 4}
"""Points of each kind at which each shape is killed; one where steps are isolated, which takes five times as long."""

CHOSEN = {
    "a call is recorded as running": ("submitted", ["after", 1, "start add_2"]),
    "an isolated step runs": ("isolated", ["mark", 3]),
    "an isolated step was recorded": ("isolated", ["after", 1, "end add"]),
    "an isolated step has ended": ("isolated", ["before", 1, "end add"]),
    "an element of a map has ended": ("mapped", ["after", 1, "end add[4]"]),
    "an element of a generator begins": ("mapped_lazily", ["after", 1, "start add[5]"]),
    "a failure was collected": ("mapped_some", ["after", 1, "end picky[3]"]),
    "an isolated step of a child has ended": ("nested_apart", ["before", 1, "end add"]),
    "a child begins": ("nested", ["before", 1, "start middle"]),
    "a child was to begin": ("nested", ["after", 1, "start middle"]),
    "a child's last transaction": ("nested", ["before", 1, "child completed"]),
    "a child completed": ("nested", ["after", 2, "child completed"]),
    "a child's end is recorded": ("nested", ["before", 1, "end middle"]),
    "a question is recorded": ("asking", ["before", 1, "run paused"]),
    "a question was recorded": ("asking", ["after", 1, "run paused"]),
    "an answer is recorded": ("asking", ["before", 2, "answer"]),
    "an answer was recorded": ("asking", ["after", 1, "answer"]),
    "an answered run goes on": ("asking", ["after", 2, "resume"]),
    "a child asks": ("asking_inside", ["before", 1, "child paused"]),
    "a child has asked": ("asking_inside", ["after", 2, "child paused"]),
    "a parent pauses": ("asking_inside", ["before", 1, "run paused"]),
    "a parent has paused": ("asking_inside", ["after", 1, "run paused"]),
    "a child was answered": ("asking_inside", ["after", 2, "answer"]),
    "an answered child goes on": ("asking_inside", ["after", 2, "resume"]),
    "a question in a task was recorded": ("tasks_asking", ["after", 1, "run paused"]),
}
"""Moments, each a shape and a point as `killing` knows them."""


@pytest.fixture(scope="module")
def zygote(tmp_path_factory):
    made = Zygote(str(tmp_path_factory.mktemp("zygote")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def undisturbed(zygote, tmp_path_factory):
    """What tells how many points a run of a shape passes that nobody kills, what it records, and how long it takes."""
    known = {}

    def look(shape):
        if shape not in known:
            one = rounds.Round(zygote, shape, SHAPES[shape][1], tmp_path_factory.mktemp("first") / "round")
            began = time.monotonic()
            known[shape] = {**one.finish(), "seconds": time.monotonic() - began}
        return known[shape]

    return look


def killed(zygote, shape, folder, kills, counts):
    """Kill a run at points, one after the other, and go on with it to its end; return the round."""
    one = rounds.Round(zygote, shape, SHAPES[shape][1], folder)
    try:
        for kill in kills:
            one.play_until_killed(kill)
        ended = one.finish()
        for what in ("runs", "steps"):  # a child is resumed, and not begun anew
            assert ended[what] == counts[what], (what, ended[what], counts[what])
    except AssertionError as error:
        error.add_note(f"shape {shape}, kills {kills}")
        raise
    return one


def kill_at_some(zygote, shape, folder, kind, counts):
    """Kill runs at points of a kind, drawn the same each time."""
    wanted = 1 if shape in APART else POINTS[kind]
    points = list(range(1, counts[rounds.COUNTED[kind]] + 1))
    random.Random(f"steady {shape} {kind}").shuffle(points)
    kills = 0
    for point in points:
        if kills >= wanted:
            break
        kills += killed(zygote, shape, folder, [[kind, point]], counts).kills
    assert kills >= wanted, "steps that end together share a commit, by chance; but not all of them"


def test_the_points_are_many():
    of_inline = len(INLINE) * sum(POINTS.values()) - len(PREPARED) * POINTS["mark"]
    assert of_inline + len(APART) * len(KINDS + KINDS_OF_CHILDREN) + len(CHOSEN) >= 300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_killed_at_points(zygote, undisturbed, shape, kind, tmp_path):
    if kind == "mark" and shape in PREPARED:
        assert undisturbed(shape)["marks"] == 0, "no step is executed"
        return
    kill_at_some(zygote, shape, tmp_path / "round", kind, undisturbed(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_processes_of_isolated_steps_are_watched(undisturbed, shape):
    assert (undisturbed(shape)["child points"] > 0) == (shape in APART)


@pytest.mark.parametrize("kind", KINDS_OF_CHILDREN)
@pytest.mark.parametrize("shape", sorted(APART))
def test_the_process_of_an_isolated_step_is_killed_at_points(zygote, undisturbed, shape, kind, tmp_path):
    kill_at_some(zygote, shape, tmp_path / "round", kind, undisturbed(shape))


def test_a_run_goes_on_whose_killed_step_is_retried(zygote, undisturbed, tmp_path):
    undisturbed("isolated_retried")
    one = rounds.Round(zygote, "isolated_retried", SHAPES["isolated_retried"][1], tmp_path / "round")

    said = one.play(kill=["child before", 3])

    assert said["child killed"]
    assert said["status"] == "completed"


@pytest.mark.parametrize("moment", CHOSEN)
def test_killed_when(zygote, undisturbed, moment, tmp_path):
    shape, kill = CHOSEN[moment]
    one = killed(zygote, shape, tmp_path / "round", [kill], undisturbed(shape))
    assert one.kills == 1
    if moment.startswith("an isolated step ") and "ended" in moment:
        assert one.was_kept


def test_what_an_isolated_step_said_is_kept_with_what_it_came_to(zygote, undisturbed, tmp_path):
    kill = ["before", 1, "end telling"]
    one = killed(zygote, "told", tmp_path / "round", [kill], undisturbed("told"))
    assert one.was_kept
    assert one.told() == ({"seen": 1}, ["told"])


@pytest.mark.parametrize("shape", SHAPES)
def test_killed_again_and_again(zygote, undisturbed, shape, tmp_path):
    counts = undisturbed(shape)
    draw = random.Random(f"steady {shape}")
    kills = [rounds.random_kill(draw, counts) for _ in range(2)]
    killed(zygote, shape, tmp_path / "round", kills, counts)


@pytest.mark.parametrize("victim", flights.ROLES)
@pytest.mark.parametrize("kind", KINDS)
def test_one_of_two_that_want_the_same_is_killed(zygote, victim, kind, tmp_path):
    points = flights.Flight(zygote, tmp_path / "round").play(victim, None)[victim][rounds.COUNTED[kind]]
    draw = random.Random(f"steady {victim} {kind}")
    kills = 0
    for point in draw.sample(range(1, points + 1), points):
        one = flights.Flight(zygote, tmp_path / "round")
        one.play(victim, [kind, point])
        kills += one.kills
        if kills >= 2:
            break
    assert kills or (victim == "follower" and kind == "mark"), "it executes nothing, as a rule"


def test_it_is_killed_before_or_after_the_very_operation(zygote, tmp_path):
    """The database appears with one operation: it is there after it, and not before it, but before the next one."""
    first = {}
    for kind in ("before", "after"):
        for point in range(1, 12):
            one = rounds.Round(zygote, "fresh", SHAPES["fresh"][1], tmp_path / "round")
            assert one.play([kind, point])["signal"] == 9
            if os.path.exists(tmp_path / "round" / "store" / "store.db"):
                first[kind] = point
                break
    assert first["before"] == first["after"] + 1
