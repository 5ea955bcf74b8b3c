"""Pillow images and plotly figures: the same pixels, palette, information; the same arrays, dates and numbers."""

import datetime as dt
import decimal
import io
import os
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zenml.errors import MaterializerError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save

Image = pytest.importorskip("PIL.Image")
go = pytest.importorskip("plotly.graph_objects")

ANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
MODES = (
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "I;16",
)


def round_trip(tmp_path, value, *, materializer):
    """Store a value without a pickle, and load it without trust."""
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
    assert stored.materializer == materializer
    return stored, load(stored, artifact_store=store, trusted=False)


information = st.dictionaries(
    st.text(max_size=4),
    st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3) | st.binary(max_size=3)
    | st.tuples(st.integers(), st.integers()),
    max_size=3,
)  # fmt: skip


@st.composite
def images(draw):
    mode = draw(st.sampled_from(MODES))
    value = Image.new(mode, (draw(st.integers(0, 9)), draw(st.integers(0, 9))))
    size = len(value.tobytes())
    if size and mode != "1":
        value.frombytes((draw(st.binary(min_size=1, max_size=40)) * size)[:size])
    if mode in ("P", "PA"):
        width = draw(st.sampled_from([3, 4]))
        value.putpalette(
            draw(st.binary(max_size=20 * width).map(lambda data: data[: len(data) // width * width])),
            "RGB" if width == 3 else "RGBA",
        )
    value.info = draw(information)
    if draw(st.booleans()):
        value.getexif()[0x0112] = draw(st.integers(1, 8))
    return value


def exif_of(image):
    try:
        image.getexif()
    except SyntaxError:  # so Pillow says, the first time, that it cannot read it
        pass
    return dict(image.getexif())


def assert_same_image(value, back):
    assert (type(back), back.mode, back.size) == (type(value), value.mode, value.size)
    assert back.info == value.info
    assert back.tobytes() == value.tobytes()
    assert exif_of(back) == exif_of(value)
    assert back.getpalette("RGBA") == value.getpalette("RGBA") if value.palette else back.palette is None
    if value.palette:
        assert (back.palette.mode, back.palette.getdata()) == (value.palette.mode, value.palette.getdata())


@ANY
@given(images())
def test_any_image(tmp_path, value):
    _, back = round_trip(tmp_path, value, materializer="image")
    assert_same_image(value, back)


def test_pixels_that_name_no_colour_of_the_palette_stay(tmp_path):
    value = Image.new("P", (4, 4))
    value.putpalette([1, 2, 3])
    value.putpixel((0, 0), 200)
    stored, back = round_trip(tmp_path, value, materializer="image")
    assert_same_image(value, back)
    assert stored.metadata["visualizations"] == {"image.png": "image"}


def test_modes_that_png_lacks_have_bare_pixels_and_no_picture(tmp_path):
    stored, back = round_trip(tmp_path, Image.new("CMYK", (2, 2), (1, 2, 3, 4)), materializer="image")
    assert back.getpixel((0, 0)) == (1, 2, 3, 4)
    assert [entry.path for entry in stored.files] == ["image.json", "image.pixels"]
    assert "visualizations" not in stored.metadata


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif_of_a_file_and_what_was_changed_in_it(tmp_path, form):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (3, 3)).save(file, form, exif=exif)
    with Image.open(file) as value:
        _, back = round_trip(tmp_path, value, materializer="image")
        assert_same_image(value, back)
        value.getexif()[0x0112] = 3
        _, back = round_trip(tmp_path, value, materializer="image")
    assert back.getexif()[0x0112] == 3


def test_exif_that_would_change_is_refused(tmp_path):
    value = Image.new("L", (2, 2))
    value.getexif()[0x010E] = "é"
    with pytest.raises(MaterializerError, match="EXIF"):
        round_trip(tmp_path, value, materializer="image")
    assert list(LocalArtifactStore(str(tmp_path / "artifacts")).keys()) == []


def assert_same_parts(left, right):
    """Compare what figures are made of: values, types, arrays with their element types."""
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for name in left:
            assert_same_parts(left[name], right[name])
    elif isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same_parts(one, other)
    elif isinstance(left, np.ndarray):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert_same_parts(left.tolist(), right.tolist())
    else:
        assert repr(left) == repr(right)


def assert_same_figure(value, back):
    assert type(back) is type(value)
    for one, other in ((value.data, back.data), ([value.layout], [back.layout]), (value.frames, back.frames)):
        assert_same_parts([part.to_plotly_json() for part in one], [part.to_plotly_json() for part in other])


points = (
    st.lists(st.none() | st.floats() | st.integers() | st.text(max_size=3), max_size=4)
    | st.lists(st.dates() | st.datetimes(timezones=st.sampled_from([None, dt.UTC])), max_size=3)
    | hnp.arrays(
        st.sampled_from(["f8", "f4", "f2", "i8", "i1", "u4", ">i4", "?", "M8[ns]", "U3"]), st.integers(0, 4)
    )
    | st.lists(st.text(max_size=2) | st.integers() | st.none(), max_size=3).map(
        lambda x: np.array(x, dtype=object)
    )
)


@ANY
@given(st.lists(st.tuples(points, points, st.text(max_size=5)), max_size=2), st.text(max_size=5))
def test_any_figure(tmp_path, traces, title):
    value = go.Figure([go.Scatter(x=x, y=y, name=name) for x, y, name in traces], {"title": {"text": title}})
    _, back = round_trip(tmp_path, value, materializer="plotly")
    assert_same_figure(value, back)


@pytest.mark.parametrize(
    "value",
    [
        go.Figure(),
        go.Figure(layout={"template": None}),
        go.Figure(layout={"template": "plotly_dark", "meta": {"k": [1, (2, 3)]}}),
        go.Figure(go.Scatter(y=[1]), frames=[go.Frame(data=[go.Scatter(y=[2.0, float("inf")])], name="f")]),
        go.Figure(go.Heatmap(z=np.arange(6.0).reshape(3, 2))),
        go.Figure(go.Scatter(y=[1], customdata=[[{"a": decimal.Decimal("1.5")}, "x"]])),
        go.Figure(go.Scatter(x=pd.date_range("2020", periods=2), y=pd.Series([1, None]))),
        go.Figure(go.Scatter(y=np.arange(50_000))),
        go.Figure(go.Table(cells={"values": [np.array([[1], {"a": 2}], dtype=object)]})),
    ],
    ids=range(9),
)
def test_hostile_figures(tmp_path, value):
    stored, back = round_trip(tmp_path, value, materializer="plotly")
    assert_same_figure(value, back)
    assert stored.metadata["visualizations"] == {"figure.html": "html"}


def test_the_same_figure_has_the_same_digest(tmp_path):
    first, second = (
        go.Figure(go.Scatter(x=np.arange(3), y=[1, 2, 3], name="a"), {"title": "t", "height": 50}),
        go.Figure(go.Scatter(name="a", y=[1, 2, 3], x=np.arange(3)), {"height": 50, "title": "t"}),
    )
    digests = {round_trip(tmp_path, figure, materializer="plotly")[0].digest for figure in (first, second)}
    assert len(digests) == 1


def test_a_figure_with_foreign_objects_is_pickled(there_and_back):
    value = go.Figure(go.Scatter(x=pd.date_range("2020", periods=2, tz="Europe/Berlin"), y=[1, 2]))
    with pytest.warns(UserWarning, match="pickle"):
        stored, back = there_and_back(value, trusted=True)
    assert stored.materializer == "cloudpickle"
    assert_same_figure(value, back)


class MyImage(Image.Image):
    pass


class MyFigure(go.Figure):
    pass


def test_subclasses_are_pickled_and_keep_their_class(there_and_back):
    image = MyImage()
    image.__setstate__(Image.new("L", (2, 2), 7).__getstate__())
    for value in (image, MyFigure(go.Scatter(y=[1]))):
        with pytest.warns(UserWarning, match="pickle"):
            stored, back = there_and_back(value, trusted=True)
        assert stored.materializer == "cloudpickle"
        assert type(back) is type(value)


def test_exif_data_that_nobody_can_read_stays_as_it_is(tmp_path):
    value = Image.new("L", (2, 2))
    value.info["exif"] = b"\x1a\xc5\x91"
    _, back = round_trip(tmp_path, value, materializer="image")
    assert back.info == value.info
