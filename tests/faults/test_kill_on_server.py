"""kill -9 at every point of a run whose records are on a PostgreSQL server; all shapes with TEAM_STORE=1."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rounds
from shapes import SHAPES

from zenml.store.database import Database

SOME = [("narrow", "before")]
ALL = [(shape, kind) for shape in SHAPES for kind in ("mark", "before", "after")]


@pytest.fixture(scope="module")
def address(postgresql_server):
    made = postgresql_server.new_database()
    yield made
    postgresql_server.drop(made)


@pytest.fixture(scope="module")
def zygote(address, tmp_path_factory):
    """The zygote, told where the records are; it passes that on to the processes that it forks."""
    with pytest.MonkeyPatch.context() as patch:
        start = rounds.subprocess.Popen

        def start_on_server(command, **options):
            program = command[1].replace("zygote.py", "zygote_on_server.py")
            options["env"]["ZENML_STORE_URL"] = address
            return start([command[0], program], **options)

        patch.setattr(rounds.subprocess, "Popen", start_on_server)
        made = rounds.Zygote(str(tmp_path_factory.mktemp("zygote")))
    yield made
    made.close()


@pytest.fixture
def new_round(zygote, address, postgresql_server, monkeypatch, tmp_path):
    """Make a round of a shape, in a database without records."""
    monkeypatch.setattr(rounds, "Database", lambda root: Database(root, address=address))

    def make(shape):
        postgresql_server.empty(address)
        one = rounds.Round(zygote, shape, SHAPES[shape][1], tmp_path / "round")
        (tmp_path / "round" / "store").mkdir()
        (tmp_path / "round" / "store" / "store.db").touch()  # says that there are records to look at
        return one

    return make


@pytest.mark.parametrize(("shape", "kind"), ALL if os.environ.get("TEAM_STORE") else SOME)
def test_killed_at_every_point(new_round, shape, kind):
    counts = new_round(shape).finish()
    points = counts["marks" if kind == "mark" else "commits"]
    kills = 0
    for point in range(1, points + 1):
        one = new_round(shape)
        one.play(kill=[kind, point])
        one.finish()
        kills += one.kills

    assert kills >= points // 2, "steps that end together share a commit, by chance"
