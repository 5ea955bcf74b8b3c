"""NumPy: exact round trips or refusals, maps that never reach the store, no needless copies."""

import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zenml.errors import MaterializerError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save


def round_trip(store, value, *, trusted=False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
    return stored, load(stored, artifact_store=store, trusted=trusted)


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path / "artifacts"))


dtypes = st.one_of(
    hnp.scalar_dtypes(), hnp.array_dtypes(max_size=3), hnp.unicode_string_dtypes(), hnp.byte_string_dtypes()
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_arrays(tmp_path, data):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    value = data.draw(hnp.arrays(data.draw(dtypes), hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
    if data.draw(st.booleans()):
        value = np.asfortranarray(value)
    if data.draw(st.booleans()) and value.ndim:
        value = value[::-1]
    stored, back = round_trip(store, value, trusted=True)
    assert stored.materializer == "numpy" or not repr(value.dtype).isascii()
    assert type(back) is np.ndarray
    assert back.dtype == value.dtype
    assert back.shape == value.shape
    assert back.tobytes() == value.tobytes()
    assert back.flags.writeable


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_scalars(tmp_path, data):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    value = data.draw(hnp.arrays(data.draw(dtypes), ()))[()]
    try:
        _, back = round_trip(store, value, trusted=True)
    except MaterializerError:
        assert not isinstance(value, np.number | np.bool_)
        return
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    assert back.tobytes() == value.tobytes()


@pytest.mark.parametrize(
    "value",
    [
        np.arange(100_000.0),
        np.asfortranarray(np.arange(90_000.0).reshape(300, 300)),
        np.arange(90_000).reshape(300, 300)[::2, ::-1],
        np.arange(90_000, dtype=">i4"),
        np.zeros(30_000, dtype=[("a", "i4"), ("b", "U5")]),
        np.array(["2020-01-01"] * 20_000, dtype="M8[ns]"),
    ],
)
def test_large_arrays_are_mapped_copy_on_write(store, value):
    stored, back = round_trip(store, value)
    assert [entry.path for entry in stored.files] == ["data.npy"]
    assert isinstance(back.base, np.memmap)
    assert type(back) is np.ndarray
    assert (back == value).all()
    back[0] = back[-1]
    again = load(stored, artifact_store=store, trusted=False)
    assert (again == value).all()


def test_memory_maps_come_back_as_maps(store, tmp_path):
    for count in (3, 100_000):
        value = np.memmap(tmp_path / f"m{count}", dtype="f4", mode="w+", shape=(count,))
        value[:] = 7
        _, back = round_trip(store, value)
        assert type(back) is np.memmap
        assert (back == 7).all()


@pytest.mark.parametrize(
    "value",
    [
        np.array([1, "a", None], dtype=object),
        np.ma.masked_array([1, 2], [0, 1]),
        np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        np.zeros(2, dtype=np.dtype("i4", metadata={"unit": "m"})),
        np.zeros(1, dtype=[("größe€", "i4")]),
        np.array(["a", "bb"], dtype=np.dtypes.StringDType()) if hasattr(np.dtypes, "StringDType") else None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_format_cannot_hold_falls_back(store, value):
    stored, back = round_trip(store, value, trusted=True)
    assert stored.materializer == "cloudpickle"
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    assert np.array_equal(back, value)


def test_a_scalar_that_even_pickle_would_change_is_refused(store):
    with pytest.raises(MaterializerError, match="cannot be stored"):
        save(np.str_("a\0"), artifact_store=store, key_hint="a/b")


def test_no_copy_is_made_of_a_large_array(store):
    import tracemalloc

    value = np.ones(4_000_000)
    tracemalloc.start()
    try:
        save(value, artifact_store=store, key_hint="a/b")
        assert tracemalloc.get_traced_memory()[1] < value.nbytes / 10
    finally:
        tracemalloc.stop()


def test_metadata(store):
    stored, _ = round_trip(store, np.zeros((2, 3), dtype="f4"))
    assert stored.metadata == {
        "shape": [2, 3],
        "dtype": "float32",
        "nan_count": 0,
        **dict.fromkeys(("min", "max", "mean", "std"), 0.0),
        "preview": {"text": "[[0. 0. 0.]\n [0. 0. 0.]]"},
    }
