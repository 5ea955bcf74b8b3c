"""Arrow: every type, layout and piece of metadata comes back, or the value is refused."""

import datetime as dt
import decimal
import os
import subprocess
import sys
import uuid
import warnings

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from zenml.errors import MaterializerError
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save

pa = pytest.importorskip("pyarrow")

LEAVES = {
    pa.null(): st.none(),
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.string(): st.text(max_size=4),
    pa.large_string(): st.text(max_size=4),
    pa.string_view(): st.text(max_size=20),
    pa.binary(): st.binary(max_size=4),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "Asia/Kathmandu"): st.datetimes(timezones=st.just(dt.UTC)),
    pa.duration("ns"): st.integers(-(2**62), 2**62),
    pa.decimal128(38, 3): st.decimals(-(10**30), 10**30, places=3),
    pa.decimal256(70, 0): st.integers(-(10**69), 10**69).map(decimal.Decimal),
    pa.dictionary(pa.int8(), pa.string()): st.text(max_size=2),
    pa.uuid(): st.uuids().map(lambda value: value.bytes),
}


def leaf(draw):
    kind = draw(st.sampled_from(list(LEAVES)))
    return kind, st.none() | LEAVES[kind]


@st.composite
def typed(draw, depth=2):
    """Draw a type, and a strategy for its elements."""
    form = draw(st.sampled_from(["leaf", "list", "fixed", "struct", "map"])) if depth else "leaf"
    if form == "leaf":
        return leaf(draw)
    kind, items = draw(typed(depth - 1))
    if isinstance(kind, pa.BaseExtensionType):  # pyarrow makes no lists of these from Python values
        return kind, items
    if form == "list":
        return pa.list_(kind), st.none() | st.lists(items, max_size=3)
    if form == "fixed":
        size = draw(st.integers(0, 2))
        return pa.list_(kind, size), st.none() | st.lists(items, min_size=size, max_size=size)
    if form == "map":
        return pa.map_(pa.int8(), kind), st.none() | st.dictionaries(
            st.integers(0, 9), items, max_size=2
        ).map(lambda found: list(found.items()))
    return pa.struct([("a", kind), ("é", pa.int8())]), st.none() | st.fixed_dictionaries(
        {"a": items, "é": st.none()}
    )


@st.composite
def arrays(draw, length=None):
    kind, items = draw(typed())
    size = draw(st.integers(0, 5)) if length is None else length
    array = pa.array(draw(st.lists(items, min_size=size, max_size=size)), type=kind)
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:  # pyarrow points into an empty dictionary below a struct that is null
        reject()
    start = draw(st.integers(0, size)) if length is None else 0
    return array[start:]


metadata = st.none() | st.dictionaries(
    st.binary(max_size=3).filter(lambda name: name != b"zenml"), st.binary(max_size=3), max_size=2
)


@st.composite
def tables(draw):
    length = draw(st.integers(0, 4))
    columns = draw(st.lists(arrays(length), max_size=3))
    fields = [pa.field(draw(st.text(max_size=2)), column.type, metadata=draw(metadata)) for column in columns]
    schema = pa.schema(fields, metadata=draw(metadata))
    return pa.Table.from_arrays(columns, schema=schema)


