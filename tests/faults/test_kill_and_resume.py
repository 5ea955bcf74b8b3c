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
IS_ON_SERVER = bool(os.environ.get("TEAM_STORE"))
SEED = os.environ.get("FAULTS_SEED", "steady")


@pytest.fixture(scope="module")
def zygote(tmp_path_factory):
    made = rounds.Zygote(str(tmp_path_factory.mktemp("zygote")))
    yield made
    made.close()


@pytest.fixture
def new_round(zygote, tmp_path, request):
    """Make a round of a shape, in a store of its own: a file, or with TEAM_STORE=1 a database of PostgreSQL."""
    made = []

    def make(shape, name="round", *, on_server=IS_ON_SERVER):
        server = request.getfixturevalue("postgresql_server") if on_server else None
        while made:
            server.drop(made.pop())
        if server is not None:
            made.append(server.new_database())
        return rounds.Round(zygote, shape, SHAPES[shape][1], tmp_path / name, made[-1] if made else None)

    yield make
    while made:
        request.getfixturevalue("postgresql_server").drop(made.pop())


def undisturbed(one):
    """Return how many points a run passes that nobody kills, and how long it takes."""
    began = time.monotonic()
    answer = one.finish()
    return {**answer, "seconds": time.monotonic() - began}


@pytest.mark.parametrize("kind", ["mark", "before", "after"])
@pytest.mark.parametrize("shape", SHAPES)
def test_killed_at_every_point(new_round, shape, kind):
    kill_at_every_point(new_round, shape, kind)


@pytest.mark.parametrize(("shape", "kind"), [("narrow", "before"), ("submitted", "after")])
def test_killed_at_every_point_with_records_on_a_server(new_round, shape, kind):
    kill_at_every_point(lambda *words: new_round(*words, on_server=True), shape, kind)


def kill_at_every_point(new_round, shape, kind):
    counts = undisturbed(new_round(shape, "first"))
    points = counts["marks" if kind == "mark" else "commits"]
    kills, was_kept = 0, False
    for point in range(1, points + 1):
        one = new_round(shape)
        one.play(kill=[kind, point])
        one.finish()
        kills += one.kills
        was_kept = was_kept or one.was_kept
    if kind == "before" and "isolated" in shape:
        assert was_kept
    assert kills >= points // 2, "steps that end together share a commit, by chance"


@pytest.mark.parametrize("shape", SHAPES)
def test_killed_again_and_again(new_round, shape):
    counts = undisturbed(new_round(shape, "first"))
    draw = random.Random(f"{SEED} {shape}")
    for number in range(ROUNDS):
        one = new_round(shape)
        kills = [rounds.random_kill(draw, counts) for _ in range(3)]
        try:
            for kill in kills:
                if one.play(kill=kill)["signal"] == 0 or one.is_complete():
                    break
            one.finish()
        except AssertionError as error:
            error.add_note(f"round {number} of FAULTS_SEED={SEED!r}, shape {shape}, kills {kills}")
            raise
