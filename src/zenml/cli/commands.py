"""What all commands share: `--verbose`, `--json`, close matches for a wrong name, and late loading.

A group whose table names `module:attribute` imports a command's module when the command is
used, so `zenml --help` costs what click costs and no more.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from zenml.errors import ArgumentError, ConfigurationError, TypeMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

VERBOSE = "verbose"
"""Key of the context's object that tells whether errors come with their traceback."""


class Command(click.Command):
    """A command that takes `--verbose` and ends quietly when its reader goes away.

    Args:
        example: a command line that works, for the help and the reference.
    """

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.params.append(_verbose_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example below the options."""
        with formatter.section("Example"):
            formatter.write_text(self.example)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            drop_output()
            ctx.exit(0)


class Group(click.Group):
    """A group of commands that suggests close names."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_verbose_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were declared, which is that of the work."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with the first sentence of its help, wrapped and not cut."""
        with formatter.section("Commands"):
            formatter.write_dl(self.help_rows())

    def help_rows(self) -> list[tuple[str, str]]:
        """Return the commands with what they do."""
        return [(name, command.get_short_help_str(limit=1000)) for name, command in self.commands.items()]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names, or list the close ones."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            import difflib

            names = self.list_commands(ctx)
            close = difflib.get_close_matches(name, names, 3, 0.5)
            listed = ", ".join(f"`{match}`" for match in close or names)
            hint = f"Did you mean {listed}?" if close else f"There is: {listed}."
            ctx.fail(f"There is no command `{ctx.command_path} {name}`. {hint}")
        return super().resolve_command(ctx, args)


Group.group_class = Group


class LateGroup(Group):
    """A group that knows its commands from a table and imports each when it is used.

    Args:
        table: by command name, where it is (`module:attribute`) and its line in the help.
    """

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of what was added, and of the table."""
        return [*self.commands, *self.table]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        from importlib import import_module

        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def help_rows(self) -> list[tuple[str, str]]:
        """Return the commands with what they do; those of the table are not imported for it."""
        return [*super().help_rows(), *((name, text) for name, (_, text) in self.table.items())]


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flag `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flag `-q`, which is `ZENML_QUIET=1` while it runs, also for the runs within it."""
    return click.option(
        "-q", "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_note_quiet,
        help="Do not tell how the run goes; a failure is still shown.",
    )(command)  # fmt: skip


def confirm(question: str) -> None:
    """Ask before something is deleted; unless the answer is yes, end with status 1."""
    try:
        is_meant = click.confirm(question, err=True)
    except click.Abort as error:
        if not isinstance(error.__context__, EOFError):
            raise  # Ctrl-C
        click.echo("\nThere is nobody to ask. Give `--yes` to go on without a question.", err=True)
        is_meant = False
    if not is_meant:
        click.echo("Nothing was deleted.", err=True)
        click.get_current_context().exit(1)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Report values of options that are not possible as a wrong command line."""
    try:
        yield
    except (ConfigurationError, ArgumentError, TypeMismatchError) as error:
        raise click.UsageError(str(error), click.get_current_context()) from error


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--config`."""
    option = click.option(
        "--config", "config_file", metavar="FILE", help="A YAML file with options of the run."
    )
    return option(command)


def is_verbose() -> bool:
    """Tell whether the running command was asked to show tracebacks."""
    context = click.get_current_context(silent=True)
    options = context.find_object(dict) if context is not None else None
    return bool(options and options.get(VERBOSE))


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_lines(lines: Sequence[str]) -> None:
    """Print lines to standard output."""
    if lines:
        click.echo("\n".join(lines))


def drop_output() -> None:
    """Send what is still to be written to the null device: whoever read it has gone."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError, AttributeError):
        pass  # standard output is no file, so nothing is flushed to it at the end either


def _verbose_option() -> click.Option:
    return click.Option(
        ["-v", "--verbose"],
        is_flag=True,
        expose_value=False,
        callback=_note_verbose,
        help="Show the traceback of an error.",
    )


def _note_quiet(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        before = os.environ.get("ZENML_QUIET", "")
        os.environ["ZENML_QUIET"] = "1"
        ctx.call_on_close(lambda: os.environ.update(ZENML_QUIET=before))


def _note_verbose(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        ctx.ensure_object(dict)[VERBOSE] = True