def round_trip(tmp_path, value, *, trusted=False):
    store = LocalArtifactStore(str(tmp_path / "artifacts"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = save(value, artifact_store=store, key_hint=f"{os.urandom(8).hex()}/b")
    return stored, load(stored, artifact_store=store, trusted=trusted)


def assert_same(value, back):
    assert type(back) is type(value)
    if isinstance(value, pa.Array | pa.ChunkedArray):
        assert back.type == value.type
        assert repr(back.to_pylist()) == repr(value.to_pylist())
    else:
        assert back.schema.equals(value.schema, check_metadata=True)
        assert back.schema.metadata == value.schema.metadata
        assert back.num_rows == value.num_rows
        for number in range(value.num_columns):
            assert repr(back.column(number).to_pylist()) == repr(value.column(number).to_pylist())
    back.validate(full=True)


ANY = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(arrays())
def test_any_array(tmp_path, value):
    stored, back = round_trip(tmp_path, value)
    assert stored.materializer == "arrow"
    assert_same(value, back)


@ANY
@given(st.data())
def test_any_chunked_array(tmp_path, data):
    array = data.draw(arrays())
    cuts = sorted(data.draw(st.lists(st.integers(0, len(array)), max_size=3)))
    value = pa.chunked_array(
        [array[start:end] for start, end in zip([0, *cuts], [*cuts, len(array)], strict=True)],
        type=array.type,
    )
    stored, back = round_trip(tmp_path, value)
    assert stored.materializer == "arrow"
    assert_same(value, back)
    assert list(map(len, back.chunks)) == list(map(len, value.chunks))


@ANY
@given(tables())
def test_any_table_and_batch(tmp_path, value):
    for item in (value, *value.to_batches(), value.schema):
        stored, back = round_trip(tmp_path, item)
        assert stored.materializer == "arrow"
        if isinstance(item, pa.Schema):
            assert back.equals(item, check_metadata=True)
        else:
            assert_same(item, back)


@pytest.mark.parametrize(
    "value",
    [
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1]), pa.array(["a", None])),
        pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["a", "b"]), ordered=True),
        pa.array([["a", "b"], ["c"]], type=pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["x", "y"])]),
        pa.RunEndEncodedArray.from_arrays([2, 5], ["a", "b"])[1:4],
        pa.array([uuid.uuid4().bytes, None], type=pa.uuid()),
        pa.ExtensionArray.from_storage(pa.opaque(pa.int8(), "a, b", "c"), pa.array([1], pa.int8())),
        pa.table([[1], [2]], names=["a", "a"]),
        pa.table({"a": [1, 2]}).select([]),
    ],
    ids=lambda value: str(getattr(value, "type", "table")),
)
def test_special_layouts(tmp_path, value):
    stored, back = round_trip(tmp_path, value)
    assert stored.materializer == "arrow"
    assert_same(value, back)


def test_different_dictionaries_of_chunks_are_pickled(tmp_path):
    value = pa.chunked_array([pa.array([text]).dictionary_encode() for text in "ab"])
    stored, back = round_trip(tmp_path, value, trusted=True)
    assert stored.materializer == "cloudpickle"
    assert_same(value, back)


def test_metadata_with_a_name_twice_is_refused(tmp_path):
    schema = pa.schema([("a", pa.int8())], metadata=pa.KeyValueMetadata([("k", "1"), ("k", "2")]))
    with pytest.raises(MaterializerError, match="twice"):
        round_trip(tmp_path, pa.table([[1]], schema=schema))
    assert not (tmp_path / "artifacts").exists()


class Celsius(pa.ExtensionType):
    def __init__(self):
        super().__init__(pa.int64(), "test.celsius")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls()


LOAD = """
import sys, msgspec
from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load
from zenml.records.artifact_data import StoredValue
stored = msgspec.json.decode(sys.stdin.buffer.read(), type=StoredValue)
load(stored, artifact_store=LocalArtifactStore(sys.argv[1]), trusted=False)
"""


def test_extension_types_never_become_plain_ones(tmp_path):
    import msgspec

    value = pa.ExtensionArray.from_storage(Celsius(), pa.array([1, None]))
    stored, back = round_trip(tmp_path, value, trusted=True)
    assert stored.materializer == "cloudpickle"  # not registered: an Arrow file would give integers back
    assert_same(value, back)

    pa.register_extension_type(Celsius())
    try:
        stored, back = round_trip(tmp_path, pa.table({"a": value}))
    finally:
        pa.unregister_extension_type("test.celsius")
    assert stored.materializer == "arrow"
    assert back.schema.field("a").type == Celsius()
    elsewhere = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "artifacts")],
        input=msgspec.json.encode(stored),
        capture_output=True,
        check=False,
    )
    assert b"`test.celsius`, which is not known here" in elsewhere.stderr
    assert b"register_extension_type" in elsewhere.stderr
