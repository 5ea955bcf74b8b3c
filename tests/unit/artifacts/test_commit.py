"""The commit protocol: a folder is there whole, durable and read-only, or not at all."""

import os
import stat

import pytest

from zenml import fs
from zenml.artifacts import commit, verification
from zenml.artifacts.folder import Folder
from zenml.artifacts.hashing import digest_file, digest_files
from zenml.errors import ArtifactError, MaterializerError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.records.artifact_data import StoredValue


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path / "deep" / "artifacts"))


def stored(staging, files):
    return StoredValue(
        type="x", materializer="x", digest=digest_files(files), size=0, key=staging.key, files=files
    )


def write_some(staging):
    with open(os.path.join(staging.path, "plain.txt"), "w") as file:
        file.write("plain")
    staging.makedirs("sub/folder")
    with staging.open("sub/folder/big.bin", "wb") as file:
        file.write(bytes(3_000_000))
    with staging.create("sub/hashed.bin") as file:
        file.write(b"x" * 10)
        file.write(bytes(2_000_000))
        assert file.tell() == 2_000_010


def test_files_are_listed_with_size_and_digest(store):
    staging = store.stage("attempt/output")
    write_some(staging)
    files = store.publish(staging, {"type": "x"})
    assert [entry.path for entry in files] == ["plain.txt", "sub/folder/big.bin", "sub/hashed.bin"]
    assert [entry.size for entry in files] == [5, 3_000_000, 2_000_010]
    folder = os.path.join(store.path, staging.key)
    assert all(digest_file(os.path.join(folder, entry.path)) == entry.digest for entry in files)
    assert store.fetch(stored(staging, files)) == folder
    assert list(store.keys()) == [staging.key]
    assert list(store.staged_attempts()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_modes_do_not_depend_on_the_umask(store, umask):
    before = os.umask(umask)
    try:
        staging = store.stage("a/b")
        with staging.create("data.bin") as file:
            file.write(b"1")
        files = store.publish(staging, {})
    finally:
        os.umask(before)
    folder = store.fetch(stored(staging, files))
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(store.path).st_mode) == 0o700
    for name in ("data.bin", "manifest.json"):
        assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o400


def test_equal_files_have_equal_digests_whatever_the_order_of_writing(store):
    digests = []
    for attempt, names in (("one", ["a", "b"]), ("two", ["b", "a"])):
        staging = store.stage(f"{attempt}/output")
        for name in names:
            with staging.open(name, "w") as file:
                file.write(name)
        digests.append(digest_files(store.publish(staging, {})))
    assert digests[0] == digests[1]


def test_order_of_operations(store, monkeypatch):
    log = []
    for name in ("sync", "sync_folder", "rename", "protect"):
        real = getattr(fs, name)
        monkeypatch.setattr(
            fs, name, lambda *args, _name=name, _real=real: (log.append(_name), _real(*args))[1]
        )
    staging = store.stage("a/b")
    with staging.open("f", "w") as file:
        file.write("1")
    store.publish(staging, {})
    # the file, the manifest, the folder and its entry; then the name; then its folder
    assert log == [
        "protect",
        "sync",
        "protect",
        "sync",
        "sync_folder",
        "sync",
        "rename",
        "sync_folder",
        "sync",
    ]


@pytest.mark.parametrize("verb", ["create", "write", "sync", "protect", "rename", "sync_folder"])
def test_a_failing_disk_leaves_no_artifact(store, monkeypatch, verb):
    staging = store.stage("a/b")
    with staging.create("f") as file:
        file.write(b"1")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fs, verb, fail)
    if verb == "sync_folder":  # the last sync comes after the rename; the ones before it matter here
        monkeypatch.setattr(fs, "rename", lambda *_: pytest.fail("renamed before the folder was durable"))
    with pytest.raises((OSError, ArtifactError)):
        store.publish(staging, {})
    assert list(store.keys()) == []


def test_nothing_is_overwritten(store):
    for _ in range(2):
        staging = store.stage("a/b")
        with staging.open("f", "w") as file:
            file.write("1")
        if list(store.keys()):
            with pytest.raises(ArtifactError, match="never overwritten"):
                store.publish(staging, {})
        else:
            store.publish(staging, {})


def test_discard_removes_what_an_attempt_staged(store):
    for hint in ("one/a", "one/b", "two/a"):
        with store.stage(hint).open("f", "w") as file:
            file.write("1")
    assert sorted(store.staged_attempts()) == ["one", "two"]
    store.discard("one")
    store.discard("never-was")
    assert list(store.staged_attempts()) == ["two"]


def test_staging_again_starts_empty(store):
    with store.stage("a/b").open("old", "w") as file:
        file.write("1")
    assert store.stage("a/b").listdir() == []


def test_delete_does_not_follow_links(store, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("keep")
    staging = store.stage("a/b")
    with staging.open("f", "w") as file:
        file.write("1")
    store.publish(staging, {})
    os.symlink(tmp_path / "mine", os.path.join(store.path, staging.key, "link"))
    store.delete(staging.key)
    store.delete(staging.key)
    assert list(store.keys()) == []
    assert (tmp_path / "mine" / "file").read_text() == "keep"


@pytest.mark.parametrize("kind", ["link", "pipe", "manifest"])
def test_only_plain_files_are_stored(store, kind):
    staging = store.stage("a/b")
    if kind == "link":
        os.symlink("/etc/passwd", os.path.join(staging.path, "f"))
    elif kind == "pipe":
        os.mkfifo(os.path.join(staging.path, "f"))
    else:
        with staging.open(verification.MANIFEST, "w") as file:
            file.write("{}")
    with pytest.raises(MaterializerError):
        store.publish(staging, {})


@pytest.mark.parametrize(
    "hint",
    [
        "a/b",
        "a.b",
        "a%b",
        "../../etc",
        "a/..",
        "A/b c",
        "a/é",
        "x/" + "y" * 500,
        "x/" + "y" * 501,
        ".hidden",
        "a/b/c",
    ],
)
def test_keys_are_safe_and_different(hint, store):
    key = commit.key_for(hint)
    assert commit.checked_key(key) == key
    assert len(key) <= 200
    assert "/" not in key
    others = {commit.key_for(other) for other in ("a-b", "a_b", "a/b.", "a/B", "x/" + "y" * 502)}
    assert key not in others
    assert os.path.dirname(store.stage(hint).path).startswith(os.path.join(store.path, ".staging"))


@pytest.mark.parametrize("hint", ["", "/", "a//b", "/a", "a/"])
def test_an_empty_part_is_no_key(hint):
    with pytest.raises(ArtifactError):
        commit.key_for(hint)


@pytest.mark.parametrize("key", ["", "..", ".staging", "../x", "/etc", "a/b", ".", "a\n"])
def test_a_key_from_a_row_cannot_leave_the_store(store, key):
    with pytest.raises(ArtifactError):
        store.delete(key)


def test_folder_verbs(tmp_path):
    folder = Folder(str(tmp_path))
    folder.makedirs("a/b")
    folder.mkdir("c")
    with folder.open("a/f.txt", "w", encoding="utf-8") as file:
        file.write("é")
    folder.rename("a/f.txt", "a/g.txt")
    assert folder.exists("a/g.txt")
    assert not folder.exists("a/f.txt")
    assert folder.isdir("a/b")
    assert folder.size("a/g.txt") == 2
    assert folder.listdir() == ["a", "c"]
    assert folder.listdir(str(tmp_path / "a")) == ["b", "g.txt"]
    assert len(list(folder.walk())) == 4
    folder.remove("a/g.txt")
    assert folder.listdir("a") == ["b"]
