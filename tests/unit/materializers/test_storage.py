"""Saving and loading: where values go, which materializer takes them, what trust allows."""

import collections
import os
import subprocess
import sys
import threading
import warnings

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.enums import ArtifactType
from zenml.errors import ArtifactNotTrustedError, ConfigurationError, MaterializerError, ZenMLError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers import cloudpickle_materializer, registry
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.cloudpickle_materializer import PickleFallbackWarning
from zenml.materializers.storage import INLINE_LIMIT, associated_types, load, save
from zenml.types import CSVString, HTMLString, JSONString, MarkdownString


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path / "artifacts"))


@pytest.fixture(autouse=True)
def fresh_warnings():
    cloudpickle_materializer._warned.clear()


class Thing:
    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return type(self) is type(other) and self.number == other.number

    __hash__ = None


class Special(Thing):
    pass


class Other:
    pass


class ThingMaterializer(BaseMaterializer):
    ASSOCIATED_TYPES = (Thing,)
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.DATA

    def save(self, data):
        with open(os.path.join(self.uri, "number.txt"), "w") as file:
            file.write(str(data.number))

    def load(self, data_type):
        with self.artifact_store.open(os.path.join(self.uri, "number.txt")) as file:
            return data_type(int(file.read()))

    def extract_metadata(self, data):
        return {"number": data.number, "odd": object}

    def save_visualizations(self, data):
        path = os.path.join(self.uri, "number.html")
        with self.artifact_store.open(path, "w") as file:
            file.write("<b>1</b>")
        return {path: "html"}


class UpperMaterializer(BaseMaterializer):
    ASSOCIATED_TYPES = (str,)
    SKIP_REGISTRATION = True

    def save(self, data):
        with self.artifact_store.open("text", "w") as file:
            file.write(data.upper())

    def load(self, data_type):
        assert data_type is str
        with open(os.path.join(self.uri, "text")) as file:
            return file.read()


def test_a_small_value_lives_in_its_row(store):
    stored = save({"a": 1}, artifact_store=store, key_hint="a/b")
    assert stored.inline == b'{"a":1}'
    assert stored.digest.startswith("sha256:")
    assert (stored.key, stored.files, stored.materializer, stored.type) == (None, (), "json", "dict")
    assert not os.path.exists(store.path)
    assert load(stored, artifact_store=store, trusted=False) == {"a": 1}
    assert msgspec.json.decode(msgspec.json.encode(stored), type=type(stored)) == stored


@pytest.mark.parametrize("extra", [0, 1])
def test_the_limit_of_inline_values(store, extra):
    value = "x" * (INLINE_LIMIT - 2 + extra)
    stored = save(value, artifact_store=store, key_hint="a/b")
    assert (stored.inline is None) == bool(extra)
    assert load(stored, artifact_store=store, trusted=False) == value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(),
        st.binary().map(bytearray),
        st.text().map(HTMLString),
        st.text().map(MarkdownString),
        st.text().map(CSVString),
        st.text().map(JSONString),
        st.lists(st.integers()),
        st.dates(),
        st.uuids(),
    ),
    st.booleans(),
)
def test_round_trips_in_the_row_and_in_files(tmp_path, value, is_large):
    store = LocalArtifactStore(str(tmp_path / os.urandom(6).hex()))
    if is_large and hasattr(value, "__len__"):
        value = type(value)(
            value + type(value)(type(value)("x" if isinstance(value, str) else [7]) * INLINE_LIMIT)
        )
    stored = save(value, artifact_store=store, key_hint="a/b")
    back = load(stored, artifact_store=store, trusted=False)
    assert back == value
    assert type(back) is type(value)


def test_text_kinds_have_their_extensions(store):
    for kind, name in (
        (HTMLString, "html"),
        (MarkdownString, "md"),
        (CSVString, "csv"),
        (JSONString, "json"),
    ):
        stored = save(kind("é" * INLINE_LIMIT), artifact_store=store, key_hint=f"{name}/b")
        assert [entry.path for entry in stored.files] == [f"data.{name}"]


