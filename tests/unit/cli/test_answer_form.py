"""The form of `zenml run answer`: what is typed becomes an answer of the type that was asked for."""

import datetime as dt
import enum
import json
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.cli.answer_form import Form
from zenml.errors import DeclarationError, TypeMismatchError
from zenml.records.answer_schema import as_json, check_answer, check_schema
from zenml.signatures.question import read_answer, schema_of


class Stage(enum.Enum):
    STAGING = "staging"
    PRODUCTION = "production"


class Level(enum.IntEnum):
    LOW = 10
    HIGH = 20


@dataclass
class Inner:
    label: str
    weight: float | None = None


@dataclass
class Decision:
    """What is to become of the model."""

    go: bool
    stage: Stage
    count: Annotated[int, msgspec.Meta(ge=0, description="how many copies")]
    inner: Inner
    levels: list[Level] = field(default_factory=list)
    note: str = "none"


class Limits(TypedDict):
    low: int
    high: int


# One line of text that a person can type and see; leading and trailing blanks belong to it.
LINES = st.text(st.sampled_from("abyn1 3,.\"'\\{}[]äß中🙂"), min_size=1, max_size=8).filter(str.strip)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**53), 2**53)
INNER = st.builds(Inner, LINES, st.none() | FLOATS)
TYPES = {
    bool: st.booleans(),
    int: INTS,
    float: FLOATS,
    str: LINES,
    int | None: st.none() | INTS,
    Literal["yes", "no", 3]: st.sampled_from(["yes", "no", 3]),
    Stage: st.sampled_from(Stage),
    Level: st.sampled_from(Level),
    list[int]: st.lists(INTS, max_size=4),
    list[Stage]: st.lists(st.sampled_from(Stage), max_size=4),
    list[Inner]: st.lists(INNER, max_size=3),
    Limits: st.builds(lambda low, high: {"low": low, "high": high}, INTS, INTS),
    dict[str, int]: st.dictionaries(LINES, INTS, max_size=3),
    tuple[int, str]: st.tuples(INTS, LINES),
    Decision: st.builds(
        Decision,
        st.booleans(),
        st.sampled_from(Stage),
        st.integers(0, 100),
        INNER,
        st.lists(st.sampled_from(Level), min_size=1, max_size=3),
        LINES,
    ),
}
ASKED = st.sampled_from(list(TYPES)).flatmap(lambda kind: st.tuples(st.just(kind), TYPES[kind]))


def typed(value, kind) -> list[str]:
    """Return the lines that a person types for a value: the other way round of the form."""
    if kind is Limits:
        return [str(value["low"]), str(value["high"])]
    if isinstance(value, Decision):
        first = [*typed(value.go, bool), value.stage.value, str(value.count), *typed(value.inner, Inner)]
        return [*first, json.dumps([int(one) for one in value.levels]), value.note]
    if isinstance(value, Inner):
        return [value.label, "" if value.weight is None else repr(value.weight)]
    if isinstance(value, list):
        inner = [
            line for one in value for line in (["y"] if isinstance(one, Inner) else []) + typed(one, None)
        ]
        return [*inner, ""]
    if isinstance(value, enum.Enum):
        return [str(value.value)]
    if value is None:
        return [""]
    if isinstance(value, str):
        return [value]
    return [json.dumps(as_json(value))]


def fill(wanted, lines):
    """Fill the form of a type in with lines; return the answer, and what was said."""
    said = []
    left = iter(lines)
    schema = schema_of(wanted, "it")
    answer = Form(schema, lambda prompt: said.append(prompt) or next(left), said.append).fill()
    assert next(left, None) is None
    return answer, said


@given(ASKED)
def test_what_is_typed_comes_back_as_the_value(asked):
    wanted, value = asked

    answer, _ = fill(wanted, typed(value, wanted))

    found = read_answer(wanted, json.loads(json.dumps(answer)), schema_of(wanted, "it"))
    assert found == value
    assert type(found) is type(value)


@given(ASKED)
def test_a_python_value_is_an_answer_of_its_type(asked):
    wanted, value = asked

    answer = as_json(value)

    check_answer(answer, schema_of(wanted, "it"))
    assert read_answer(wanted, answer, schema_of(wanted, "it")) == value


@pytest.mark.parametrize(
    ("wanted", "lines", "answer", "complaint"),
    [
        (bool, ["maybe", "y"], True, "true or false"),
        (int, ["1.5", "2"], 2, "a whole number"),
        (Literal["a", "b"], ["c", "3", "2"], "b", 'one of "a", "b"'),
        (Annotated[int, msgspec.Meta(ge=1)], ["0", "1"], 1, "at least 1"),
        (Annotated[list[int], msgspec.Meta(min_length=2)], ["1", "", "2", ""], [1, 2], "at least 2"),
        (dict[str, int], ["{", '{"a": 1}'], {"a": 1}, "an object"),
    ],
)
def test_what_does_not_fit_is_told_and_asked_again(wanted, lines, answer, complaint):
    found, said = fill(wanted, lines)

    assert found == answer
    assert complaint in "\n".join(said)


def test_fields_show_description_default_and_choices():
    _, said = fill(Decision, ["y", "1", "2", "x", "", "", ""])

    text = "\n".join(said)
    assert "What is to become of the model." in text
    assert "count: how many copies" in text
    assert "  1) production" in text
    assert "note (text, [none])" in text


def test_an_empty_line_takes_the_default():
    @dataclass
    class Small:
        note: str = "none"
        size: int = 3

    answer, _ = fill(Small, ["", ""])

    assert answer == {"note": "none", "size": 3}


def test_a_schema_of_ones_own_is_asked_for_as_it_is():
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 3}}, "required": ["n"]}

    answer, said = fill(schema, ["7", "3"])

    assert answer == {"n": 3}
    assert any("not at most 3" in line for line in said)


def test_a_pydantic_model_is_asked_for_field_by_field():
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        size: int = pydantic.Field(ge=1, description="how big")
        inner: Inner

    answer, said = fill(Model, ["0", "2", "x", ""])

    assert read_answer(Model, answer, schema_of(Model, "it")) == Model(size=2, inner=Inner("x"))
    assert "size: how big" in said


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"go": True}, "lacks `stage`"),
        (
            {"go": 1, "stage": "staging", "count": 1, "inner": {"label": "x"}},
            "`go` is 1. Expected: true or false",
        ),
        ({"go": True, "stage": "staging", "count": 1, "inner": {"label": 3}}, "`inner.label` is 3"),
        (
            {"go": True, "stage": "staging", "count": 1, "inner": {"label": "x"}, "nots": ""},
            "`nots`, which was not",
        ),
        ([], "The answer is []. Expected: an object"),
    ],
)
def test_an_answer_that_does_not_fit_says_where(answer, message):
    with pytest.raises(TypeMismatchError) as raised:
        check_answer(answer, schema_of(Decision, "it"))

    assert message in str(raised.value)


@pytest.mark.parametrize(
    "schema", [{"not": {}}, {"type": "text"}, {"$ref": "#/$defs/x"}, {"properties": {"a": {"if": {}}}}]
)
def test_a_schema_that_cannot_be_checked_is_refused(schema):
    with pytest.raises(DeclarationError):
        check_schema(schema, "it")


def test_a_date_is_checked_where_it_is_answered():
    with pytest.raises(TypeMismatchError, match="no date"):
        check_answer("soon", schema_of(dt.date, "it"))
    assert read_answer(dt.date, "2025-01-31", schema_of(dt.date, "it")) == dt.date(2025, 1, 31)
