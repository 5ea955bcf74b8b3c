"""What may be logged, and as what it is kept."""

import dataclasses
import datetime as dt
import enum
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.config.tag import Tag
from zenml.errors import ConfigurationError
from zenml.records.metadata_values import read_metadata
from zenml.records.plan import TagSpec
from zenml.records.tagging import read_tags


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    at: dt.date


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), inner, max_size=3)
    ),
)


@given(JSON)
def test_json_values_come_back_as_they_were(value):
    kept = read_metadata({"a": value}, "it")

    assert kept == {"a": value}
    assert msgspec.json.decode(msgspec.json.encode(kept)) == kept


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.True_, True),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.float64(0.25), 0.25),
        ((1, {2}), [1, [2]]),
        (Color.RED, "red"),
        (Point(1, dt.date(2024, 5, 6)), {"x": 1, "at": "2024-05-06"}),
        (dt.date(2024, 5, 6), "2024-05-06"),
    ],
)
def test_what_has_a_plain_form_is_kept_in_it(value, expected):
    kept = read_metadata({"a": value}, "it")["a"]

    assert kept == expected
    assert type(kept) is type(expected)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [math.inf],
        {"b": -math.inf},
        np.float64("nan"),
        np.array([np.nan]),
        2**63,
        object(),
        {1: 1},
        ...,
    ],
)
def test_what_json_would_change_is_refused(value):
    with pytest.raises(ConfigurationError, match="`a` of it"):
        read_metadata({"a": value}, "it")


@pytest.mark.parametrize("given_value", [None, 3, "text", [("a", 1)], {"": 1}, {3: 1}])
def test_metadata_is_a_mapping_of_names(given_value):
    with pytest.raises(ConfigurationError):
        read_metadata(given_value, "it")


def test_tags_are_text_or_tags_and_the_last_of_a_name_counts():
    assert read_tags("a", "it") == (TagSpec("a"),)
    assert read_tags(Tag("a", "red"), "it") == (TagSpec("a", "red"),)
    assert read_tags(["a", "b", Tag("a", cascade=True)], "it") == (
        TagSpec("a", is_cascading=True),
        TagSpec("b"),
    )
    assert read_tags(None, "it") == ()


@pytest.mark.parametrize("given_value", ["", " ", 3, [None], [["a"]], {"a": 1}])
def test_what_is_no_tag_is_refused(given_value):
    with pytest.raises(ConfigurationError):
        read_tags(given_value, "it")
