"""polars, Arrow, scipy.sparse, Pillow, plotly, LightGBM: equal with the same types, or refused."""

import datetime as dt
import os
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.errors import MaterializerError, MissingLibraryError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.built_in import BUILT_IN
from zenml.materializers.storage import load, save

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
sparse = pytest.importorskip("scipy.sparse")

FRAME = pl.DataFrame(
    {
        "a": [1, None, 3],
        "s": ["x", None, "é\0"],
        "f": [float("nan"), -0.0, float("inf")],
        "when": [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)] * 3,
        "l": [[1], [], None],
    }
).with_columns(c=pl.col("s").cast(pl.Categorical))


@pytest.mark.parametrize(
    "value", [FRAME, FRAME["f"], FRAME["l"], FRAME.head(0), pl.DataFrame(), pl.Series([])]
)
def test_polars(there_and_back, value):
    _, back = there_and_back(value)
    assert type(back) is type(value)
    assert back.equals(value)
    assert getattr(back, "schema", None) == getattr(value, "schema", None)


def test_large_polars_frames_are_files(there_and_back):
    value = pl.DataFrame({"a": np.arange(100_000)})
    stored, back = there_and_back(value)
    assert [entry.path for entry in stored.files] == ["data.arrow"]
    assert back.equals(value)


def test_lazy_frames_are_refused_with_the_remedy(there_and_back):
    with pytest.raises(MaterializerError, match=r"collect\(\)"):
        there_and_back(FRAME.lazy())


TABLE = pa.table({"a": [1, None], "s": ["x", "é"]})


@pytest.mark.parametrize(
    "value",
    [
        TABLE,
        TABLE.replace_schema_metadata({"k": "v"}),
        TABLE.to_batches()[0],
        TABLE.schema,
        TABLE["a"],
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([1.5, float("inf")])[1:],
        pa.chunked_array([], pa.int8()),
        pa.chunked_array([[1], [2, 3]]),
        pa.table({}),
        pa.table({"a": np.arange(100_000)}),
    ],
)
def test_arrow(there_and_back, value):
    stored, back = there_and_back(value)
    assert stored.materializer == "arrow"
    assert type(back) is type(value)
    assert back.equals(value)
    if hasattr(value, "schema"):
        assert back.schema.equals(value.schema, check_metadata=True)
    if isinstance(value, pa.ChunkedArray):
        assert list(map(len, back.chunks)) == list(map(len, value.chunks))


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.integers(1, 3), seed=st.integers(0, 99), dtype=st.sampled_from(["f4", "f8", "i2", "c16", "?"]))
def test_sparse(tmp_path, form, kind, rows, seed, dtype):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    dense = np.random.default_rng(seed).integers(0, 2, (rows, 3)).astype(dtype)
    value = getattr(sparse, f"{form}_{kind}")(dense)

    stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
    back = load(stored, artifact_store=store, trusted=False)

    assert stored.materializer == "scipy-sparse"
    assert (type(back), back.dtype, back.shape, back.nnz) == (
        type(value),
        value.dtype,
        value.shape,
        value.nnz,
    )
    assert (back.toarray() == dense).all()


def test_sparse_index_types_stay(there_and_back):
    value = sparse.csr_array(np.eye(3))
    value.indices, value.indptr = value.indices.astype("i8"), value.indptr.astype("i8")
    _, back = there_and_back(value)
    assert (back.indices.dtype, back.indptr.dtype) == (np.dtype("i8"), np.dtype("i8"))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK"])
def test_images(there_and_back, mode):
    from PIL import Image

    value = Image.effect_noise((7, 5), 40).convert(mode) if mode != "I;16" else Image.new(mode, (7, 5), 999)
    value.info = {"dpi": (72, 72), "raw": b"\0"}
    stored, back = there_and_back(value)
    assert stored.materializer == "image"
    assert (type(back), back.mode, back.info) == (type(value), mode, value.info)
    assert back.tobytes() == value.tobytes()
    assert back.getpalette() == value.getpalette()


def test_an_image_from_a_file_keeps_its_class(there_and_back, tmp_path):
    from PIL import Image

    Image.new("RGB", (9, 9), (1, 2, 3)).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as value:
        stored, back = there_and_back(value)
        assert type(back) is type(value)
        assert back.tobytes() == value.tobytes()
    assert stored.metadata["visualizations"] == {"image.png": "image"}


def test_plotly(there_and_back):
    go = pytest.importorskip("plotly.graph_objects")
    value = go.Figure(go.Scatter(x=np.arange(3), y=[1, 2, None], name="<b>"))
    stored, back = there_and_back(value)
    assert type(back) is type(value)
    assert back.to_plotly_json() == go.Figure(back).to_plotly_json()
    assert back.data[0].name == "<b>"
    assert stored.metadata["visualizations"] == {"figure.html": "html"}


@pytest.mark.parametrize("name", ["LGBMClassifier", "LGBMRegressor"])
def test_lightgbm(there_and_back, name):
    lightgbm = pytest.importorskip("lightgbm")
    features = np.random.default_rng(0).random((60, 3))
    target = (features[:, 0] > 0.5).astype(int)
    value = getattr(lightgbm, name)(n_estimators=4, verbose=-1).fit(features, target)

    stored, back = there_and_back(value)
    _, booster = there_and_back(value.booster_)

    assert stored.materializer == "lightgbm-sklearn"
    assert vars(back).keys() == vars(value).keys()
    assert (back.predict(features) == value.predict(features)).all()
    assert (booster.predict(features) == value.booster_.predict(features)).all()


TRAIN = """
import numpy as np, time
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from zenml.materializers.sklearn_materializer import SklearnMaterializer
padding = [object() for _ in range({padding})]
features = np.random.default_rng(0).random((40, 3))
model = make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)).fit(features, np.arange(40) % 2)
import hashlib
print(hashlib.sha256(SklearnMaterializer.to_bytes(model)).hexdigest())
"""


def test_the_same_estimator_has_the_same_bytes_in_every_process():
    digests = {
        subprocess.run(
            [sys.executable, "-c", TRAIN.format(padding=padding)],
            env={**os.environ, "PYTHONHASHSEED": str(padding)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for padding in (1, 20_000)
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("short_name", "library", "extra"),
    [
        ("numpy", "numpy", "numpy"),
        ("pandas", "pandas", "pandas"),
        ("polars", "polars", "polars"),
        ("arrow", "pyarrow", "pyarrow"),
        ("scipy-sparse", "scipy", "scipy"),
        ("torch-tensor", "torch", "torch"),
        ("image", "PIL", "pillow"),
        ("plotly", "plotly", "plotly"),
        ("xgboost", "xgboost", "xgboost"),
        ("lightgbm", "lightgbm", "lightgbm"),
    ],
)
def test_a_missing_library_is_named_with_its_command(there_and_back, monkeypatch, short_name, library, extra):
    stored, _ = there_and_back(1)
    module = "zenml.materializers." + BUILT_IN[short_name].partition(":")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, module, raising=False)

    with pytest.raises(MissingLibraryError, match=rf"`{library}.*pip install 'zenml-core\[{extra}\]'"):
        load(
            msgspec.structs.replace(stored, materializer=short_name),
            artifact_store=there_and_back.store,
            trusted=False,
        )
