"""`zenml tag`: tags of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zenml.cli.commands import Group, json_option, print_json, print_lines
from zenml.cli.tables import table
from zenml.client.run_tags import add_tags, count_tags, remove_tags
from zenml.store.opening import open_store

if TYPE_CHECKING:
    from zenml.views.run_view import RunView


@click.group(cls=Group)
def tag() -> None:
    """Tag runs; find them with `zenml run list --tag TAG`."""


@tag.command("list", example="zenml tag list")
@json_option
def list_tags(*, as_json: bool) -> None:
    """List the tags and how many runs have each."""
    counts = count_tags(open_store())
    if as_json:
        print_json({"items": [{"name": name, "runs": number} for name, number in counts.items()]})
    elif counts:
        print_lines(
            table(("TAG", "RUNS"), [(name, str(number)) for name, number in counts.items()], right=(1,))
        )
    else:
        click.echo("No tags yet. Add one with `zenml tag add RUN TAG`.", err=True)


@tag.command(example="zenml tag add nightly release baseline")
@click.argument("run")
@click.argument("tags", nargs=-1, required=True)
@json_option
def add(run: str, tags: tuple[str, ...], *, as_json: bool) -> None:
    """Add TAGS to RUN."""
    _show(add_tags(open_store(), run, tags), as_json=as_json)


@tag.command(example="zenml tag remove nightly baseline")
@click.argument("run")
@click.argument("tags", nargs=-1, required=True)
@json_option
def remove(run: str, tags: tuple[str, ...], *, as_json: bool) -> None:
    """Remove TAGS from RUN; a tag that it does not have is no error."""
    _show(remove_tags(open_store(), run, tags), as_json=as_json)


def _show(run: RunView, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": run.id, "name": run.name, "tags": run.tags})
    else:
        click.echo(f"Tags of run `{run.name}`: {', '.join(run.tags) or 'none'}")
