"""`zenml tag`: tags of runs, versions of artifacts, and pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from zenml.cli.commands import Group, json_option, print_json, print_lines
from zenml.cli.completing import complete_tag, complete_tagged
from zenml.cli.tables import table, terminal_width
from zenml.client.client import Client
from zenml.client.stored_artifacts import find_artifact
from zenml.client.tagging import add_tags, remove_tags
from zenml.config.tag import Tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.views.artifact_view import ArtifactView
    from zenml.views.pipeline_view import PipelineView
    from zenml.views.run_view import RunView

    Kind = Literal["run", "artifact", "pipeline"]
    Tagged = RunView | ArtifactView | PipelineView


@click.group(cls=Group)
def tag() -> None:
    """Tag runs, artifacts and pipelines; find them with `zenml run list --tag TAG`."""


@tag.command("list", example="zenml tag list")
@json_option
def list_tags(*, as_json: bool) -> None:
    """List the tags, and how many runs, artifacts, pipelines, models and versions of models have each."""
    found = Client().list_tags()
    if as_json:
        print_json({"items": [msgspec.structs.asdict(one) for one in found]})
    elif found:
        rows = [tuple(map(str, msgspec.structs.astuple(one))) for one in found]
        headings = ("TAG", "RUNS", "ARTIFACTS", "PIPELINES", "MODELS", "VERSIONS")
        print_lines(table(headings, rows, width=terminal_width(), cut=(0,), right=(1, 2, 3, 4, 5)))
    else:
        click.echo("No tags yet. Add one with `zenml tag add RUN TAG`.", err=True)


def _of_any_kind(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the name of something with tags, and the flags that tell what it is."""
    for kind, text in (
        ("pipeline", "a pipeline"),
        ("artifact", "an artifact"),
        ("run", "a run, the default"),
    ):
        command = click.option(f"--{kind}", "kind", flag_value=kind, default=None, help=f"NAME is {text}.")(
            command
        )
    command = click.argument("tags", nargs=-1, required=True, shell_complete=complete_tag)(command)
    return click.argument("name", shell_complete=complete_tagged)(command)


@tag.command(example="zenml tag add nightly release baseline")
@_of_any_kind
@click.option("--color", help="A color, for those who draw the tag.")
@click.option("--exclusive", is_flag=True, help="Take it off the other runs or versions that have it.")
@click.option("--cascade", is_flag=True, help="On a run: it counts for the artifacts of the run too.")
@json_option
def add(
    name: str,
    tags: tuple[str, ...],
    kind: Kind | None,
    color: str | None,
    *,
    exclusive: bool,
    cascade: bool,
    as_json: bool,
) -> None:
    """Add TAGS to the run NAME, or to the artifact or pipeline NAME.

    An artifact is named as NAME (its newest version), NAME@VERSION, or by its id.
    """
    given: list[str | Tag] = [Tag(one, color, exclusive=exclusive, cascade=cascade) for one in tags]
    kind = kind or "run"
    found = _find(kind, name)
    add_tags(given, **_argument(kind, found))
    _show(kind, found, as_json=as_json)


@tag.command(example="zenml tag remove nightly baseline")
@_of_any_kind
@json_option
def remove(name: str, tags: tuple[str, ...], kind: Kind | None, *, as_json: bool) -> None:
    """Remove TAGS from the run NAME, or from the artifact or pipeline NAME.

    A tag that it does not have is no error.
    """
    kind = kind or "run"
    found = _find(kind, name)
    remove_tags(tags, **_argument(kind, found))
    _show(kind, found, as_json=as_json)


def _find(kind: Kind, name: str) -> Tagged:
    client = Client()
    if kind == "artifact":
        return find_artifact(client.store, name)
    return client.get_pipeline(name) if kind == "pipeline" else client.get_pipeline_run(name)


def _argument(kind: Kind, found: Tagged) -> dict[str, Any]:
    """Return what tells `add_tags` and `remove_tags` what is meant."""
    return {kind: str(found.id)}


def _show(kind: Kind, found: Tagged, *, as_json: bool) -> None:
    if as_json:
        print_json({"kind": kind, "id": found.id, "name": found.name, "tags": found.tags})
    else:
        click.echo(f"Tags of {kind} `{found.name}`: {', '.join(found.tags) or 'none'}")
