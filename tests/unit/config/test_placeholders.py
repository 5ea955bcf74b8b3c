"""`${NAME}`, `${NAME:-default}` and `$${NAME}` in configured values."""

import pytest

from zenml.config import DockerSettings, Model
from zenml.config.placeholders import escaped, expressions, filled, has_placeholder, value_of

VALUES = {"A": "1", "EMPTY": ""}


def look_up(expression):
    return value_of(expression, VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${A:-2}", "1"),
        ("${B:-2}", "2"),
        ("${EMPTY:-2}", "2"),
        ("${EMPTY}", ""),
        ("${B:-}", ""),
        ("$${A}", "${A}"),
        ("$A {A} ${1} ${}", "$A {A} ${1} ${}"),
        ("${B}", "${B}"),
    ],
)
def test_texts(text, expected):
    assert filled(text, look_up) == expected


def test_nested_values_and_our_objects():
    value = {"a": ["${A}", 5], "m": Model(name="m${A}"), "d": DockerSettings(parent_image="i:${A}")}

    found = filled(value, look_up)

    assert found["a"] == ["1", 5]
    assert found["m"].name == "m1"
    assert found["d"].parent_image == "i:1"
    assert value["m"].name == "m${A}"
    assert [(name, path) for name, path, _ in expressions(value)] == [
        ("A", ("a", 0)),
        ("A", ("m", "name")),
        ("A", ("d", "_given", "parent_image")),
    ]


def test_what_is_wholly_a_placeholder_is_read_as_a_scalar():
    assert filled({"a": "${A}", "b": "x${A}"}, look_up, reads_scalars=True) == {"a": 1, "b": "x1"}


def test_escaping():
    assert escaped("a ${A} $${A} ${1}") == "a $${A} $$${A} ${1}"
    assert filled(escaped("a ${A} b"), look_up) == "a ${A} b"
    assert has_placeholder(["$${A}"])
    assert not has_placeholder({"a": ["$A"]})