def test_a_users_materializer(store):
    stored = save(Thing(4), artifact_store=store, key_hint="a/b")
    assert stored.materializer.endswith("test_storage.ThingMaterializer")
    assert [entry.path for entry in stored.files] == ["number.html", "number.txt"]
    assert stored.metadata["number"] == 4
    assert stored.metadata["visualizations"] == {"number.html": "html"}
    assert isinstance(stored.metadata["odd"], str)
    assert stored.needs_trust
    assert load(stored, artifact_store=store, trusted=True) == Thing(4)
    with pytest.raises(ArtifactNotTrustedError):
        load(stored, artifact_store=store, trusted=False)
    bare = save(Thing(4), artifact_store=store, key_hint="a/c", has_metadata=False, has_visualizations=False)
    assert bare.metadata == {}


def test_a_users_materializer_takes_subclasses_too(store):
    stored = save(Special(4), artifact_store=store, key_hint="a/b")
    assert stored.materializer.endswith("ThingMaterializer")
    assert type(load(stored, artifact_store=store, trusted=True)) is Special


@pytest.mark.parametrize(
    "choice",
    [
        UpperMaterializer,
        f"{__name__}.UpperMaterializer",
        [ThingMaterializer, UpperMaterializer],
        (f"{__name__}.ThingMaterializer", f"{__name__}.UpperMaterializer"),
    ],
)
def test_a_named_materializer_always_wins(store, choice):
    stored = save("abc", artifact_store=store, key_hint="a/b", materializer=choice)
    assert stored.materializer.endswith("UpperMaterializer")
    assert load(stored, artifact_store=store, trusted=True) == "ABC"


def test_a_materializer_to_skip_is_not_found_by_type():
    assert registry.find(str).SHORT_NAME == "json"
    assert associated_types(UpperMaterializer) == (str,)


@pytest.mark.parametrize(
    "path", ["nowhere.at.all", "os.path.join", "os", "", "zenml.materializers.gone.X", "x"]
)
def test_a_path_that_is_no_materializer(store, path):
    with pytest.raises(ConfigurationError):
        save("a", artifact_store=store, key_hint="a/b", materializer=path)


def test_a_materializer_of_another_main_program():
    with pytest.raises(
        ConfigurationError, match=r"`__main__\.ThingMaterializer` is a class of a program that"
    ):
        registry.resolve("__main__.ThingMaterializer")


def test_the_annotation_helps_where_the_type_has_no_materializer(store):
    class Shape:
        @classmethod
        def __init_subclass__(cls):
            pass

    class AbstractShape(type):
        def __instancecheck__(cls, instance):
            return isinstance(instance, Other)

    class Declared(metaclass=AbstractShape):
        pass

    class DeclaredMaterializer(BaseMaterializer):
        ASSOCIATED_TYPES = (Declared,)

        def save(self, data):
            with self.artifact_store.open("x", "w") as file:
                file.write("")

    try:
        stored = save(Other(), artifact_store=store, key_hint="a/b", annotation=Declared)
        assert "DeclaredMaterializer" in stored.materializer
    finally:
        registry._classes.remove(DeclaredMaterializer)
        registry._found.clear()


def test_an_error_of_a_users_materializer_is_the_users_and_leaves_nothing(store):
    class Failing(BaseMaterializer):
        SKIP_REGISTRATION = True

        def save(self, data):
            with self.artifact_store.open("half", "w") as file:
                file.write("half")
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        save(1, artifact_store=store, key_hint="a/b", materializer=Failing)
    assert list(store.keys()) == []
    assert list(store.staged_attempts()) == []


def test_a_materializer_without_load_says_so(store):
    class Half(BaseMaterializer):
        SKIP_REGISTRATION = True

        def save(self, data):
            pass

    stored = save(1, artifact_store=store, key_hint="a/b", materializer=Half)
    with pytest.raises(NotImplementedError, match="Half"):
        load(stored, artifact_store=store, trusted=True)


def test_the_fallback_warns_once_for_each_type(store):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number, value in enumerate([Other(), Other(), collections.Counter("a"), Other()]):
            stored = save(value, artifact_store=store, key_hint=f"a/{number}")
            assert stored.needs_trust
            assert type(load(stored, artifact_store=store, trusted=True)) is type(value)
    assert [warning.category for warning in caught] == [PickleFallbackWarning] * 2
    assert "Other" in str(caught[0].message)
    assert "Counter" in str(caught[1].message)


