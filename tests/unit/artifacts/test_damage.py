"""Damage of any kind is found before a value is loaded, and named; no wrong value ever comes back."""

import os
import time

import msgspec
import numpy as np
import pytest

from zenml.artifacts import hashing, verification
from zenml.errors import ArtifactDamagedError, ZenMLError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path / "artifacts"))


def flip(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def truncate(path):
    os.truncate(path, os.path.getsize(path) - 1)


def empty(path):
    os.truncate(path, 0)


def grow(path):
    with open(path, "ab") as file:
        file.write(b"\0")


def delete(path):
    os.unlink(path)


def link_elsewhere(path):
    os.rename(path, path + ".moved")
    os.rename(path + ".moved", os.path.join(os.path.dirname(os.path.dirname(path)), "moved"))
    os.symlink(os.path.join(os.path.dirname(os.path.dirname(path)), "moved"), path)


def make_folder(path):
    os.unlink(path)
    os.mkdir(path)


def make_pipe(path):
    os.unlink(path)
    os.mkfifo(path)


def same_size_other_content(path):
    size = os.path.getsize(path)
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(bytes(size))


HARMS = [flip, truncate, empty, grow, delete, link_elsewhere, make_folder, make_pipe, same_size_other_content]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("is_remembered", [True, False])
@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_every_kind_of_damage_is_found(store, harm, is_remembered, size):
    value = os.urandom(size)
    stored = save(value, artifact_store=store, key_hint="a/b")
    if is_remembered:
        time.sleep(0.03)  # longer than the clock of the file system stands still
        assert load(stored, artifact_store=store, trusted=False) == value
    else:
        verification._remembered.clear()
    path = os.path.join(store.path, stored.key, "data.bin")
    os.chmod(path, 0o600)
    harm(path)
    with pytest.raises(ArtifactDamagedError, match=r"data\.bin|not written with it") as caught:
        load(stored, artifact_store=store, trusted=True)
    assert stored.key in str(caught.value)
    assert "runs again" in str(caught.value)


def test_damage_right_after_writing_is_found_every_time(store):
    for number in range(50):
        stored = save(bytes(70_000), artifact_store=store, key_hint=f"a{number}/b")
        path = os.path.join(store.path, stored.key, "data.bin")
        with open(path, "r+b") as file:
            file.write(b"\1")
        with pytest.raises(ArtifactDamagedError):
            load(stored, artifact_store=store, trusted=True)


@pytest.mark.parametrize("harm", [truncate, empty, grow, delete, link_elsewhere, make_folder, make_pipe])
def test_a_cheap_check_finds_what_a_status_shows(store, harm):
    stored = save(os.urandom(70_000), artifact_store=store, key_hint="a/b")
    store.check(stored)
    harm(os.path.join(store.path, stored.key, "data.bin"))
    with pytest.raises(ArtifactDamagedError):
        store.check(stored)


def test_swapped_artifacts(store):
    one, two = (save(bytes([n]) * 70_000, artifact_store=store, key_hint=f"a{n}/b") for n in (1, 2))
    folders = [os.path.join(store.path, stored.key) for stored in (one, two)]
    os.rename(folders[0], folders[0] + "x")
    os.rename(folders[1], folders[0])
    os.rename(folders[0] + "x", folders[1])
    for stored in (one, two):
        with pytest.raises(ArtifactDamagedError):
            load(stored, artifact_store=store, trusted=True)


def test_a_missing_or_linked_folder(store, tmp_path):
    stored = save(bytes(70_000), artifact_store=store, key_hint="a/b")
    folder = os.path.join(store.path, stored.key)
    os.rename(folder, tmp_path / "elsewhere")
    with pytest.raises(ArtifactDamagedError):
        load(stored, artifact_store=store, trusted=True)
    os.symlink(tmp_path / "elsewhere", folder)
    with pytest.raises(ArtifactDamagedError):
        load(stored, artifact_store=store, trusted=True)


def test_a_planted_file(store):
    stored = save(bytes(70_000), artifact_store=store, key_hint="a/b")
    with open(os.path.join(store.path, stored.key, "extra.pkl"), "w") as file:
        file.write("x")
    with pytest.raises(ArtifactDamagedError, match=r"extra\.pkl"):
        load(stored, artifact_store=store, trusted=True)


def test_changed_rows(store):
    inline = save([1, 2], artifact_store=store, key_hint="a/b")
    filed = save(bytes(70_000), artifact_store=store, key_hint="a/c")
    entry = filed.files[0]
    replace = msgspec.structs.replace
    for changed in (
        replace(inline, inline=b"[1,3]"),
        replace(inline, inline=None, key="a.b"),
        replace(filed, files=(replace(entry, size=1),)),
        replace(filed, files=()),
        replace(filed, files=(replace(entry, path="../../etc/passwd"),)),
        replace(filed, files=(replace(entry, path="/etc/passwd"),)),
        replace(filed, key="../x"),
        replace(filed, digest="sha256:00"),
    ):
        with pytest.raises(ZenMLError):
            load(changed, artifact_store=store, trusted=True)


def test_a_path_outside_is_refused_even_with_a_fitting_digest(store):
    filed = save(bytes(70_000), artifact_store=store, key_hint="a/c")
    entry = msgspec.structs.replace(filed.files[0], path="../../outside", size=4)
    with open(os.path.join(os.path.dirname(store.path), "outside"), "w") as file:
        file.write("1234")
    entry = msgspec.structs.replace(
        entry, digest=hashing.digest_file(os.path.join(store.path, "..", "outside"))
    )
    forged = msgspec.structs.replace(filed, files=(entry,), digest=hashing.digest_files((entry,)))
    with pytest.raises(ArtifactDamagedError):
        load(forged, artifact_store=store, trusted=True)


def test_an_unchanged_large_file_is_hashed_once(store, monkeypatch):
    value = np.arange(3_000_000.0)
    stored = save(value, artifact_store=store, key_hint="a/b")
    time.sleep(0.03)
    load(stored, artifact_store=store, trusted=True)
    monkeypatch.setattr(verification, "digest_fd", lambda *_: pytest.fail("hashed again"))
    assert (load(stored, artifact_store=store, trusted=True) == value).all()


def test_digests_of_an_unknown_kind(store):
    filed = save(bytes(70_000), artifact_store=store, key_hint="a/c")
    entry = msgspec.structs.replace(filed.files[0], digest="whirlpool:00")
    odd = msgspec.structs.replace(filed, files=(entry,), digest=hashing.digest_files((entry,)))
    verification._remembered.clear()
    with pytest.raises(ZenMLError, match="whirlpool"):
        load(odd, artifact_store=store, trusted=True)
