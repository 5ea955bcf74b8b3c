"""The value codec: exact round trips, canonical bytes, clear refusals, no surprises from hostile data."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import math
import pathlib
import subprocess
import sys
import threading
import uuid
import zoneinfo
from typing import NamedTuple

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.errors import ArtifactDamagedError, ArtifactNotTrustedError, MaterializerError, ZenMLError
from zenml.records.values import MAX_DEPTH, canonical, decode, encode, is_encodable, names_types


class Colour(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796  # an alias, on purpose
    BLUE = "b"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: object
    y: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    inner: object = None


@dataclasses.dataclass
class Checked:
    start: dataclasses.InitVar[int]
    total: int = dataclasses.field(init=False)
    limit = 3

    def __post_init__(self, start):
        self.total = start + 100


class Model(pydantic.BaseModel):
    size: int
    tags: list[str] = []
    _secret: int = 5


class Open(pydantic.BaseModel, extra="allow"):
    inner: Model | None = None


def same(left, right):
    """Equal, with the same types at every depth; NaN equals NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return repr(left) == repr(right)
    if isinstance(left, complex | range):
        return repr(left) == repr(right)
    if dataclasses.is_dataclass(left):
        return all(
            same(getattr(left, field.name), getattr(right, field.name)) for field in dataclasses.fields(left)
        )
    if isinstance(left, dt.datetime | dt.time):
        return (left.replace(tzinfo=None), left.fold, repr(left.tzinfo)) == (
            right.replace(tzinfo=None),
            right.fold,
            repr(right.tzinfo),
        )
    if isinstance(left, decimal.Decimal):
        return str(left) == str(right)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left), list(right)) and same(list(left.values()), list(right.values()))
    if isinstance(left, set | frozenset):
        return sorted(map(repr, left)) == sorted(map(repr, right))
    return left == right


zones = st.one_of(
    st.none(),
    st.just(dt.UTC),
    st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23))),
    st.builds(
        dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)), st.text(min_size=1)
    ),
    st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]).map(zoneinfo.ZoneInfo),
)
any_text = st.text(st.characters(exclude_categories=[]))  # lone surrogates included
folds = st.sampled_from([0, 1])
hashable = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63), -(2**63) - 1, 2**64, 2**300, -(2**300)]),
    st.floats(),
    any_text,
    st.binary(),
    st.complex_numbers(),
    st.builds(lambda d, f, z: d.replace(fold=f, tzinfo=z), st.datetimes(), folds, zones),
    st.builds(lambda d, f, z: d.replace(fold=f, tzinfo=z), st.times(), folds, zones),
    st.dates(),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
    st.builds(range, st.integers(-9, 9), st.integers(), st.integers(1, 5)),
    st.sampled_from([*Colour, *Rights, Rights.READ | Rights.WRITE, Rights(0), Level.LOW]),
    st.sampled_from(["a/b", ".", "/", "/srv/é", "\udcff"]).map(pathlib.PurePosixPath),
    st.sampled_from(["a", "/srv"]).map(pathlib.Path),
    st.sampled_from(["C:\\a", "b"]).map(pathlib.PureWindowsPath),
)
keys = st.one_of(
    any_text, st.just("$"), st.just("v"), hashable.filter(lambda v: "nan" not in repr(v).lower())
)
anything = st.recursive(
    st.one_of(hashable, st.binary().map(bytearray)),
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.lists(st.integers()),
        st.lists(st.floats()),
        st.lists(any_text),
        st.dictionaries(keys, inner),
        st.sets(st.one_of(st.integers(), any_text, st.tuples(st.booleans(), st.dates()))),
        st.frozensets(st.one_of(st.integers(), any_text)),
        st.builds(Point, inner, inner),
        st.builds(Frozen, any_text, inner),
        st.builds(Model, size=st.integers(-5, 5), tags=st.lists(st.text(max_size=3))),
    ),
    max_leaves=12,
)


@settings(max_examples=600, deadline=None)
@given(anything)
def test_what_is_encoded_comes_back_with_the_same_types(value):
    data = encode(value)
    msgspec.json.decode(data)  # plain JSON, in UTF-8
    assert same(decode(data, allow_types=True), value)
    assert names_types(data) == any(
        tag in data for tag in (b'"$":"enum"', b'"$":"dataclass"', b'"$":"pydantic"')
    )


@settings(max_examples=300, deadline=None)
@given(anything)
def test_canonical_bytes_survive_a_round_trip(value):
    assert canonical(value) == canonical(decode(encode(value), allow_types=True))


