"""Write docs/reference/cli.md, docs/reference/errors.md, docs/flavors/ and the schema of configuration files from the source.

python docs/make_reference.py
"""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING

import click

import zenml.config
from zenml import errors
from zenml.cli.main import cli
from zenml.config.json_schema import schema_text

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "reference")
sys.path.insert(0, HERE)

import make_flavor_pages  # noqa: E402 - it is beside this file, which is not a package

NOTE = "<!-- Made by docs/make_reference.py from the source; edit that. -->"

REMEDIES = {
    "ZenMLError": ("Any of the errors below.", "Catch it to handle everything that the project raises itself."),
    "DeclarationError": ("A step or pipeline is declared or called in a way that cannot run.", "Repair the line that the message names; `zenml pipeline check` finds it without running anything."),
    "ArgumentError": ("A call leaves an argument out, gives one twice, or gives one that is not declared.", "Call the step or pipeline with the arguments that the message lists."),
    "ConfigurationError": ("An option, a setting or an environment variable has a value that is not possible.", "Use one of the values that the message lists."),
    "TypeMismatchError": ("A value, or the output that flows into an argument, has another type than the annotation.", "Correct the annotation, or convert the value in a step between."),
    "MaterializerError": ("A value cannot be stored so that it comes back unchanged.", "Return a value of a type that can be stored, or give the step an `output_materializers` of yours."),
    "MissingLibraryError": ("Storing or loading a value needs a library that is not installed.", "Install the extra that the message names."),
    "ArtifactError": ("Stored bytes cannot be used.", "See the two errors below."),
    "ArtifactDamagedError": ("Files of an artifact are missing, or are not those that were written.", "Run the pipeline again: the step whose result is damaged runs again."),
    "ArtifactNotTrustedError": ("Loading would unpickle or import something that this store did not record.", "Load it from the store that recorded it."),
    "NotFoundError": ("A name or id is not in the store.", "Use one of the close names in the message; `zenml run list` and `zenml artifact list` show what there is."),
    "AmbiguousNameError": ("The beginning of a name or the end of an id fits several things.", "Type more of it."),
    "ComponentError": ("The service or program behind a component of the stack is not reached, or refuses what it is asked for.", "Do what the message says; it names the component and the address or program."),
    "ContextError": ("Something was asked that is only possible inside a run, or only outside of one.", "Move the call to where the message says."),
    "StepProcessError": ("The process of an isolated step ended by a signal, by `os._exit`, or by `sys.exit`.", "Read its log with `zenml logs`; signal 9 often means that memory ran out."),
    "StepOutOfMemoryError": ("A step took more memory than its `memory`, or the system ran out of memory while it ran.", "Raise `memory` in its `resources`, have it hold less at once, or run fewer steps at once."),
    "StepCancelledError": ("The result was asked for of a step that was cancelled, or that needs one that was.", "Ask `cancelled()` first, or do not cancel it."),
    "StepTimeoutError": ("A step took longer than its limit.", "Raise the limit, or give the step less to do."),
    "AnswerError": ("The question has been answered, its time is over, or the run asks nothing.", "Do what the message says; `zenml status` lists what waits for an answer."),
    "WaitTimeoutError": ("Nobody answered what `wait` asked within its `timeout`.", "Catch it, or give `wait` a `default`."),
    "RunStoppedError": ("`zenml run stop` was used, or another process found this one dead and took the run over.", "Go on with it: `zenml run resume`."),
    "ResumeError": ("The run has completed, or goes on in a process that lives, or its pipeline is in a notebook or inside a function.", "Do what the message says; where the pipeline is at hand, `my_pipeline.resume(run)` resumes it."),
    "ReplayError": ("The pipeline of the run cannot be imported, or what is to be skipped or overridden is not in the run or has no result there.", "Do what the message says; where the pipeline is at hand, `my_pipeline.replay(run)` reproduces it."),
    "ScheduleError": ("A schedule cannot be carried out or changed: its pipeline cannot be imported, its run is not to begin any more, or others change it all the time.", "Do what the message says; `zenml schedule history` shows what came of each time."),
    "RunFailedError": ("A step failed in a way that leaves only the record of its exception.", "Read the note on the error, or `zenml run show`."),
    "StoreError": ("Something is wrong with the store.", "`zenml doctor` says what, and what to do."),
    "StoreVersionError": ("A newer version of this package wrote the store.", "Upgrade with `pip install -U zenml-core`, or choose another folder with ZENML_CONFIG_PATH."),
    "SecretUnreadableError": ("The key that a secret was encrypted with is not there, or its row was changed outside of this package.", "Restore the file `secrets.key` of the store, or set ZENML_SECRETS_KEY; else give the values again with `zenml secret delete` and `zenml secret create`."),
    "StoreUnavailableError": ("The database cannot be opened, read or written.", "Check the disk and the permissions; `zenml doctor` looks at both."),
}  # fmt: skip
"""Cause and remedy by error."""


def commands(group: click.Group, path: str = "zenml") -> Iterator[tuple[str, click.Command]]:
    """Yield all groups and commands with their whole name, each group before what is in it."""
    context = click.Context(group)
    yield path, group
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def cli_page() -> str:
    """Return the page of all commands."""
    intro = (
        "Exit status: 0 done, 1 it failed, 2 the command line is wrong, 130 Ctrl-C, 143 SIGTERM. "
        "What `--json` prints is described in [json.md](json.md)."
    )
    blocks = [NOTE, "# The command line", intro]
    for path, command in commands(cli):
        blocks += [
            f"{'##' if isinstance(command, click.Group) else '###'} `{path}`",
            inspect.cleandoc(command.help or ""),
        ]
        if isinstance(command, click.Group):
            continue
        usage = " ".join(command.collect_usage_pieces(click.Context(command)))
        blocks.append(f"```\n{path} {usage}\n```")
        blocks.append("\n".join(_option_rows(command)))
        blocks.append(f"Example:\n\n```\n{command.example}\n```")
    return "\n\n".join(blocks) + "\n"


def _option_rows(command: click.Command) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for option in command.params:
        if isinstance(option, click.Option):
            value = f" {option.make_metavar(click.Context(command))}" if not option.is_flag else ""
            names = f"{', '.join(option.opts)}{value}".replace("|", "\\|")
            default = (
                f" Default: {option.default}." if option.show_default and option.default is not None else ""
            )
            yield f"| `{names}` | {option.help}{default} |"


def errors_page() -> str:
    """Return the page of all errors."""
    blocks = [
        NOTE,
        "# Errors",
        "All of them are in `zenml.errors`. A message says what happened, to which thing, and what to do.",
    ]
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.ZenMLError):
            bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
            cause, remedy = REMEDIES[name]
            first = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
            blocks += [f"## `{name}`", f"{first} Also: {bases}.", f"Cause: {cause}", f"Remedy: {remedy}"]
    return "\n\n".join(blocks) + "\n"


SCHEMA = os.path.join(os.path.dirname(zenml.config.__file__), "run_configuration.schema.json")
PAGES = {"cli.md": cli_page, "errors.md": errors_page}


def main() -> None:
    """Write all pages."""
    for name, make in PAGES.items():
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
            file.write(make())
    make_flavor_pages.write()
    with open(SCHEMA, "w", encoding="utf-8") as file:
        file.write(schema_text())
    sys.stdout.write(
        f"Wrote {', '.join(PAGES)}, the pages of flavors, and the JSON Schema of configuration files.\n"
    )


if __name__ == "__main__":
    main()
