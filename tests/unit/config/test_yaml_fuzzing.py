"""Any bytes in a configuration file are plain values, problems, or a configuration error, and nothing else."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zenml.config.option_table import OPTIONS
from zenml.config.run_file import read_run_file
from zenml.config.yaml_document import MOST_VALUES, YamlDocument, read_document
from zenml.errors import ConfigurationError

SECTIONS = [f"{option.name}: " for option in OPTIONS]


# Whatever bytes a file holds

PIECE = st.sampled_from(
    ("a", "b:", "- ", "? ", ": ", "\n", "  ", "\t", "&x ", "*x", "<<: *x", "!!python/object/apply:os.system [ls]",
     "!!binary aGk=", "!!int x", "!!set {a}", "! ", "!<tag:a> ", "%YAML 1.1\n---\n", "---\n", "...\n", "|\n", ">\n", "'", '"',
     "{", "}", "[", "]", ",", "#", "@", "`", "1e999", "0x", "0b2", "0o8", "1_000", "190:20:30", "-.inf", ".nan", "9" * 5000,
     "2024-01-01", "2024-13-01", "2024-01-01T25:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
     "\ufeff", "\u2028", "\x85", "\u202e", "\ud7ff", "\ue000", "🎈", "\\x00", '"\\ud800"', "\x00", "\x7f", "=", "~", "yes")
)  # fmt: skip
YAML_TEXT = st.lists(PIECE | st.text(max_size=3), max_size=25).map("".join)


def content(value):
    """All values of a document, to see that they are plain."""
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value)
        return [one for item in value.values() for one in content(item)]
    if isinstance(value, list):
        return [one for item in value for one in content(item)]
    return [value]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | YAML_TEXT.map(lambda text: text.encode(errors="surrogatepass")))
@example(b"<<: [[[]]]")
@example(b"&a [*a]")
@example(b"a: &a {<<: *a}")
@example(b"a: 9999-12-31T23:59:59-23:59")
@example(b"a: 0001-01-01T00:00:00+23:59")
@example(b"a: !!float x")
@example(b"a: 1e999999999")
@example(b"a: " + b":59" * 3000)
@example(b"a: 1" + b":59" * 3000)
@example(b"a: 1" + b":59" * 3000 + b".5")
@example(b"a: 0x" + b"f" * 5000)
@example(b"a: 0b" + b"1" * 30000)
@example(b"%YAML 9.9\n---\na: 1")
@example(b"a: &a [x]\nb: {<<: *a}")
@example(b"{" * 5000)
@example(b"? " * 5000)
@example(b"- " * 5000)
@example(b"\xff\xfea\x00")
@example(b"a: &a " + b"[" * 60 + b"x" + b"]" * 60 + b"\nb: " + b"[" * 60 + b"*a" + b"]" * 60)
def test_any_bytes_are_plain_values_or_a_configuration_error(tmp_path, data):
    path = tmp_path / "any.yaml"
    path.write_bytes(data)

    try:
        document = read_document(path)
    except ConfigurationError:
        return

    plain = (str, int, float, bool, type(None), dt.date)
    assert all(isinstance(one, plain) for one in content(document.value))
    assert len(content(document.value)) <= MOST_VALUES + 1


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(YAML_TEXT, st.sampled_from([*SECTIONS, "steps:\n  train:\n    "]))
def test_any_text_below_an_option_is_a_configuration_or_problems(tmp_path, text, section):
    path = tmp_path / "any.yaml"
    path.write_bytes(f"{section}{text}\n".encode(errors="surrogatepass"))

    try:
        read_run_file(path).raise_problems()
    except ConfigurationError:
        pass


@pytest.mark.parametrize("levels", [2, 9, 60])
@pytest.mark.parametrize("shape", ["[{}]", "{{<<: [{}]}}", "{{k: [{}]}}"])
def test_aliases_that_multiply_cost_no_more_than_the_limit(levels, shape):
    lines = ["a0: &a0 {x: y}"]
    lines += [f"a{i}: &a{i} " + shape.format(", ".join([f"*a{i - 1}"] * 10)) for i in range(1, levels)]

    try:
        document = YamlDocument("run.yaml", "\n".join(lines))
    except ConfigurationError:
        assert levels > 2
        return

    assert len(content(document.value)) <= MOST_VALUES
