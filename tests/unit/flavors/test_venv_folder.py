"""Which environments are kept, and which go."""

import os

import msgspec
import pytest

from zenml.flavors.venv_folder import ABOUT, STAGING, About, VenvFolder

DAY = 86400.0


@pytest.fixture
def folder(tmp_path):
    return VenvFolder(str(tmp_path))


def make(folder, digest, *, size, days):
    """Make what looks like a complete environment, which was used some days ago."""
    path = folder.path_of(digest)
    os.makedirs(os.path.join(path, "bin"))
    os.symlink("/bin/sh", os.path.join(path, "bin", "python"))
    about = os.path.join(path, ABOUT)
    with open(about, "wb") as file:
        file.write(msgspec.json.encode(About((), "3.11.0", size)))
    then = os.stat(about).st_mtime - days * DAY
    os.utime(about, (then, then))


def kept(folder):
    return sorted(os.listdir(folder.environments))


def test_the_least_recently_used_go_until_there_is_room(folder):
    for number, digest in enumerate(("new", "middle", "old")):
        make(folder, digest, size=100, days=number)

    removed = folder.tidy(most_bytes=250, unused_seconds=30 * DAY)

    assert removed == ["old"]
    assert kept(folder) == ["middle", "new"]


def test_what_nobody_used_for_long_goes_though_there_is_room(folder):
    make(folder, "old", size=1, days=31)
    make(folder, "new", size=1, days=29)

    assert folder.tidy(most_bytes=1000, unused_seconds=30 * DAY) == ["old"]


def test_what_is_used_stays_and_goes_when_it_is_released(folder):
    make(folder, "old", size=100, days=50)
    held = folder.hold("old")

    assert folder.tidy(most_bytes=0, unused_seconds=0) == []

    held.release()
    assert folder.tidy(most_bytes=0, unused_seconds=30 * DAY) == ["old"]


def test_using_one_makes_it_the_last_to_go(folder):
    make(folder, "older", size=100, days=2)
    make(folder, "old", size=100, days=1)
    folder.hold("older").release()

    assert folder.tidy(most_bytes=100, unused_seconds=30 * DAY) == ["old"]


def test_what_killed_builds_left_goes_unless_somebody_builds(folder):
    for digest in ("left", "built"):
        os.makedirs(os.path.join(folder.environments, f"{STAGING}{digest}-17"))
    lock = folder.lock("built", is_shared=False, waits=False)

    folder.tidy(most_bytes=0, unused_seconds=0)

    assert kept(folder) == [f"{STAGING}built-17"]
    os.close(lock)


@pytest.mark.parametrize("missing", [ABOUT, "bin/python"])
def test_an_environment_without_a_part_is_none(folder, missing):
    make(folder, "one", size=1, days=0)
    os.unlink(os.path.join(folder.path_of("one"), missing))

    assert folder.hold("one") is None


def test_nothing_is_held_while_somebody_builds(folder):
    make(folder, "one", size=1, days=0)
    lock = folder.lock("one", is_shared=False, waits=False)

    assert folder.hold("one") is None

    os.close(lock)
    assert folder.hold("one") is not None


def test_the_library_holds_nothing_but_zenml(folder):
    library = folder.library()

    assert os.listdir(library) == ["zenml"]
    assert folder.library() == library
