"""Paths: content is copied in and out, so no edit on either side reaches the other."""

import os
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.errors import MaterializerError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path / "artifacts"))


def content(folder):
    return {
        str(path.relative_to(folder)): None
        if path.is_dir()
        else (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
    }


def test_a_file(store, tmp_path):
    source = tmp_path / "model v1.bin"
    source.write_bytes(os.urandom(3_000_000))
    original = source.read_bytes()
    stored = save(source, artifact_store=store, key_hint="a/b")
    source.write_bytes(b"changed later")
    first, second = (load(stored, artifact_store=store, trusted=False) for _ in range(2))
    assert type(first) is type(source)
    assert first.name == source.name
    assert first.read_bytes() == original
    first.write_bytes(b"mine")
    assert second.read_bytes() == original
    assert load(stored, artifact_store=store, trusted=False).read_bytes() == original
    assert stored.metadata == {"name": "model v1.bin", "kind": "file", "size": len(original)}


names = st.text("abcé .-_%", min_size=1, max_size=6).filter(lambda name: name.strip(".") != "")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.tuples(names, names), st.one_of(st.none(), st.binary(max_size=20)), max_size=5),
    st.booleans(),
)
def test_a_folder(tmp_path, files, is_executable):
    base = tmp_path / os.urandom(6).hex()
    store, source = LocalArtifactStore(str(base / "artifacts")), base / "data"
    source.mkdir(parents=True)
    for (folder, name), data in files.items():
        (source / folder).mkdir(exist_ok=True)
        if data is not None:
            (source / folder / name).write_bytes(data)
            (source / folder / name).chmod(0o755 if is_executable else 0o644)
    stored = save(source, artifact_store=store, key_hint="a/b")
    back = load(stored, artifact_store=store, trusted=False)
    assert content(back) == content(source)
    assert back.name == "data"


def test_equal_folders_have_equal_digests(store, tmp_path):
    digests = set()
    for parent in ("one", "two"):
        (tmp_path / parent / "data").mkdir(parents=True)
        (tmp_path / parent / "data" / "f").write_text("same")
        digests.add(save(tmp_path / parent / "data", artifact_store=store, key_hint=f"{parent}/b").digest)
    assert len(digests) == 1


def test_a_link_to_a_file_stands_for_the_file(store, tmp_path):
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to("real")
    back = load(
        save(tmp_path / "link", artifact_store=store, key_hint="a/b"), artifact_store=store, trusted=False
    )
    assert (back.name, back.read_text(), back.is_symlink()) == ("link", "x", False)


@pytest.mark.parametrize("kind", ["missing", "link inside", "pipe inside", "dangling", "device"])
def test_what_is_no_content_is_refused(store, tmp_path, kind):
    folder = tmp_path / "folder"
    folder.mkdir()
    value = folder
    if kind == "missing":
        value = tmp_path / "nothing"
    elif kind == "dangling":
        value = folder / "link"
        value.symlink_to("gone")
    elif kind == "link inside":
        (folder / "link").symlink_to("/etc/passwd")
    elif kind == "pipe inside":
        os.mkfifo(folder / "pipe")
    else:
        value = pathlib.Path("/dev/null")
    with pytest.raises(MaterializerError, match="cannot be stored"):
        save(value, artifact_store=store, key_hint="a/b")
    assert list(store.keys()) == []
    assert list(store.staged_attempts()) == []


def test_a_pure_path_is_text(store):
    value = pathlib.PurePosixPath("/not/there")
    assert (
        load(save(value, artifact_store=store, key_hint="a/b"), artifact_store=store, trusted=False) == value
    )
