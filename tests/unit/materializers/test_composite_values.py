"""Containers of values with materializers of their own: equal with the same types, and no pickle."""

import os
import warnings
from collections import Counter, OrderedDict

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.linear_model import LinearRegression

from zenml.errors import ArtifactNotTrustedError, MaterializerError, ZenMLError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.sets(st.integers(), max_size=2),
    hnp.arrays(
        st.sampled_from(["f8", ">i4", "?", "M8[ns]"]), hnp.array_shapes(min_dims=0, max_dims=2, max_side=2)
    ),
    st.floats(width=32).map(np.float32),
)
keys = st.one_of(st.integers(0, 2), st.sampled_from(["0", "1", "$", "a"]), st.tuples(st.integers(0, 1)))
containers = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=8,
)


def form(value):
    """Return a text that differs if anything differs: types, signs, order, element types."""
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(form, value)]
    if isinstance(value, dict):
        return [type(value).__name__, *[(form(key), form(item)) for key, item in value.items()]]
    if isinstance(value, (np.ndarray, np.generic)):
        return type(value).__name__, value.dtype.str, value.shape, value.tobytes()
    return type(value).__name__, sorted(value) if isinstance(value, set) else repr(value)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(containers)
def test_any_container(tmp_path, value):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
    assert stored.materializer != "cloudpickle"
    assert form(load(stored, artifact_store=store, trusted=False)) == form(value)


def test_small_containers_live_in_the_row_and_large_parts_in_folders(there_and_back):
    small, _ = there_and_back({"accuracy": np.float64(0.9), "matrix": np.eye(3)})
    large, back = there_and_back(
        {"x": np.arange(50_000), "frame": pd.DataFrame({"a": range(9000)}), "n": np.ones(2)}
    )

    assert small.inline is not None
    assert [entry.path for entry in large.files] == ["data.json", "parts/0/data.npy", "parts/1/data.parquet"]
    assert back["frame"].equals(pd.DataFrame({"a": range(9000)}))
    assert (back["x"] == np.arange(50_000)).all()


def test_a_leaf_that_occurs_twice_comes_back_as_one_object(there_and_back):
    array = np.arange(3)

    _, back = there_and_back([array, {"again": array}])

    assert back[0] is back[1]["again"]


def test_estimators_in_containers(there_and_back):
    model = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])

    stored, back = there_and_back([("model", model)])

    assert stored.materializer == "composite"
    assert not stored.needs_trust
    assert (back[0][1].coef_ == model.coef_).all()


def test_a_part_that_needs_trust_makes_the_container_need_it(there_and_back):
    from sklearn.preprocessing import FunctionTransformer

    stored, back = there_and_back([FunctionTransformer(os.path.basename), np.ones(9)], trusted=True)

    assert stored.needs_trust
    assert back[0].transform("/a/b") == "b"
    forged = msgspec.structs.replace(stored, needs_trust=False)
    with pytest.raises(ArtifactNotTrustedError):
        load(forged, artifact_store=there_and_back.store, trusted=False)


@pytest.mark.parametrize(
    "value", [[Counter("a"), np.ones(2)], [object, np.ones(2)], [np.array([1, "a"], object)]]
)
def test_what_a_part_cannot_hold_pickles_the_whole(there_and_back, value):
    from zenml.materializers import cloudpickle_materializer

    cloudpickle_materializer._warned.clear()
    with pytest.warns(UserWarning, match="pickle"):
        stored, back = there_and_back(value, trusted=True)
    assert stored.materializer == "cloudpickle"
    assert type(back[0]) is type(value[0])


def test_a_scalar_that_pickle_would_change_is_refused_inside_a_container_too(there_and_back):
    with pytest.raises(MaterializerError, match="scalar"):
        there_and_back([np.str_("a\0"), np.ones(2)])


def test_damaged_skeletons_are_refused(there_and_back):
    from zenml.materializers.composite_materializer import CompositeMaterializer

    reader = CompositeMaterializer("")
    for data in (b"", b"{}", b'{"tree":7,"plain":[],"parts":[]}', b'{"tree":["x"],"plain":[1],"parts":[]}'):
        with pytest.raises(ZenMLError):
            reader.from_bytes(data)
