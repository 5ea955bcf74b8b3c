"""`zenml secret`: values come in by many ways and go out by one."""

import io
import json
import sys

import pytest

from zenml.cli.secret_values import read_text
from zenml.client import Client
from zenml.errors import ConfigurationError


def values_of(name):
    return dict(Client().get_secret(name).secret_values)


def test_values_come_from_options_with_a_warning(zenml):
    result = zenml("secret", "create", "aws", "--value", "ID=abc", "--value", "KEY=d=e f")

    assert result.status == 0
    assert values_of("aws") == {"ID": "abc", "KEY": "d=e f"}
    assert "history of the shell" in result.err
    assert result.out == "Created secret `aws` with `ID`, `KEY`.\n"


def test_a_bad_pair_is_refused_without_showing_it(zenml):
    result = zenml("secret", "create", "aws", "--value", "clear-text-value")

    assert result.status == 2
    assert "KEY=VALUE" in result.err
    assert "clear-text" not in result.err + result.out


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.env", '# a comment\nexport A=one\nB=\'two # and\' # comment\nC="th\\"ree\\n"\n\nD=4 # comment\n'),
        ("a.json", '{"A": "one", "B": "two # and", "C": "th\\"ree\\n", "D": 4}'),
        ("a.yaml", 'A: one\nB: "two # and"\nC: "th\\"ree\\n"\nD: 4\n'),
    ],
)
def test_values_come_from_files(zenml, tmp_path, file, text):
    if file.endswith("yaml"):
        pytest.importorskip("yaml")
    (tmp_path / file).write_text(text)

    result = zenml("secret", "create", "aws", "--from-file", file)

    assert result.status == 0, result.err
    assert values_of("aws") == {"A": "one", "B": "two # and", "C": 'th"ree\n', "D": "4"}
    assert "history" not in result.err


def test_a_yaml_file_needs_its_library(zenml, tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("A: 1\n")
    monkeypatch.setitem(sys.modules, "yaml", None)

    result = zenml("secret", "create", "aws", "--from-file", "a.yaml")

    assert result.status == 1
    assert "pip install pyyaml" in result.err


def test_values_come_from_standard_input(zenml, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("A=one\n"))

    assert zenml("secret", "create", "aws", "--stdin").status == 0

    assert values_of("aws") == {"A": "one"}


def test_without_options_keys_and_values_are_asked_for(zenml, monkeypatch):
    answers = iter(["A", "clear-text-value", ""])
    monkeypatch.setattr("click.prompt", lambda *_, **__: next(answers))

    result = zenml("secret", "create", "aws")

    assert values_of("aws") == {"A": "clear-text-value"}
    assert "clear-text" not in result.out + result.err


def test_an_empty_secret_is_refused(zenml, monkeypatch):
    monkeypatch.setattr("click.prompt", lambda *_, **__: "")

    assert zenml("secret", "create", "aws").status == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nclear-text", "line 2: not of the form KEY=VALUE"),
        ("=clear-text", "line 1"),
        ("A='clear-text", "line 1: the quotes"),
        ("A='clear' text", "line 1: the quotes"),
        ('{"A": "clear-text"', "line 1: no JSON"),
        ('{"A": ["clear-text"]}', "`A` is a list"),
    ],
)
def test_a_mistake_is_placed_and_not_shown(text, message):
    with pytest.raises(ConfigurationError, match=f"the file.*{message}") as caught:
        read_text(text, "the file")
    assert "clear-text" not in str(caught.value)


def test_get_shows_values_only_when_asked(zenml):
    Client().create_secret("aws", {"ID": "clear-text-value"})

    hidden, shown = zenml("secret", "get", "aws"), zenml("secret", "get", "aws", "--reveal")

    assert (hidden.out, shown.out) == ("ID=***\n", "ID=clear-text-value\n")
    assert json.loads(zenml("secret", "get", "aws", "--json").out)["values"] == {"ID": "***"}


def test_list_shows_no_values_and_says_how_to_begin(zenml):
    assert "zenml secret create NAME" in zenml("secret", "list").err
    Client().create_secret("aws", {"ID": "clear-text-value"})

    result = zenml("secret", "list")

    assert "aws" in result.out
    assert "clear-text" not in result.out + zenml("secret", "list", "--json").out


def test_update_changes_what_it_is_told(zenml):
    Client().create_secret("aws", {"A": "1", "B": "2"})

    assert (
        zenml("secret", "update", "aws", "--value", "B=two", "--remove", "A", "--rename", "new").status == 0
    )

    assert values_of("new") == {"B": "two"}
    assert zenml("secret", "update", "new", "--remove", "NONE").status == 1


def test_delete_asks(zenml, monkeypatch):
    Client().create_secret("aws", {"A": "1"})
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))

    assert zenml("secret", "delete", "aws").status == 130
    assert Client().list_secrets().total == 1
    assert zenml("secret", "delete", "aws", "--yes").status == 0
    assert Client().list_secrets().total == 0


def test_unknown_secrets_are_an_error_with_close_names(zenml):
    Client().create_secret("aws_keys", {"A": "1"})

    result = zenml("secret", "get", "aws_key")

    assert result.status == 1
    assert "`aws_keys`" in result.err
