"""Values of a user's types are told without the types."""

import enum
from dataclasses import dataclass, field

import pytest

from zenml.records import values
from zenml.records.value_text import text_of


class Colour(enum.Enum):
    RED = "red"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: int
    names: tuple[str, ...] = ()
    more: dict[str, object] = field(default_factory=dict)


@pytest.mark.parametrize(
    "value",
    [
        Point(1),
        Point(2, ("a",), {"b": [1.5, None, True]}),
        [Point(3, ("a", "b")), {4: Point(5)}],
        (Point(6),),
        {"$": Point(7)},
    ],
    ids=repr,
)
def test_a_dataclass_is_told_as_its_repr(value):
    assert text_of(values.encode(value)) == repr(value)


@pytest.mark.parametrize(("value", "told"), [(Colour.RED, "Colour.RED"), (Rights(3), "Rights(3)")])
def test_a_member_of_an_enum_is_told_by_its_name(value, told):
    assert text_of(values.encode(value)) == told


def test_a_pydantic_model_is_told_by_its_fields():
    pydantic = pytest.importorskip("pydantic")
    globals()["Model"] = type(
        "Model", (pydantic.BaseModel,), {"__annotations__": {"x": int}, "__module__": __name__}
    )

    assert text_of(values.encode(globals()["Model"](x=3))) == "Model(x=3)"
