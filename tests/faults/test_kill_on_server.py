"""kill -9 at points of a run whose records are on a PostgreSQL server; at all of them, of all shapes, with TEAM_STORE=1.

The points are those of the files, and `begin`, `statement` and `commit` of the transactions on the server.
"""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rounds
import zygotes
from shapes import OPENING, PREPARED, SHAPES

from zenml import fs
from zenml.store.database import Database

SOME = [("narrow", "before"), ("narrow", "after")]
ALL = [
    (shape, kind)
    for shape in SHAPES
    if shape not in PREPARED | OPENING  # their stores are files that are copied, and made anew
    for kind in ("mark", "before", "after", "child before", "child after")
]

STEP = 1 if os.environ.get("TEAM_STORE") else 6
"""Each of the points, or one of so many."""


@pytest.fixture(scope="module")
def address(postgresql_server):
    made = postgresql_server.new_database()
    yield made
    postgresql_server.drop(made)


@pytest.fixture(scope="module")
def zygote(address, tmp_path_factory):
    """The zygote, told where the records are; it passes that on to the processes that it forks."""
    with pytest.MonkeyPatch.context() as patch:
        start = zygotes.subprocess.Popen

        def start_on_server(command, **options):
            program = command[1].replace("zygote.py", "zygote_on_server.py")
            options["env"]["ZENML_STORE_URL"] = address
            return start([command[0], program], **options)

        patch.setattr(zygotes.subprocess, "Popen", start_on_server)
        made = zygotes.Zygote(str(tmp_path_factory.mktemp("zygote")))
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
def test_killed_at_points(new_round, shape, kind):
    counts = new_round(shape).finish()
    points = counts[rounds.COUNTED[kind]]
    kills = 0
    chosen = range(1, points + 1, STEP)
    for point in chosen:
        one = new_round(shape)
        one.play_until_killed([kind, point])
        one.finish()
        kills += one.kills

    assert kills >= len(chosen) // 2, "steps that end together share a commit, by chance"


def test_transactions_on_a_server_tell_their_moments(address, monkeypatch, tmp_path):
    told = []
    database = Database(str(tmp_path), address=address)
    monkeypatch.setattr(fs, "watch", lambda operation, path, other: told.append((operation, path, other)))
    with database.file.write() as transaction:
        transaction.read("SELECT 1")
        transaction.run("DELETE FROM tags WHERE name = :name", {"name": "none"})
    database.close()

    path = database.file.path
    statement = "DELETE FROM tags WHERE name = %(name)s"
    assert told == [("begin", path, None), ("statement", path, statement), ("commit", path, None)]
