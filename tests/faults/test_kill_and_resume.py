"""kill -9 at every point of runs of all shapes; resumed, each executes what is missing and nothing else.

`make faults` kills at random points too, with new seeds, as long as one likes.
"""

import os
import random
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rounds
from shapes import SHAPES

ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "3"))
SEED = os.environ.get("FAULTS_SEED", "steady")


@pytest.fixture(scope="module")
def zygote(tmp_path_factory):
    made = rounds.Zygote(str(tmp_path_factory.mktemp("zygote")))
    yield made
    made.close()


def undisturbed(zygote, shape, folder):
    """Return how many points a run passes that nobody kills, and how long it takes."""
    one = rounds.Round(zygote, shape, SHAPES[shape][1], folder)
    began = time.monotonic()
    answer = one.finish()
    return {**answer, "seconds": time.monotonic() - began}


@pytest.mark.parametrize("kind", ["mark", "before", "after"])
@pytest.mark.parametrize("shape", SHAPES)
def test_killed_at_every_point(zygote, shape, kind, tmp_path):
    counts = undisturbed(zygote, shape, tmp_path / "first")
    points = counts["marks" if kind == "mark" else "commits"]
    kills, was_kept = 0, False
    for point in range(1, points + 1):
        one = rounds.Round(zygote, shape, SHAPES[shape][1], tmp_path / "round")
        one.play(kill=[kind, point])
        one.finish()
        kills += one.kills
        was_kept = was_kept or one.was_kept
    if kind == "before" and "isolated" in shape:
        assert was_kept
    assert kills >= points // 2, "steps that end together share a commit, by chance"


@pytest.mark.parametrize("shape", SHAPES)
def test_killed_again_and_again(zygote, shape, tmp_path):
    counts = undisturbed(zygote, shape, tmp_path / "first")
    draw = random.Random(f"{SEED} {shape}")
    for number in range(ROUNDS):
        one = rounds.Round(zygote, shape, SHAPES[shape][1], tmp_path / "round")
        kills = [rounds.random_kill(draw, counts) for _ in range(3)]
        try:
            for kill in kills:
                if one.play(kill=kill)["signal"] == 0 or one.is_complete():
                    break
            one.finish()
        except AssertionError as error:
            error.add_note(f"round {number} of FAULTS_SEED={SEED!r}, shape {shape}, kills {kills}")
            raise
