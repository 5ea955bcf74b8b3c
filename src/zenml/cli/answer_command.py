"""`zenml run answer`: show what a paused run asks, take the answer, and go on with the run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.answer_form import Form
from zenml.cli.commands import Command, quiet_option
from zenml.cli.completing import complete_run
from zenml.cli.resume_command import go_on
from zenml.client.client import Client
from zenml.records.ids import short
from zenml.records.status import RESUMABLE
from zenml.views.asking import open_wait, top_of

if TYPE_CHECKING:
    from zenml.records.waits import Wait
    from zenml.views.run_view import RunView


@click.command(cls=Command, example="zenml run answer nightly --json true")
@click.argument("run", required=False, shell_complete=complete_run)
@click.option("--json", "answer", metavar="JSON", help="The answer; `-` reads it from standard input.")
@click.option("--wait", "name", metavar="NAME", help="Which question; a run waits for one.")
@click.option("--by", metavar="NAME", help="Who answers; by default the user of this machine.")
@click.option("--no-resume", is_flag=True, help="Record the answer; go on later with `zenml run resume`.")
@click.option("--detach", is_flag=True, help="Let the run go on in the background.")
@quiet_option
def answer(
    run: str | None, answer: str | None, name: str | None, by: str | None, *, no_resume: bool, detach: bool
) -> None:
    """Answer what RUN asks, and go on with it here; by default the newest that is paused.

    Without `--json`, the answer is asked for, field by field. The status is that of the run: 0 if it
    completed or asks something else, else 1; and 0 with `--no-resume`.
    """
    view = _chosen(run)
    wait = open_wait(view, name)
    if wait.run_id != view.id:  # a run that it called asks
        view = Client().get_pipeline_run(wait.run_id)
    given = _ask(wait, view) if answer is None else _read(answer)
    view = view.answer(given, wait.name, by=by)
    click.echo(f"Answered `{wait.question}`: {json.dumps(given, ensure_ascii=False)}", err=True)
    top = top_of(view)
    if no_resume or top.record.status not in RESUMABLE:
        later = (
            "" if top.record.status in RESUMABLE else f" when run `{top.name}`, which called it, is paused"
        )
        click.echo(f"Go on{later}: zenml run resume {short(top.id)}", err=True)
        return
    go_on(top.id, is_detached=detach)


def _chosen(run: str | None) -> RunView:
    client = Client()
    if run is not None:
        return client.get_pipeline_run(run)
    paused = client.list_pipeline_runs(size=1, status="paused").items
    found: RunView = paused[0] if paused else client.get_pipeline_run("latest")
    return found


def _read(text: str) -> Any:
    if text == "-":
        text = sys.stdin.read()
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text.strip()!r} is no JSON ({error}). A text has quotes of its own: --json '\"text\"'.",
            param_hint="--json",
        ) from None


def _ask(wait: Wait, view: RunView) -> Any:
    """Show a question and have a person fill in its form."""
    click.echo(f"Run `{view.name}` asks: {wait.question}", err=True)
    try:
        return Form(wait.answer_schema, _line, lambda text: click.echo(text, err=True)).fill()
    except EOFError:
        click.echo(
            f"\nThere is nobody to ask. Give the answer: zenml run answer {short(view.id)} --json …", err=True
        )
        click.get_current_context().exit(1)
    except KeyboardInterrupt:
        raise click.Abort from None


def _line(prompt: str) -> str:
    click.echo(prompt, nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")
