"""pandas, scikit-learn and matplotlib: equal with the same types, or pickled with a warning."""

import os
import sys
import warnings

import matplotlib as mpl
import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.errors import ArtifactNotTrustedError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers import cloudpickle_materializer, registry
from zenml.materializers.storage import load, save

mpl.use("Agg")


@pytest.fixture
def store(tmp_path):
    return LocalArtifactStore(str(tmp_path / "artifacts"))


def round_trip(store, value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
        return stored, load(stored, artifact_store=store, trusted=True)


def assert_same(left, right):
    if isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, check_exact=True, check_freq=True, check_flags=True)
    elif isinstance(left, pd.Series):
        pd.testing.assert_series_equal(left, right, check_exact=True, check_freq=True, check_flags=True)
    else:
        pd.testing.assert_index_equal(left, right, exact=True)
        assert getattr(left, "freq", None) == getattr(right, "freq", None)
    assert type(left) is type(right)
    if not isinstance(left, pd.Index):
        assert left.attrs == right.attrs


FRAME = pd.DataFrame(
    {
        "i": [1, 2, 3],
        "f": [1.5, float("nan"), -0.0],
        "s": ["x", None, "ü"],
        "b": [True, False, True],
        "t": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
        "z": pd.to_datetime(["2020-01-01"] * 3).tz_localize("Europe/Berlin"),
        "d": pd.to_timedelta([1, 2, 3], unit="s"),
        "c": pd.Categorical(["b", "a", "b"], categories=["b", "a", "z"], ordered=True),
        "n": pd.array([1, None, 3], dtype="Int64"),
    }
)


@pytest.mark.parametrize(
    "value",
    [
        FRAME,
        FRAME.set_index("i"),
        FRAME.set_index(["s", "i"]),
        FRAME["f"],
        FRAME["c"].rename(None),
        pd.Series([1.0, 2.0], index=pd.date_range("2020", periods=2, freq="D"), name=("a", 1)),
        pd.DataFrame(
            {"a": range(3)}, index=pd.date_range("2020", periods=3, freq="h", tz="UTC", name="when")
        ),
        pd.RangeIndex(3, 9, 2),
        pd.Index(["a", "b"], name="n"),
        pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["x", None]),
        pd.date_range("2020", periods=4, freq="W"),
        pd.DataFrame({"a": range(200_000)}),
    ],
)
def test_pandas_as_parquet(store, value):
    stored, back = round_trip(store, value)
    assert stored.materializer == "pandas"
    assert not stored.needs_trust
    assert_same(value, back)


def with_attrs(attrs):
    frame = FRAME.copy()
    frame.attrs = attrs
    return frame


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame(),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({1: [2]}),
        pd.DataFrame({1: [2], "1": [3]}),
        pd.DataFrame({"a": [1, "x", None]}),
        pd.DataFrame({"a": [(1, 2), [3], {"k": 1}]}),
        pd.DataFrame({"a": [{"k": 1}, {"l": 2}]}, dtype=object),
        pd.DataFrame({"a": pd.Series([None, float("nan"), "x"], dtype=object)}),
        pd.DataFrame({"a": pd.period_range("2020", periods=2, freq="M")}),
        pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}),
        pd.DataFrame({"a": [1 + 2j]}),
        pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        with_attrs({"source": "sensor", "n": (1, 2)}),
        with_attrs({"n": 1}),
        pd.Series([1, 2], dtype="category"),
        pd.Series([], dtype="float32"),
        pd.interval_range(0, 3),
    ],
)
def test_odd_pandas_values_never_change(store, value):
    _, back = round_trip(store, value)
    assert_same(value, back)


def test_mixed_objects_keep_their_types(store):
    value = pd.Series([1, 1.0, True, "1", None, b"1"], dtype=object)
    _, back = round_trip(store, value)
    assert list(map(type, back)) == list(map(type, value))


cells = st.one_of(st.none(), st.integers(-5, 5), st.floats(), st.text(max_size=3), st.booleans(), st.dates())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.one_of(st.text(max_size=3), st.integers(0, 3)), st.lists(cells, min_size=2, max_size=2), max_size=3
    )
)
def test_any_small_frame(tmp_path, columns):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = pd.DataFrame(columns)
    _, back = round_trip(LocalArtifactStore(str(tmp_path / "a")), value)
    assert_same(value, back)
    for name in value:
        assert list(map(type, value[name])) == list(map(type, back[name]))


def test_a_missing_pyarrow_is_named(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    cloudpickle_materializer._warned.clear()
    with pytest.warns(UserWarning, match=r"zenml-core\[pandas\]"):
        save(FRAME[["i", "f"]].set_axis([0, 1], axis=1), artifact_store=store, key_hint="a/b")


def estimators():
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    return [
        LogisticRegression(),
        RandomForestClassifier(n_estimators=3, random_state=np.random.RandomState(3)),
        GradientBoostingClassifier(n_estimators=3),
        DecisionTreeClassifier(),
        KNeighborsClassifier(2),
        SVC(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(ColumnTransformer([("s", StandardScaler(), [0])]), SVC()),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    ]


@pytest.mark.parametrize("index", range(9))
def test_estimators(store, index):
    generator = np.random.default_rng(0)
    features, target = generator.random((40, 3)), np.arange(40) % 2
    for is_fitted in (False, True):
        value = estimators()[index]
        if is_fitted:
            value.fit(features, target)
        stored, back = round_trip(store, value)
        assert stored.materializer == "sklearn"
        assert type(back) is type(value)
        assert back.get_params(deep=False).keys() == value.get_params(deep=False).keys()
        assert vars(back).keys() == vars(value).keys()
        if is_fitted:
            assert (back.predict(features) == value.predict(features)).all()


def test_an_estimator_with_a_lambda_falls_back(store):
    from sklearn.preprocessing import FunctionTransformer

    stored, back = round_trip(store, FunctionTransformer(lambda x: x + 1))
    assert stored.materializer == "cloudpickle"
    assert back.transform(1) == 2


def test_an_estimator_with_foreign_types_needs_trust(store):
    from sklearn.preprocessing import FunctionTransformer

    stored, back = round_trip(store, FunctionTransformer(os.path.basename))
    assert stored.materializer == "sklearn"
    assert stored.needs_trust
    assert back.transform("/a/b") == "b"
    for row in (stored, msgspec.structs.replace(stored, needs_trust=False)):
        with pytest.raises(ArtifactNotTrustedError):
            load(row, artifact_store=store, trusted=False)


def test_figures(store):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    stored, back = round_trip(store, figure)
    plt.close(figure)
    assert type(back) is type(figure)
    assert list(back.axes[0].lines[0].get_ydata()) == [1, 2, 3]
    assert plt.get_fignums() == []  # no window came back with it
    assert [entry.path for entry in stored.files] == ["figure.pickle", "figure.png"]
    with open(os.path.join(store.path, stored.key, "figure.png"), "rb") as file:
        assert file.read(4) == b"\x89PNG"
    assert stored.metadata["visualizations"] == {"figure.png": "image"}
    with pytest.raises(ArtifactNotTrustedError):
        load(stored, artifact_store=store, trusted=False)


def test_library_types_are_found_by_name():
    assert registry.find(pd.DataFrame).SHORT_NAME == "pandas"
    assert registry.find(type("Mine", (pd.DataFrame,), {})).SHORT_NAME == "cloudpickle"
    assert registry.find(np.float64).SHORT_NAME == "numpy-scalar"
