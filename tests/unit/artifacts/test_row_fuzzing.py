"""What a row says of stored files is not believed: whatever it says, no file outside is read, and errors are ours."""

import os

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zenml.artifacts import verification
from zenml.errors import ArtifactDamagedError, StoreUnavailableError, ZenMLError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save
from zenml.records.artifact_data import FileEntry, StoredValue
from zenml.records.run import Artifact
from zenml.store.schema import table_of

many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SECRET = b"of another one, and not to be read"


@pytest.fixture
def folder(tmp_path):
    """A store with an artifact of two files, a file outside of it, and a folder that links to it."""
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    staging = store.stage("attempt/output")
    for name in ("a.bin", "inner/b.bin"):
        with staging.create(name) as file:
            file.write(b"x" * 100)
    files = store.publish(staging, {})
    (tmp_path / "outside.txt").write_bytes(SECRET)
    os.symlink(tmp_path, tmp_path / "artifacts" / "link")
    (tmp_path / "artifacts" / "hollow").mkdir()
    os.symlink(tmp_path / "outside.txt", tmp_path / "artifacts" / "hollow" / "a.bin")
    stored = StoredValue(
        type="int",
        materializer="json",
        digest=verification.digest_files(files),
        size=200,
        key=staging.key,
        files=files,
    )
    return store, stored, str(tmp_path / "outside.txt")


PATHS = st.sampled_from(
    ("a.bin", "inner/b.bin", "./a.bin", "inner/../a.bin", "inner//b.bin", "inner", "", ".", "..", "/", "/etc/passwd",
     "../../outside.txt", "../hollow/a.bin", "../link/outside.txt", "a.bin/", "a.bin\0", "\0", "\udcff", "manifest.json",
     "a" * 300, "a/" * 3000, "~", "%2e%2e/outside.txt", "A.BIN")
) | st.text(max_size=10)  # fmt: skip
HUGE = st.integers(-(2**70), 2**70) | st.sampled_from((0, 100, -1, 2**63, 10**400))
DIGESTS = st.sampled_from(
    ("", "sha256:", "sha256", "md5:0", ":", "sha256:" + "0" * 64, "\0:x", "\udcff:")
) | st.text(max_size=10)
KEYS = st.sampled_from(
    ("attempt.output", "link", "hollow", "..", ".", "", "/etc", "a/b", ".staging", "\0", "x" * 5000)
)


@st.composite
def entries(draw, files):
    """A list of files: true ones, changed ones, made-up ones, some twice."""
    true = st.sampled_from(files)
    changed = st.builds(
        msgspec.structs.replace, true, path=PATHS | st.sampled_from([one.path for one in files])
    ) | st.builds(msgspec.structs.replace, true, size=HUGE)
    made_up = st.builds(FileEntry, PATHS, HUGE, DIGESTS)
    return tuple(draw(st.lists(true | changed | made_up, max_size=4)))


def test_no_list_of_files_leads_out_of_its_folder(folder):
    store, stored, _ = folder

    @given(entries(stored.files), st.booleans(), KEYS | st.just(stored.key), PATHS)
    @example((FileEntry("a.bin", 10**400, "sha256:0"),), True, stored.key, "a.bin")
    @example(
        (FileEntry("../../outside.txt", len(SECRET), "sha256:0"),), True, stored.key, "../../outside.txt"
    )
    @example((FileEntry("a.bin\0", 100, "sha256:0"),), True, stored.key, "a.bin\0")
    @example((FileEntry("\udcff", 100, "sha256:0"),), True, stored.key, "\udcff")
    @many
    def check(files, is_consistent, key, path):
        bad = msgspec.structs.replace(stored, files=files, key=key)
        try:
            if is_consistent:
                bad = msgspec.structs.replace(bad, digest=verification.digest_files(files))
        except (UnicodeEncodeError, OverflowError):
            pass  # such a list has no digest
        for act in (store.check, store.fetch, lambda one: load(one, artifact_store=store, trusted=True)):
            try:
                act(bad)
            except ZenMLError:
                continue
            inside = {one.path for one in stored.files}
            assert {one.path for one in files} <= inside or act == store.check
        verify_one(store, bad, path)

    check()


def verify_one(store, bad, path):
    try:
        found = verification.verify_file(bad, os.path.join(store.path, "attempt.output"), path)
    except ZenMLError:
        return
    root = os.path.join(store.path, "attempt.output")
    assert os.path.realpath(found).startswith(root + os.sep)


@pytest.mark.parametrize("path", ["../../outside.txt", "../hollow/a.bin", "../link/outside.txt"])
def test_a_file_outside_is_not_even_asked_for(folder, path):
    """With the right size and digest a file elsewhere would be what the row says."""
    store, stored, outside = folder
    digest = verification.digest_fd(os.open(outside, os.O_RDONLY), "sha256")
    bad = msgspec.structs.replace(stored, files=(FileEntry(path, len(SECRET), digest),))
    bad = msgspec.structs.replace(bad, digest=verification.digest_files(bad.files))

    for act in (
        store.check,
        store.fetch,
        lambda one: verification.verify_file(one, os.path.join(store.path, one.key), path),
    ):
        with pytest.raises(ArtifactDamagedError):
            act(bad)


def test_a_row_of_any_text_is_a_record_or_damaged():
    table = table_of(Artifact)
    true = {
        "id": "a",
        "name": "n",
        "output": "o",
        "type": "int",
        "materializer": "json",
        "digest": "d",
        "size": 1,
    }
    row = table.row(Artifact(**true, created_at=1, files=(FileEntry("a", 1, "sha256:0"),)))

    @given(
        st.sampled_from(("files", "metadata")),
        st.text(max_size=30)
        | st.recursive(
            st.none() | st.booleans() | st.floats() | HUGE | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(("path", "size", "digest")), inner, max_size=3)
            ),
            max_leaves=6,
        ).map(lambda value: __import__("json").dumps(value)),
    )
    @example("files", "[" * 100_000)
    @example("files", '[{"path":"a","size":' + "9" * 5000 + ',"digest":"d"}]')
    @example("files", '[{"path":"\\ud800","size":1,"digest":"d"}]')
    @many
    def check(field, text):
        changed = {**row, field: text}
        try:
            found = table.record(tuple(changed[name] for name in table.names))
        except StoreUnavailableError:
            return
        assert isinstance(found, Artifact)

    check()


@given(
    data=st.binary(max_size=200),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=4),
)
@many
def test_bytes_of_any_kind_are_the_value_or_an_error_of_ours(tmp_path, data, flips):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    stored = save({"rows": [1, 2.5, "x"], "data": "é"}, artifact_store=store, key_hint="a/b")
    body = bytearray(stored.inline or b"")
    for place, change in flips:
        body[place % len(body)] ^= change
    for changed in (bytes(body), data):
        digest = verification.digest_bytes(changed)
        try:
            load(
                msgspec.structs.replace(stored, inline=changed, digest=digest),
                artifact_store=store,
                trusted=False,
            )
        except ZenMLError:
            pass
