"""polars: every element type comes back equal and of the same type, or is refused before anything is recorded."""

import datetime as dt
import decimal
import os
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.errors import MaterializerError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save

pl = pytest.importorskip("polars")
from polars.testing import assert_frame_equal  # noqa: E402
from polars.testing.parametric import dataframes, dtypes, series  # noqa: E402

ANY = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def assert_comes_back(tmp_path, value, *, as_file=False):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.MonkeyPatch.context() as patch:
            if as_file:
                patch.setattr("zenml.materializers.storage.INLINE_LIMIT", -1)
            stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
    assert (stored.inline is None) is as_file
    assert_same(value, load(stored, artifact_store=store, trusted=False))


def assert_same(value, back):
    assert type(back) is type(value)
    frame, other = (item.to_frame() if isinstance(item, pl.Series) else item for item in (value, back))
    assert other.shape == frame.shape
    assert list(map(repr, other.schema.items())) == list(map(repr, frame.schema.items()))
    assert_frame_equal(other, frame, check_exact=True)
    # Arrow's own form tells -0.0 from 0.0 and says which not-a-number it is.
    for column in frame.columns:
        assert repr(other[column].to_list()) == repr(frame[column].to_list())


@ANY
@given(st.data())
def test_any_frame(tmp_path, data):
    value = data.draw(dataframes(max_cols=4, max_size=6, allow_null=True, allow_chunks=True))
    assert_comes_back(tmp_path, value, as_file=data.draw(st.booleans()))


@ANY
@given(st.data())
def test_any_series(tmp_path, data):
    kind = data.draw(dtypes(nesting_level=3))
    value = data.draw(series(dtype=kind, max_size=5, allow_null=True, allow_chunks=True))
    assert_comes_back(
        tmp_path, value.rename(data.draw(st.text(max_size=4))), as_file=data.draw(st.booleans())
    )


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        pl.DataFrame(),
        pl.DataFrame(schema={"a": pl.List(pl.Struct({"b": pl.Enum(["x"])}))}),
        pl.DataFrame({"": [1], "\0": [2], "zenml": [3]}),
        pl.Series("e", ["a", None], dtype=pl.Enum(["a", "b\0"])),
        pl.Series("e", [None], dtype=pl.Enum([])),
        pl.Series("c", ["é", None], dtype=pl.Categorical),
        pl.Series("l", [["x"], None, []], dtype=pl.List(pl.Categorical)),
        pl.Series("d", [decimal.Decimal("9" * 30 + ".12345678"), None], dtype=pl.Decimal(38, 8)),
        pl.Series("i", [-(2**127), 2**127 - 1], dtype=pl.Int128),
        pl.Series("s", [{}, None], dtype=pl.Struct([])),
        pl.Series("f", [float("nan"), -0.0, float("inf"), None]),
        pl.Series("t", [dt.datetime(2020, 10, 25, 1, 30, tzinfo=dt.UTC)]).dt.convert_time_zone(
            "Europe/Berlin"
        ),
    ],
    ids=str,
)
def test_hostile_frames_and_series(tmp_path, value, as_file):
    assert_comes_back(tmp_path, value, as_file=as_file)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pl.DataFrame({"o": pl.Series([{1}, "x"], dtype=pl.Object)}), "`o` of the type `Object`"),
        (pl.Series("a", [[]], dtype=pl.Array(pl.Int8, 0)), "`a`.*width 0"),
        (pl.Series("a", [], dtype=pl.List(pl.Struct({"k": pl.Array(pl.Int8, 0)}))), "`a`.*width 0"),
        (pl.LazyFrame({"a": [1]}), r"collect\(\)"),
    ],
    ids=["object", "array", "nested", "lazy"],
)
@pytest.mark.parametrize("is_inside", [False, True])
def test_what_polars_cannot_read_back_is_refused_before_anything_is_written(
    tmp_path, value, message, is_inside
):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    with pytest.raises(MaterializerError, match=message):
        save([value] if is_inside else value, artifact_store=store, key_hint="a/b")
    assert list(store.keys()) == []
    assert list(store.staged_attempts()) == []


def test_rows_without_columns_and_subclasses_are_pickled(there_and_back):
    for value in (pl.DataFrame(height=3), Mine({"a": [1]})):
        with pytest.warns(UserWarning, match="pickle"):
            stored, back = there_and_back(value, trusted=True)
        assert stored.materializer == "cloudpickle"
        assert (type(back), back.shape) == (type(value), value.shape)


class Mine(pl.DataFrame):
    pass
