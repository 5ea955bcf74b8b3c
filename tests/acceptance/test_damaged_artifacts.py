"""Somebody, or a disk, changes what is stored: never another value, and what made it makes it again."""

import os
import pickle

import numpy as np
import pytest

from zenml.errors import ArtifactDamagedError

SCRIPT = """
import numpy as np

@step
def make() -> np.ndarray:
    mark("make")
    return np.arange(100_000)

@step
def other() -> np.ndarray:
    return np.arange(100_000) * 2

@step
def add(values: np.ndarray, bias: int) -> int:
    return int(values.sum()) + bias

@pipeline
def flow(bias: int):
    other()
    add(make(), bias)

run = flow(bias={bias})
fact(statuses=statuses(run), total=run.steps["add"].output.load())
"""
TOTAL = sum(range(100_000))


def data_file(folder):
    """Return the one large file of an artifact."""
    files = [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names]
    return max(files, key=os.path.getsize)


def flip(folder, other):
    path = data_file(folder)
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def truncate(folder, other):
    path = data_file(folder)
    os.truncate(path, os.path.getsize(path) // 2)


def empty(folder, other):
    os.truncate(data_file(folder), 0)


def delete(folder, other):
    os.unlink(data_file(folder))


def delete_folder(folder, other):
    os.rename(folder, folder + ".gone")


def swap(folder, other):
    """Give it what another step has returned: whole, and of the right type."""
    os.rename(folder, folder + ".kept")
    os.rename(other, folder)
    os.rename(folder + ".kept", other)


def plant_a_pickle(folder, other):
    """Put a pickle that runs code in the place of the value."""
    with open(data_file(folder), "wb") as file:
        file.write(pickle.dumps(Planted(f"{folder}.was-run")))


def plant_a_pickle_beside(folder, other):
    with open(os.path.join(folder, "value.pkl"), "wb") as file:
        file.write(pickle.dumps(Planted(f"{folder}.was-run")))


def symlink(folder, other):
    path = data_file(folder)
    os.rename(path, folder + ".moved")
    os.symlink(folder + ".moved", path)


def symlink_folder(folder, other):
    os.rename(folder, folder + ".moved")
    os.symlink(folder + ".moved", folder)


class Planted:
    """A pickle that makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


HARMS = [
    flip,
    truncate,
    empty,
    delete,
    delete_folder,
    swap,
    plant_a_pickle,
    plant_a_pickle_beside,
    symlink,
    symlink_folder,
]


@pytest.mark.on_team_store
@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_what_was_changed_is_refused_by_name_and_made_again(lab, harm):
    lab.run(SCRIPT.format(bias=0))
    steps = lab.client().list_pipeline_runs()[0].steps
    damaged = steps["make"].output
    folder, other = (os.path.realpath(steps[name].output.uri) for name in ("make", "other"))
    for path, _, names in os.walk(folder):
        for name in [*names, "."]:
            os.chmod(os.path.join(path, name), 0o700)
    harm(folder, other)

    with pytest.raises(ArtifactDamagedError) as caught:
        damaged.load()
    assert f"`{damaged.name}` version {damaged.version}" in str(caught.value)

    again = lab.run(SCRIPT.format(bias=1))  # `make` is cached, `add` is not

    assert again.facts["total"] == TOTAL + 1
    assert again.count("make") == 1
    assert not os.path.exists(f"{folder}.was-run")
    (run, _) = lab.client().list_pipeline_runs()
    assert run.status == "completed"
    assert np.array_equal(run.steps["make"].output.load(), np.arange(100_000))