@settings(max_examples=300, deadline=None)
@given(st.lists(hashable, max_size=2), st.lists(hashable, max_size=2))
def test_canonical_bytes_are_equal_exactly_for_same_values(left, right):
    assert (canonical(left) == canonical(right)) == same(left, right)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keys, st.dictionaries(keys, st.integers())), st.randoms())
def test_canonical_bytes_do_not_depend_on_the_order_of_keys(value, random):
    pairs = list(value.items())
    random.shuffle(pairs)
    assert canonical(dict(pairs)) == canonical(value)
    assert canonical([Point(1, dict(pairs))]) == canonical([Point(1, value)])


def test_look_alikes_have_different_canonical_bytes():
    values = [
        1,
        1.0,
        "1",
        True,
        b"1",
        (1, 2),
        [1, 2],
        {1, 2},
        frozenset({1, 2}),
        {"1": 2},
        {1: 2},
        None,
        "None",
        0.0,
        -0.0,
    ]
    values += [
        {"$": "tuple", "v": [1, 2]},
        Level.LOW,
        decimal.Decimal(1),
        1 + 0j,
        bytearray(b"1"),
        range(1),
        "",
        [],
        (),
        {},
        [[]],
    ]
    assert len({canonical(value) for value in values}) == len(values)


def test_sets_are_encoded_in_one_order():
    command = "from zenml.records.values import encode; print(encode({'a', 'b', 'c', 1, (2, 'x')}))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", command], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_plain_values_are_plain_json():
    assert encode({"a": [1, 2.5, "x", None, True]}) == b'{"a":[1,2.5,"x",null,true]}'


def test_integers_beyond_the_digit_limit():
    value = {10**6000: -(10**5000)}
    assert decode(encode(value), allow_types=False) == value
    assert canonical(value) != canonical({10**6000: 10**5000})
    with pytest.raises(MaterializerError):
        encode({10**6000: object()})


def test_two_lone_surrogates_do_not_become_one_character():
    assert decode(encode("\ud83d\ude00"), allow_types=False) == "\ud83d\ude00"
    assert len(decode(encode("\ud83d\ude00"), allow_types=False)) == 2


def test_a_dataclass_is_restored_without_running_its_code():
    value = Checked(1)
    value.total = 7
    assert decode(encode(value), allow_types=True).total == 7


def test_pydantic_state_survives():
    value = Open(inner=Model(size=1), other=[1, 2])
    value.inner._secret = 9
    back = decode(encode(value), allow_types=True)
    assert back == value
    assert back.inner._secret == 9
    assert back.other == [1, 2]
    assert back.model_fields_set == value.model_fields_set


def test_validated_but_odd_model_content_is_not_coerced():
    value = Model.model_construct(size="not an int", tags=("a",))
    back = decode(encode(value), allow_types=True)
    assert (back.size, back.tags) == ("not an int", ("a",))


class MyInt(int):
    pass


class MyModel(pydantic.BaseModel):
    def __getstate__(self):
        return super().__getstate__()


@dataclasses.dataclass
class MyDict(dict):
    a: int = 0


@dataclasses.dataclass
class OwnPickling:
    a: int = 0

    def __reduce__(self):
        return OwnPickling, (1,)


@dataclasses.dataclass
class Cached:
    a: int = 0

    @functools.cached_property
    def double(self):
        return self.a * 2


class Named(NamedTuple):
    a: int


def local_dataclass():
    @dataclasses.dataclass
    class Local:
        a: int = 1

    return Local()


def used_cached():
    value = Cached(2)
    assert value.double == 4
    return value


def unset():
    value = Point(1)
    del value.x
    return value


@pytest.mark.parametrize(
    "value",
    [
        MyInt(1),
        Named(1),
        collections.OrderedDict(a=1),
        collections.defaultdict(int),
        collections.Counter("a"),
        object(),
        object,
        len,
        lambda: 1,
        (i for i in ()),
        sys,
        threading.Lock(),
        MyDict(),
        OwnPickling(),
        used_cached(),
        unset(),
        local_dataclass(),
        Point,
        MyModel(),
        memoryview(b"a"),
        ...,
        slice(1),
        Exception("x"),
        dt.datetime(
            2020, 1, 1, tzinfo=type("Zone", (dt.tzinfo,), {"utcoffset": lambda *_: dt.timedelta()})()
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_come_back_exactly_is_refused(value):
    assert not is_encodable(value)
    with pytest.raises(MaterializerError):
        encode([value])
    with pytest.raises(MaterializerError):
        canonical({"a": value})


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, 2, (3, object())]}, "value['a'][2][1]"),
        ([Point(1, {2: object()})], "value[0].y[2]"),
        ({frozenset([MyInt(3)])}, "value{…}{…}"),
        ({(1, MyInt(2)): 3}, "value[<tuple>][1]"),
        (Open(extra=object()), "extra"),
    ],
)
def test_a_refusal_names_the_place_and_the_type(value, path):
    with pytest.raises(MaterializerError, match="cannot be stored as JSON") as caught:
        encode(value)
    assert path in str(caught.value)


