"""LightGBM: the same trees, names, parameters and predictions."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save

lightgbm = pytest.importorskip("lightgbm")

FEATURES = np.random.default_rng(0).random((60, 3))
FEATURES[::7, 1] = np.nan
TARGET = (FEATURES[:, 0] > 0.5).astype(int)
QUIET = {"verbose": -1, "min_data_in_leaf": 1, "num_threads": 1}


def round_trip(tmp_path, value):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
    return stored, load(stored, artifact_store=store, trusted=False)


def train(rounds=2, features=FEATURES, names="auto", **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = lightgbm.Dataset(features, TARGET, feature_name=names)
        return lightgbm.train({**QUIET, **params}, data, rounds, valid_sets=[data], valid_names=["é"])


def assert_same(value, back, features=FEATURES):
    assert type(back) is type(value)
    assert back.feature_name() == value.feature_name()
    assert (back.num_trees(), back.best_iteration) == (value.num_trees(), value.best_iteration)
    assert (type(back.best_score), back.best_score) == (type(value.best_score), value.best_score)
    assert {name: repr(item) for name, item in back.params.items()} == {
        name: repr(item) for name, item in value.params.items()
    }
    assert back.pandas_categorical == value.pandas_categorical
    assert back.predict(features).tobytes() == value.predict(features).tobytes()


# LightGBM itself refuses the characters of JSON in names, and takes white space, byte by byte, for an end.
names = st.text(st.sampled_from("abzAZ019_.-+éß漢\U0001f600"), min_size=1, max_size=4)
unknown = st.none() | st.floats() | st.integers(-(2**40), 2**40) | st.text(max_size=4) | st.booleans()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(names, min_size=3, max_size=3, unique=True),
    st.sampled_from(
        [{}, {"boosting": "dart"}, {"objective": "binary"}, {"linear_tree": True}, {"extra_trees": True}]
    ),
    unknown,
    st.integers(1, 3),
)
def test_any_booster(tmp_path, names, params, extra, rounds):
    value = train(rounds, names=names, **params)
    value.params["unknown é"] = extra  # what a user adds, whatever LightGBM thinks of it
    stored, back = round_trip(tmp_path, value)
    assert stored.materializer == "lightgbm"
    assert_same(value, back)


def test_a_stopped_booster_keeps_all_trees_and_its_scores(tmp_path):
    data = lightgbm.Dataset(FEATURES, TARGET)
    checked = lightgbm.Dataset(FEATURES, 1 - TARGET, reference=data)
    stop = lightgbm.early_stopping(1, verbose=False)
    value = lightgbm.train(
        {**QUIET, "objective": "binary", "metric": "auc"}, data, 20, [checked], callbacks=[stop]
    )
    assert value.best_score
    _, back = round_trip(tmp_path, value)
    assert_same(value, back)
    assert back.best_score["another"] == {}  # it makes entries on demand, as LightGBM's own does


def test_categories_of_pandas_columns(tmp_path):
    words = np.array(["x", "ü", "z"])[(FEATURES[:, 2] * 3).astype(int)]
    features = pd.DataFrame({"a": FEATURES[:, 0], "c": pd.Categorical(words)})
    value = train(features=features, min_data_per_group=1)
    _, back = round_trip(tmp_path, value)
    assert_same(value, back, features)


def test_parameters_that_hold_arrays(tmp_path):
    value = train()
    value.params["groups"] = np.array([1, 2])
    stored, back = round_trip(tmp_path, value)
    assert stored.materializer == "lightgbm"
    assert_same(value, back)


def test_what_was_stored_may_be_stored_again(tmp_path):
    _, once = round_trip(tmp_path, train())
    _, twice = round_trip(tmp_path, once)
    assert_same(once, twice)


def test_subclasses_and_data_sets_are_pickled(there_and_back):
    value = Mine(model_str=train().model_to_string())
    with pytest.warns(UserWarning, match="pickle"):
        stored, back = there_and_back(value, trusted=True)
    assert stored.materializer == "cloudpickle"
    assert_same(value, back)


class Mine(lightgbm.Booster):
    pass
