"""The command `zenml`: its table of commands, and what every error becomes.

exit status   0    done
              1    it failed: a run failed, something was not found …
              2    the command line is wrong
              130  Ctrl-C
              143  SIGTERM
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import VERBOSE, LateGroup, drop_output
from zenml.errors import ZenMLError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "pipeline": (
        "zenml.cli.pipeline_commands:pipeline",
        "Run pipelines; check them, list them and their runs.",
    ),
    "run": ("zenml.cli.run_commands:run", "Look at runs, compare them, stop and delete them."),
    "step": ("zenml.cli.step_commands:step", "Look at a step; ask why it ran, or did not."),
    "logs": ("zenml.cli.logs_command:logs", "Print what the steps of a run printed."),
    "artifact": ("zenml.cli.artifact_commands:artifact", "Look at artifacts, load and export them."),
    "model": ("zenml.cli.model_commands:model", "Look at models, promote and compare their versions."),
    "cache": ("zenml.cli.cache_commands:cache", "Look at cached results, take some out of use."),
    "schedule": (
        "zenml.cli.schedule_commands:schedule",
        "Run pipelines by themselves: at times, at intervals, after other runs.",
    ),
    "tag": ("zenml.cli.tag_commands:tag", "Tag runs, artifacts and pipelines."),
    "secret": ("zenml.cli.secret_commands:secret", "Keep passwords and keys, encrypted, for steps."),
    "stack": ("zenml.cli.stack_commands:stack", "Choose the components that runs are made with."),
    "orchestrator": ("zenml.cli.component_commands:orchestrator", "What executes runs."),
    "artifact-store": ("zenml.cli.component_commands:artifact_store", "What keeps the bytes of artifacts."),
    "alerter": ("zenml.cli.component_commands:alerter", "What tells people something."),
    "experiment-tracker": (
        "zenml.cli.component_commands:experiment_tracker",
        "What follows steps in a tracking service.",
    ),
    "step-operator": ("zenml.cli.component_commands:step_operator", "What executes single steps elsewhere."),
    "model-registry": ("zenml.cli.component_commands:model_registry", "What keeps models for serving."),
    "image-builder": ("zenml.cli.component_commands:image_builder", "What builds images of containers."),
    "flavor": ("zenml.cli.flavor_command:flavor", "Begin a flavor of your own."),
    "init": ("zenml.cli.init_command:init", "Make a folder a repository with a stack of its own."),
    "gc": ("zenml.cli.gc_command:gc", "Remove what nothing refers to any more."),
    "store": ("zenml.cli.store_commands:store", "Check, back up and restore what is recorded."),
    "doctor": ("zenml.cli.doctor_command:doctor", "Check the store and this installation."),
    "status": ("zenml.cli.status_command:status", "Show the store and this installation."),
    "connect": ("zenml.cli.team_commands:connect", "Use the store of a team, on a PostgreSQL server."),
    "disconnect": ("zenml.cli.team_commands:disconnect", "Use this machine's own store again."),
    "completion": ("zenml.cli.completion_command:completion", "Print the completion script of a shell."),
    "version": ("zenml.cli.version_command:version", "Show the version."),
}
"""Every command: where it is, and its line in `zenml --help`."""


def _print_version(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        from zenml import __version__

        click.echo(f"zenml-core {__version__}")
        ctx.exit()


@click.group("zenml", cls=LateGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
def cli() -> None:
    """Steps and pipelines: typed, cached, parallel and durable.

    Runs are named by name, by id, by the last digits of the id, or as `latest`. Commands that
    print data take `--json`.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a mark that the terminal lacks is no reason to fail
    options: dict[str, bool] = {VERBOSE: os.environ.get("ZENML_DEBUG", "") not in ("", "0")}
    color = False if os.environ.get("NO_COLOR") else None
    try:
        code = cli.main(args, prog_name="zenml", standalone_mode=False, obj=options, color=color)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130
    except Exception as error:  # the border of the program
        code = _report(error, with_traceback=options[VERBOSE])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    return code if isinstance(code, int) else 0


def _report(error: Exception, *, with_traceback: bool) -> int:
    """Print an error in one line, or with its traceback; return the exit status."""
    if with_traceback:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    elif isinstance(error, ZenMLError):
        click.echo(f"{click.style('Error:', fg='red')} {error}", err=True)
    else:
        click.echo(
            f"{click.style('Error:', fg='red')} {type(error).__name__}: {error}\n"
            "This should not happen. Run the command again with `--verbose` and report what it prints.",
            err=True,
        )
    return 1
