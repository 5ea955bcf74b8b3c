"""A YAML file becomes plain values with lines, or an error; it can neither make objects nor grow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.config.yaml_document import YamlDocument, read_document, read_scalar
from zenml.errors import ConfigurationError


def read(text):
    return YamlDocument("run.yaml", text)


def test_values_and_lines():
    document = read("a: 1\nb:\n  - x\n  - c: true\nd: {e: ~}\n")

    assert document.value == {"a": 1, "b": ["x", {"c": True}], "d": {"e": None}}
    assert document.lines["b", 1, "c"] == 4
    assert document.line_of(("d", "e")) == 5
    assert document.line_of(("d", "nothing")) == 5
    assert document.problems == []


@pytest.mark.parametrize("text", ["", "# only words\n", "---\n"])
def test_an_empty_file_says_nothing(text):
    assert read(text).value is None


def test_a_key_that_is_given_twice_is_a_problem():
    assert read("a: 1\nb: 2\na: 3\n").problems == [(3, "`a` is given twice, first in line 1; keep one")]


def test_a_key_that_yaml_reads_as_something_else_is_a_problem():
    assert (
        read("yes: 1\n5: 2\n").problems[0][1].startswith("a key is 'true', which YAML does not read as text")
    )
    assert len(read("yes: 1\n5: 2\n").problems) == 2


def test_the_key_on_is_a_text_and_the_value_on_a_truth_value():
    document = read("on: on\n")

    assert (document.value, document.problems, document.lines) == ({"on": True}, [], {("on",): 1})


def test_anchors_and_merges():
    document = read("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n")

    assert document.value == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "more than 10000 values"),
        ("[" * 200_000, "nested deeper than 100 levels"),
        ("a: &a [*a]", "nested deeper than 100 levels"),
        ("a: !!python/object/apply:os.system [ls]", r"run\.yaml:1 has the tag"),
        ("a: 1\nb: *no", r"run\.yaml:2 (is not YAML|uses the alias)"),
        ("a: [1\nb: 2", r"run\.yaml:\d is not YAML"),
        ("a: 1\n--- \nb: 2", "begins a second document"),
        ("? [a]\n: 1", "has a key that is no text"),
        ("a: " + "9" * 5000, "which YAML cannot read"),
        ("a: 2030-02-31", "which YAML cannot read"),
        ("a: \x00", "is not YAML"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        read(text)


def test_a_large_file_is_refused(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text("a: " + "x" * (1 << 20))

    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        read_document(path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\xff")

    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        read_document(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.01", 0.01), ("5", 5), ("yes", True), ("null", None), ("a: b", "a: b"), ("<<", "<<")],
)
def test_scalars_that_stand_alone(text, value):
    assert read_scalar(text) in (value, "tag:yaml.org,2002:merge" if text == "<<" else value)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!#\n \"'<>?|%@,1~"), max_size=60))
def test_any_text_is_a_document_or_an_error_of_ours(text):
    try:
        read(text)
    except ConfigurationError:
        pass