def test_a_pickle_needs_trust_whatever_its_row_says(store):
    with pytest.warns(PickleFallbackWarning):
        stored = save(Other(), artifact_store=store, key_hint="a/b")
    for forged in (stored, msgspec.structs.replace(stored, needs_trust=False)):
        with pytest.raises(ArtifactNotTrustedError):
            load(forged, artifact_store=store, trusted=False)


def test_pickles_can_be_forbidden(store, monkeypatch):
    with pytest.warns(PickleFallbackWarning):
        stored = save(Other(), artifact_store=store, key_hint="a/b")
    monkeypatch.setenv("ZENML_ALLOW_PICKLE", "0")
    with pytest.raises(MaterializerError, match="ZENML_ALLOW_PICKLE"):
        save(Other(), artifact_store=store, key_hint="a/c")
    with pytest.raises(MaterializerError, match="ZENML_ALLOW_PICKLE"):
        load(stored, artifact_store=store, trusted=True)
    assert load(save(1, artifact_store=store, key_hint="a/d"), artifact_store=store, trusted=True) == 1


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "make",
    [
        lambda: (i for i in range(3)),
        lambda: open(os.devnull),  # noqa: SIM115
        lambda: open(os.devnull, "rb"),  # noqa: SIM115
        threading.Lock,
        lambda: __import__("socket").socket(),
        lambda: sys,
        lambda: {"inner": (i for i in ())},
        lambda: memoryview(b"a"),
        deep,
        lambda: iter(threading.Lock, None),
        lambda: map(str, [1]),
        lambda: iter([1]),
    ],
)
def test_what_is_no_data_is_refused_and_leaves_nothing(store, make):
    value = make()
    try:
        with pytest.raises(MaterializerError, match="cannot be stored"):
            save(value, artifact_store=store, key_hint="a/b")
    finally:
        if hasattr(value, "close"):
            value.close()
    assert not os.path.exists(store.path)


def test_a_circular_list_is_pickled(store):
    value = [1]
    value.append(value)
    with pytest.warns(PickleFallbackWarning, match="contains itself"):
        stored = save(value, artifact_store=store, key_hint="a/b")
    back = load(stored, artifact_store=store, trusted=True)
    assert back[1] is back


def test_an_unknown_or_foreign_record(store):
    stored = save(1, artifact_store=store, key_hint="a/b")
    evil = msgspec.structs.replace(stored, materializer="os.system")
    with pytest.raises(ArtifactNotTrustedError):
        load(evil, artifact_store=store, trusted=False)
    with pytest.raises(ZenMLError):
        load(evil, artifact_store=store, trusted=True)


def test_a_full_disk_is_reported_with_its_place(store, monkeypatch):
    from zenml import fs

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fs, "write", full)
    with pytest.raises(OSError, match=r"No space left on device.*artifacts"):
        save(bytes(100_000), artifact_store=store, key_hint="a/b")
    assert list(store.staged_attempts()) == []


def test_entry_points_are_asked_last(store, monkeypatch):
    import importlib.metadata

    class Entry:
        name = f"{Other.__module__}.Other"

        def load(self):
            return UpperMaterializer

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Entry()])
    registry._found.clear()
    try:
        assert registry.find(Other) is UpperMaterializer
        assert registry.find(int).SHORT_NAME == "json"
    finally:
        registry._found.clear()


def test_saving_an_int_imports_no_heavy_library():
    command = (
        "import sys, msgspec\nbefore = set(sys.modules)\n"
        "from zenml.materializers.storage import save, load\n"
        "from zenml.flavors.local_artifact_store import LocalArtifactStore\n"
        "store = LocalArtifactStore('/nowhere')\n"
        "stored = save(5, artifact_store=store, key_hint='a/b')\n"
        "assert load(stored, artifact_store=store, trusted=False) == 5\n"
        "print(*sorted(name for name in set(sys.modules) - before if '.' not in name))"
    )
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    allowed = {
        "zenml",
        "hashlib",
        "_hashlib",
        "_blake2",
        "_sha2",
        "_md5",
        "_sha1",
        "_sha3",
        "binascii",
        "math",
        "importlib",
    }
    assert set(run.stdout.split()) <= allowed


def test_public_paths():
    from zenml import materializers

    assert materializers.BaseMaterializer is BaseMaterializer
    assert materializers.PickleFallbackWarning is PickleFallbackWarning
    assert ArtifactType.DATA.name == "DATA"
    with pytest.raises(AttributeError):
        materializers.Nothing
