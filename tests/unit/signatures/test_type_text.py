"""Reading values from the command line."""

import dataclasses
import datetime as dt
import enum
import math
import pathlib
from typing import Any, Literal, Optional, TypedDict

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.errors import TypeMismatchError
from zenml.signatures.type_check import from_text


class Color(enum.Enum):
    RED = "r"
    GREEN = 2


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Model(pydantic.BaseModel):
    rate: float


class Row(TypedDict):
    a: int


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("5", int, 5),
        ("-5", int, -5),
        ("1_000", int, 1000),
        ("0.1", float, 0.1),
        ("5", float, 5.0),
        ("1e-3", float, 1e-3),
        ("inf", float, math.inf),
        ("1+2j", complex, 1 + 2j),
        ("5", str, "5"),
        ("", str, ""),
        ("true", bool, True),
        ("False", bool, False),
        ("off", bool, False),
        ("1", bool, True),
        ("none", None, None),
        ("5", int | None, 5),
        ("null", int | None, None),
        ("None", Optional[str], None),  # noqa: UP045
        ("5", int | str, 5),
        ("a", int | str, "a"),
        ("1", bool | int, 1),
        ("true", bool | int, True),
        ("1.5", int | float, 1.5),
        ("a", Literal["a", 2], "a"),
        ("2", Literal["a", 2], 2),
        ("true", Literal[True], True),
        ("RED", Color, Color.RED),
        ("red", Color, Color.RED),
        ("r", Color, Color.RED),
        ("2", Color, Color.GREEN),
        ("red", Color | str, Color.RED),
        ("[1, 2]", list[int], [1, 2]),
        ("1,2", list[int], [1, 2]),
        ("1", list[int], [1]),
        ("", list[int], []),
        ("a, b", list[str], ["a", "b"]),
        ("1,a", tuple[int, str], (1, "a")),
        ("1,2", set[int], {1, 2}),
        ("red,r", list[Color], [Color.RED, Color.RED]),
        ('["RED"]', list[Color], [Color.RED]),
        ("1,a", list, [1, "a"]),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ('{"1": 1}', dict[int, int], {1: 1}),
        ('{"a": 1}', dict, {"a": 1}),
        ('{"x": 1}', Point, Point(1)),
        ('{"x": 1}', Point | None, Point(1)),
        ('{"rate": 1}', Model, Model(rate=1)),
        ('{"a": 1}', Row, {"a": 1}),
        ("a", list[str] | str, "a"),
        ('["a"]', list[str] | str, ["a"]),
        ("2024-05-01", dt.date, dt.date(2024, 5, 1)),
        ("2024-05-01T10:00", dt.datetime, dt.datetime(2024, 5, 1, 10)),  # noqa: DTZ001
        ("2024-05-01", dt.date | str, dt.date(2024, 5, 1)),
        ("a/b", pathlib.Path, pathlib.Path("a/b")),
        ("5", Any, 5),
        ("1.5", Any, 1.5),
        ("true", Any, True),
        ("True", Any, True),
        ("None", Any, None),
        ("[1]", Any, [1]),
        ("plain text", Any, "plain text"),
        ('"5"', Any, "5"),
        ("7", "Unknown", 7),
    ],
)
def test_a_text_is_read_as_the_type_asks(text, annotation, value):
    read = from_text(text, annotation)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation", "message"),
    [
        ("fast", int, "Parameter `x` must be `int`, but 'fast' is not. Write a value of that type"),
        ("1.5", int, "must be `int`, but '1.5' is not"),
        ("maybe", bool, "but 'maybe' is not. Write `true` or `false`."),
        ("maybe", bool | None, "must be `bool | None`, but 'maybe' is not. Write `true` or `false`."),
        ("c", Literal["a", "b"], "Choose one of `a`, `b`."),
        ("purple", Color, "Choose one of `RED`, `GREEN`, `r`, `2`."),
        ("1,a", list[int], """Write it as JSON, such as '[1, 2]' or '{"a": 1}'."""),
        ("[1, 2", list[int], "Write it as JSON"),
        ('["a"]', list[int], "`value[0]` is `str` instead of `int`: 'a'."),
        ("x", dict, "Write it as JSON"),
        ("soon", dt.date, "must be `date`, but is `str`: 'soon'."),
        ("a", int | float, "must be `int | float`, but 'a' is not"),
        ("1,2,3", tuple[int, int], "must be `tuple[int, int]`"),
        ("a", bytes, "must be `bytes`"),
    ],
)
def test_a_refusal_names_value_type_and_remedy(text, annotation, message):
    with pytest.raises(TypeMismatchError) as caught:
        from_text(text, annotation, what="parameter `x`")

    assert message in str(caught.value)
    assert str(caught.value).startswith("Parameter `x`")


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_a_printed_value_is_read_back(value):
    assert from_text(str(value), type(value)) == value


@given(st.text())
def test_any_text_is_a_text(value):
    assert from_text(value, str) == value


@given(st.text())
def test_without_a_type_no_text_fails(value):
    from_text(value, Any)