def test_circular_and_deep_values_are_refused_with_words():
    circular = []
    circular.append(circular)
    loop = {}
    loop["self"] = [loop]
    deep = []
    for _ in range(50_000):
        deep = [deep]
    chain = None
    for _ in range(5_000):
        chain = Point(chain)
    for value in (circular, loop, deep, chain):
        with pytest.raises(MaterializerError, match="deep"):
            encode(value)


def test_the_deepest_value_that_is_written_can_be_read():
    for wrap in (lambda v: [v], lambda v: (v,), lambda v: {1: v}, lambda v: {"a": v}):
        value = 1
        for _ in range(MAX_DEPTH):
            value = wrap(value)
        assert decode(encode(value), allow_types=False) == value
        assert canonical(value)


def test_types_are_imported_only_when_allowed():
    for value in (Colour.RED, Point(1), Model(size=1)):
        with pytest.raises(ArtifactNotTrustedError, match=r"import that type"):
            decode(encode(value), allow_types=False)
    assert decode(encode(Colour.CRIMSON), allow_types=True) is Colour.RED


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"$":1}', b'{"$":"nope","v":1}', b'{"$":"tuple","v":1}', b'{"$":"int","v":"zz"}',
     b'{"$":"bytes","v":"%"}', b'{"$":"dict","v":[1]}', b'{"$":"set","v":[[]]}', b'{"$":"range","v":["1","2","0"]}',
     b'{"$":"datetime","v":[1]}', b'{"$":"path","v":["Path.__class__","a"]}', b'{"$":[],"v":1}', b'{"$":"enum","v":1}',
     b'{"$":"uuid","v":"x"}', b'{"$":"decimal","v":"x"}', b'{"$":"text","v":"/w=="}', b"[" * 100_000, b"NaN",
     b'{"$":"datetime","v":["2020-01-01T00:00:00",0,"../../etc/passwd"]}'],
)  # fmt: skip
def test_damaged_data_is_reported_as_such(data):
    with pytest.raises((ArtifactDamagedError, MaterializerError)):
        decode(data, allow_types=False)


@pytest.mark.parametrize(
    "name", ["os:system", "nowhere.at_all:X", "builtins:int", "tests:Gone", ":", "x", "json:JSONDecoder"]
)
@pytest.mark.parametrize("tag", ["enum", "dataclass", "pydantic"])
def test_a_named_type_must_be_what_the_tag_says(tag, name):
    with pytest.raises((ArtifactDamagedError, MaterializerError)):
        decode(msgspec.json.encode({"$": tag, "v": [name, {}]}), allow_types=True)


@settings(max_examples=400, deadline=None)
@given(st.binary(), st.data())
def test_no_bytes_make_decode_raise_anything_else(junk, data):
    good = encode({"a": (1, {2}), 3: b"x", "d": dt.date(2020, 1, 1)})
    at = data.draw(st.integers(0, len(good)))
    for candidate in (junk, good[:at] + junk + good[at + len(junk) :]):
        try:
            decode(candidate, allow_types=False)
        except ZenMLError:
            pass


def test_fields_added_and_removed_since():
    data = encode(Point(1, 2))
    added = data.replace(b',"y":2', b"")
    assert decode(added, allow_types=True) == Point(1, None)
    with pytest.raises(MaterializerError, match="`y2`"):
        decode(data.replace(b'"y"', b'"y2"'), allow_types=True)
    with pytest.raises(MaterializerError, match="without a default"):
        decode(data.replace(b'"x":1,', b""), allow_types=True)
    with pytest.raises(MaterializerError, match="GONE"):
        decode(encode(Colour.RED).replace(b"RED", b"GONE"), allow_types=True)


def test_types_of_the_script(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import dataclasses, sys\nfrom zenml.records.values import encode, decode\n"
        "@dataclasses.dataclass\nclass Config:\n    a: int = 1\n"
        "data = encode(Config(5))\nassert decode(data, allow_types=True) == Config(5)\nprint(data.decode())\n"
        "assert type(decode(data, allow_types=True)) is Config\n"
    )
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert "__main__[train.py]:Config" in run.stdout
    with pytest.raises(MaterializerError, match=r"train\.py"):
        decode(run.stdout.strip().encode(), allow_types=True)


def test_uuid_and_floats_keep_every_bit():
    for value in (uuid.uuid4(), 5e-324, math.pi, 0.1 + 0.2, 1.7976931348623157e308):
        assert decode(encode(value), allow_types=False) == value
