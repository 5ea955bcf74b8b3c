"""Converting values of configuration files."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import typing
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.errors import TypeMismatchError
from zenml.signatures.type_check import from_config


class Color(enum.Enum):
    RED = "r"
    GREEN = "g"


class Number(enum.Enum):
    ONE = 1


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Optimizer:
    name: str
    rate: float = 0.1
    betas: tuple[float, ...] = ()
    color: Color | None = None
    loaded: bool = dataclasses.field(default=False, init=False)


@dataclasses.dataclass
class Training:
    optimizer: Optimizer
    out: pathlib.Path | None = None


@dataclasses.dataclass
class Positive:
    value: int

    def __post_init__(self):
        if self.value < 0:
            raise ValueError("value is negative")


class Model(pydantic.BaseModel):
    rate: float
    color: Color = Color.RED


class Row(TypedDict):
    day: dt.date


UUID = uuid.UUID(int=5)

CONVERTED = [
    ([1, 2], tuple[int, int], (1, 2)),
    ([1, 2], tuple[int, ...], (1, 2)),
    ([1, 2], tuple, (1, 2)),
    ([1, 2], set[int], {1, 2}),
    ([1, 2], frozenset, frozenset({1, 2})),
    ([1], collections.deque[int], collections.deque([1])),
    ([[1, 2]], list[tuple[int, int]], [(1, 2)]),
    ("r", Color, Color.RED),
    ("RED", Color, Color.RED),
    (1, Number, Number.ONE),
    (3, Mode, Mode.READ | Mode.WRITE),
    (["g", "RED"], list[Color], [Color.GREEN, Color.RED]),
    ("2024-05-01", dt.date, dt.date(2024, 5, 1)),
    ("2024-05-01T10:00:00", dt.datetime, dt.datetime(2024, 5, 1, 10)),  # noqa: DTZ001
    ("2024-05-01T10:00:00Z", dt.datetime, dt.datetime(2024, 5, 1, 10, tzinfo=dt.UTC)),
    (dt.date(2024, 5, 1), dt.datetime, dt.datetime(2024, 5, 1)),  # noqa: DTZ001
    ("10:30", dt.time, dt.time(10, 30)),
    ("a/b", pathlib.Path, pathlib.Path("a/b")),
    ("a/b", pathlib.PurePosixPath, pathlib.PurePosixPath("a/b")),
    (str(UUID), uuid.UUID, UUID),
    ("0.1", decimal.Decimal, decimal.Decimal("0.1")),
    (0.1, decimal.Decimal, decimal.Decimal("0.1")),
    ("1e-3", float, 1e-3),
    ({"name": "sgd"}, Optimizer, Optimizer("sgd")),
    (
        {"optimizer": {"name": "sgd", "betas": [0.9], "color": "g"}, "out": "o"},
        Training,
        Training(Optimizer("sgd", betas=(0.9,), color=Color.GREEN), pathlib.Path("o")),
    ),
    ([{"name": "a"}], list[Optimizer], [Optimizer("a")]),
    ({"rate": 1, "color": "g"}, Model, Model(rate=1, color=Color.GREEN)),
    ([{"rate": 1}], list[Model], [Model(rate=1)]),
    ({"day": "2024-05-01"}, Row, {"day": dt.date(2024, 5, 1)}),
    ({"1": "a"}, dict[int, str], {1: "a"}),
    ({"0.5": "a"}, dict[float, str], {0.5: "a"}),
    ({"RED": [1]}, dict[Color, tuple[int]], {Color.RED: (1,)}),
    ({"a": [1]}, Mapping[str, set[int]], {"a": {1}}),
    ({"a": [1]}, collections.OrderedDict[str, set[int]], collections.OrderedDict(a={1})),
    ("RED", Color | None, Color.RED),
    ("2024-05-01", pathlib.Path | dt.date, dt.date(2024, 5, 1)),
    ("a", pathlib.Path | dt.date, pathlib.Path("a")),
]

UNCHANGED = [
    (1, int),
    (1, float),
    ("1e-3", str),
    ("1e-3", float | str),
    ("a", str | pathlib.Path),
    (None, int | None),
    ([1], list[int]),
    ([1], Sequence[int]),
    ({"a": 1}, dict),
    ("x", Any),
    ("a", Literal["a", "b"]),
    (Color.RED, Color),
    (Optimizer("a"), Optimizer),
]

REFUSED = [
    ("5", int),
    (5, str),
    ("0.5", float),
    ("nan", float),
    (1.0, int),
    ("yes", bool),
    (1, bool),
    ("purple", Color),
    (True, Number),
    ([1, 2], tuple[int, int, int]),
    ([[]], set[list]),
    ("ab", tuple[str, ...]),
    ("soon", dt.date),
    (5, dt.datetime),
    ("x", uuid.UUID),
    (True, decimal.Decimal),
    ("a", int | dt.date),
    ({"a": 1}, dict[int, int]),
    (5, pathlib.Path),
    ({"rate": "fast"}, Model),
    ("text", Optimizer),
]


@pytest.mark.parametrize(("value", "annotation", "expected"), CONVERTED, ids=str)
def test_lossless_conversions_are_made(value, annotation, expected):
    converted = from_config(value, annotation)

    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(("value", "annotation"), UNCHANGED, ids=str)
def test_what_fits_already_is_left_alone(value, annotation):
    assert from_config(value, annotation) is value


@pytest.mark.parametrize(("value", "annotation"), REFUSED, ids=str)
def test_anything_else_is_refused(value, annotation):
    with pytest.raises(TypeMismatchError):
        from_config(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation", "message"),
    [
        (
            {"name": "a", "rat": 1},
            Optimizer,
            "`lr` has 'rat', which is no field of `Optimizer`. Did you mean `rate`?",
        ),
        ({"rate": 1}, Optimizer, "`lr` lacks `name` of `Optimizer`."),
        (
            {"name": "a", "rate": "fast"},
            Optimizer,
            "Field `rate` of `lr` must be `float`, but is `str`: 'fast'.",
        ),
        ({"optimizer": {"name": 1}}, Training, "Field `name` of field `optimizer` of `lr` must be `str`"),
        ({"value": -1}, Positive, "`lr` cannot become `Positive`: value is negative."),
        ({"rate": "fast"}, Model, "`lr` does not fit `Model`: rate: "),
        ({"a": [1, "x"]}, dict[str, tuple[int, ...]], "`value['a'][1]` is `str` instead of `int`"),
    ],
)
def test_a_refusal_points_at_the_part(value, annotation, message):
    with pytest.raises(TypeMismatchError) as caught:
        from_config(value, annotation, what="`lr`")

    assert message in str(caught.value)


def test_a_default_dict_is_made():
    converted = from_config({"a": [1]}, typing.DefaultDict[str, set[int]])  # noqa: UP006

    assert converted == {"a": {1}}
    assert type(converted) is collections.defaultdict


@given(st.lists(st.integers()))
def test_a_list_survives_as_a_tuple(values):
    assert from_config(values, tuple[int, ...]) == tuple(values)
