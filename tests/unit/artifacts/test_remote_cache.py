"""The cache of remote artifacts: shared, bounded, verified, and never taken from under a reader."""

import os
import subprocess
import sys
import threading

import pytest

from zenml import fs
from zenml.artifacts.commit import seal
from zenml.artifacts.folder import Staging
from zenml.artifacts.hashing import digest_bytes, digest_files
from zenml.artifacts.remote_cache import RemoteCache
from zenml.errors import ArtifactDamagedError
from zenml.records.artifact_data import FileEntry, StoredValue

SIZE = 1000


def artifact(letter, size=SIZE):
    content = letter.encode() * size
    files = (FileEntry("data", size, digest_bytes(content)),)
    return StoredValue(
        type="x", materializer="x", digest=digest_files(files), size=size, key=f"a.{letter}", files=files
    )


def filling(letter, size=SIZE, log=None):
    def fill(folder):
        if log is not None:
            log.append(letter)
        with open(os.path.join(folder, "data"), "wb") as file:
            file.write(letter.encode() * size)

    return fill


def no_fill(folder):
    raise AssertionError("it was downloaded again")


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "cache")


def read(path):
    with open(os.path.join(path, "data")) as file:
        return file.read()


def copies(folder):
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def fetch_in_other_process(folder, letters, size):
    """Fetch in a process that ends: what it has used may go."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_remote_cache as t\n"
        "cache = t.RemoteCache(sys.argv[2], int(sys.argv[4]))\n"
        "for letter in sys.argv[3]: cache.fetch(t.artifact(letter), t.filling(letter))\n"
    )
    arguments = [sys.executable, "-c", program, os.path.dirname(__file__), folder, letters, str(size)]
    subprocess.run(arguments, check=True)


def age(folder, letter, seconds):
    name = next(name for name in copies(folder) if name.startswith(artifact(letter).digest[7:]))
    path = os.path.join(folder, name)
    before = os.stat(path).st_mtime - seconds
    os.utime(path, (before, before))


def test_a_copy_is_made_once(folder):
    log = []
    for _ in range(2):
        path = RemoteCache(folder, 10**6).fetch(artifact("a"), filling("a", log=log))
    assert log == ["a"]
    assert read(path) == "a" * SIZE


def test_threads_and_processes_download_an_artifact_once(folder):
    log, together = [], threading.Barrier(4)

    def fetch():
        together.wait()
        RemoteCache(folder, 10**6).fetch(artifact("a"), filling("a", log=log))

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fetch_in_other_process(folder, "a", 10**6)

    assert log == ["a"]
    assert len(copies(folder)) == 1


def test_a_damaged_copy_is_made_again(folder):
    path = RemoteCache(folder, 10**6).fetch(artifact("a"), filling("a"))
    file = os.path.join(path, "data")
    os.chmod(file, 0o600)
    with open(file, "r+b") as data:
        data.write(b"X")

    path = RemoteCache(folder, 10**6).fetch(artifact("a"), filling("a"))

    assert read(path) == "a" * SIZE


def test_a_failed_download_leaves_nothing(folder):
    def fail(path):
        filling("a")(path)
        raise ConnectionError

    cache = RemoteCache(folder, 10**6)
    with pytest.raises(ConnectionError):
        cache.fetch(artifact("a"), fail)
    assert copies(folder) == []
    assert os.listdir(os.path.join(folder, ".incoming")) == []


def test_those_used_longest_ago_go_first(folder):
    fetch_in_other_process(folder, "abc", 10**6)
    for letter, seconds in (("a", 10), ("b", 30), ("c", 20)):
        age(folder, letter, seconds)

    cache = RemoteCache(folder, 3 * SIZE)
    cache.fetch(artifact("a"), no_fill)  # which makes it the youngest
    cache.fetch(artifact("d"), filling("d"))

    left = {
        letter for letter in "abcd" if any(artifact(letter).digest[7:] in name for name in copies(folder))
    }
    assert left == {"a", "c", "d"}


def test_what_a_living_process_has_asked_for_stays(folder):
    cache = RemoteCache(folder, 3 * SIZE)
    mine = [cache.fetch(artifact(letter), filling(letter)) for letter in "abcd"]

    fetch_in_other_process(folder, "efgh", 3 * SIZE)
    fetch_in_other_process(folder, "i", 3 * SIZE)

    assert all(os.path.exists(os.path.join(path, "data")) for path in mine)
    assert len(copies(folder)) == 4 + 1, "those of the process that has ended are gone"


def test_one_larger_than_the_cache_can_be_read(folder):
    cache = RemoteCache(folder, 10)

    path = cache.fetch(artifact("a"), filling("a"))

    assert read(path) == "a" * SIZE


def test_an_uploaded_folder_is_taken_not_copied(folder, tmp_path):
    staging = Staging(str(tmp_path / "staged"), "a.output")
    fs.make_folder(staging.path)
    with staging.create("data") as file:
        file.write(b"a" * SIZE)
    inode = os.stat(os.path.join(staging.path, "data")).st_ino
    files = seal(staging)
    stored = StoredValue(
        type="x", materializer="x", digest=digest_files(files), size=SIZE, key="a.output", files=files
    )
    cache = RemoteCache(folder, 10**6)

    cache.adopt(staging.path, files)

    path = cache.fetch(stored, no_fill)
    assert os.stat(os.path.join(path, "data")).st_ino == inode
    assert not os.path.exists(staging.path)


def test_a_list_that_is_not_the_recorded_one_is_damage(folder):
    import msgspec

    changed = msgspec.structs.replace(artifact("a"), files=artifact("b").files)
    with pytest.raises(ArtifactDamagedError, match="list of files"):
        RemoteCache(folder, 10**6).fetch(changed, no_fill)


def test_what_a_killed_download_left_goes_after_a_day(folder):
    fetch_in_other_process(folder, "a", 10**6)
    forgotten = os.path.join(folder, ".incoming", "left")
    os.mkdir(forgotten)
    os.utime(forgotten, (0, 0))

    RemoteCache(folder, 10).tidy()

    assert copies(folder) == []
    assert os.listdir(os.path.join(folder, ".incoming")) == []
