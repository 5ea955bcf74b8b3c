"""What all commands share: help without imports, close names, exit statuses, tracebacks on request."""

import json
import subprocess
import sys
from importlib import import_module

import click
import pytest

from zenml import __version__
from zenml.cli.commands import Command
from zenml.cli.main import COMMANDS, cli


def every_command(command=cli, path=("zenml",)):
    context = click.Context(command)
    yield path, command
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        yield from every_command(command.get_command(context, name), (*path, name))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_entry_of_the_table_leads_to_a_command(name):
    module, _, attribute = COMMANDS[name][0].partition(":")

    assert isinstance(getattr(import_module(module), attribute), click.Command)


@pytest.mark.parametrize(("path", "command"), list(every_command()), ids=lambda value: str(value))
def test_every_command_has_help_and_takes_verbose(path, command):
    assert command.help
    assert any("--verbose" in param.opts for param in command.params)


@pytest.mark.parametrize(
    ("path", "command"), [(p, c) for p, c in every_command() if isinstance(c, Command)], ids=str
)
def test_every_command_that_prints_data_takes_json(path, command):
    is_text = path[-1] in ("completion", "template", "schema")  # files to be kept, in a language of their own
    is_journal = path[-1] == "serve"  # of a program that goes on; what it did is asked of the store

    assert is_text or is_journal or any("--json" in param.opts for param in command.params)


def test_help_lists_every_command(zenml):
    result = zenml("--help")

    assert result.status == 0
    assert all(f"\n  {name}" in result.out for name in COMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["version"]])
def test_help_and_version_load_nothing_heavy(arguments):
    code = (
        "import sys; from zenml.cli.main import main; main(sys.argv[1:]);"
        "heavy = {'msgspec', 'sqlite3', 'rich', 'pydantic', 'numpy', 'asyncio', 'logging', 'zenml.client.client',"
        " 'cloudpickle', 'importlib.metadata'};"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_version_in_both_forms_and_as_json(zenml):
    assert zenml("--version").out == f"zenml-core {__version__}\n"
    assert __version__ in zenml("version").out
    assert json.loads(zenml("version", "--json").out) == {
        "version": __version__,
        "python": sys.version.split()[0],
    }


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["statuss"], "Did you mean `status`"),
        (["pipeline", "rnu"], "Did you mean `run`, `runs`?"),
        (["qqq"], "There is: `pipeline`, `run`"),
        (["run", "list", "--jsno"], "--json"),
        (["run", "show"], "Missing argument"),
        (["run", "list", "--status", "done"], "'completed'"),
    ],
)
def test_a_wrong_command_line_has_status_2_and_a_hint(zenml, arguments, hint):
    result = zenml(*arguments)

    assert result.status == 2
    assert hint in result.err
    assert result.out == ""


def test_an_error_of_ours_is_one_line_without_a_traceback(zenml):
    result = zenml("run", "show", "nope")

    assert result.status == 1
    assert result.err.startswith("Error: There is no run `nope`.")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["-v", "run", "show", "nope"], ["run", "show", "nope", "--verbose"]])
def test_verbose_shows_the_traceback(zenml, arguments):
    result = zenml(*arguments)

    assert result.status == 1
    assert "Traceback (most recent call last)" in result.err
    assert "NotFoundError" in result.err


def test_the_variable_shows_the_traceback_too(zenml, monkeypatch):
    monkeypatch.setenv("ZENML_DEBUG", "1")

    assert "Traceback" in zenml("run", "show", "nope").err


def test_what_should_not_happen_is_said_so(zenml, monkeypatch):
    monkeypatch.setattr("zenml.cli.status_command.open_store", lambda: 1 / 0)

    result = zenml("status")

    assert result.status == 1
    assert "ZeroDivisionError" in result.err
    assert "--verbose" in result.err
