"""Pages of the database are damaged at random: an error, or what was stored; never another value, never a new store."""

import os
import random
import shutil

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.errors import ZenMLError
from zenml.store.backup import back_up
from zenml.store.opening import close_store

FLIPS = int(os.environ.get("FAULTS_FLIPS", "120"))
SEED = os.environ.get("FAULTS_SEED", "steady")
LARGE = 50_000


@step
def number(x: int) -> int:
    return x * 1_000_003


@step
def text(x: int) -> str:
    return f"value {x} " * 20


@step
def large(x: int) -> bytes:
    return bytes([x]) * LARGE


@pipeline
def flow(x: int):
    return number(x), text(x), large(x)


def expected(x):
    return [x * 1_000_003, f"value {x} " * 20, bytes([x]) * LARGE]


def values_of(run_id):
    """Return what the outputs of a run are loaded as; an error of ours in the place of what cannot be."""
    found = []
    try:
        outputs = Client().get_pipeline_run(run_id).outputs
    except ZenMLError as error:
        return [error] * 3
    for output in outputs:
        try:
            found.append(output.load())
        except ZenMLError as error:
            found.append(error)
    return found


@pytest.fixture
def recorded(zenml_store, tmp_path):
    runs = {x: flow(x).id for x in range(1, 6)}
    back_up(Client().store, str(tmp_path / "whole"))
    return runs, tmp_path / "whole"


def test_random_damage_is_an_error_and_never_another_value(recorded, tmp_path, monkeypatch):
    runs, whole = recorded
    draw = random.Random(SEED)
    size = os.path.getsize(whole / "store.db")
    errors = 0
    for number_of_flip in range(FLIPS):
        root = str(tmp_path / "damaged" / str(number_of_flip))
        shutil.copytree(whole, root)
        at, length = draw.randrange(size), draw.choice((1, 8, 512, 4096))
        with open(os.path.join(root, "store.db"), "r+b") as file:
            file.seek(at)
            before = file.read(length)
            file.seek(at)
            file.write(bytes(byte ^ draw.randrange(1, 256) for byte in before))
        monkeypatch.setenv("ZENML_CONFIG_PATH", root)
        try:
            for x, run_id in runs.items():
                for value, wanted in zip(values_of(run_id), expected(x), strict=False):
                    is_error = isinstance(value, ZenMLError)
                    errors += is_error
                    assert is_error or value == wanted, (number_of_flip, at, length, x)
        finally:
            close_store(root)
            shutil.rmtree(root)

    assert errors >= FLIPS // 20, "some of the damage mattered"


@pytest.mark.parametrize("damage", ["emptied", "removed", "cut"])
def test_a_lost_database_is_never_replaced_by_a_new_one(recorded, monkeypatch, damage):
    _, whole = recorded
    path = whole / "store.db"
    if damage == "removed":
        path.unlink()
    else:
        os.truncate(path, 0 if damage == "emptied" else 6000)
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(whole))

    with pytest.raises(ZenMLError):
        flow(9)

    assert not path.exists() or path.stat().st_size in (0, 6000)
