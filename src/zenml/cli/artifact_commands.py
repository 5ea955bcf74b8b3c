"""`zenml artifact`: looking at artifacts, loading, exporting and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Group, confirm, json_option, print_json, print_lines, usage_errors
from zenml.cli.completing import complete_artifact, complete_file
from zenml.cli.run_list import paged, say_page, tag_option
from zenml.cli.shapes import page_shape
from zenml.cli.style import iso_time, local_time, readable
from zenml.cli.tables import shorten, table, terminal_width
from zenml.client import stored_artifacts as found_artifacts
from zenml.client.client import Client
from zenml.records.ids import short
from zenml.records.query import Condition, Query
from zenml.records.run import Artifact
from zenml.store.opening import open_store
from zenml.views.exporting import export_artifact

if TYPE_CHECKING:
    from zenml.views.artifact_view import ArtifactView

HEADINGS = ("ID", "NAME", "VERSION", "TYPE", "SIZE", "CREATED")


@click.group(cls=Group)
def artifact() -> None:
    """Look at artifacts, load and export them.

    An artifact is named as NAME (its newest version), NAME@VERSION, or by its id.
    """


@artifact.command("list", example="zenml artifact list --name contains:train --size 5")
@click.option("--name", help="Of this name; also contains:TEXT, startswith:TEXT (case counts).")
@click.option("--type", "kind", help="Of this type; also contains:TEXT.")
@tag_option
@paged("desc:created")
@json_option
def list_artifacts(
    name: str | None, kind: str | None, tags: tuple[str, ...], *, as_json: bool, **chosen: Any
) -> None:
    """List versions of artifacts, the newest first."""
    client = Client()
    filters = {field: value for field, value in (("name", name), ("type", kind)) if value is not None}
    with usage_errors():
        found = client.list_artifact_versions(
            chosen["sort"], chosen["page"], chosen["size"], tags=tags, **filters
        )
    if as_json:
        print_json(page_shape(found, artifact_shape))
        return
    rows = [_cells(one) for one in found.items]
    if rows:
        print_lines(table(HEADINGS, rows, width=terminal_width(), cut=(1, 3), right=(2, 4)))
    elif not found.total:
        click.echo("No artifacts fit." if filters or tags else "No artifacts yet.", err=True)
    say_page(found, "artifact")


@artifact.command(example="zenml artifact show train_pipeline::train::output@1")
@click.argument("artifact", shell_complete=complete_artifact)
@json_option
def show(artifact: str, *, as_json: bool) -> None:
    """Show a version of ARTIFACT: who made it, who uses it, where its bytes are."""
    store = open_store()
    view = found_artifacts.find_artifact(store, artifact)
    used = found_artifacts.uses(store, view)
    same_name = Query((Condition("name", "equals", view.name),), size=20, needs_total=False)
    versions = store.find(Artifact, same_name).items
    if as_json:
        shape = {
            **artifact_shape(view),
            "tags": view.tags,
            "metadata": view.run_metadata,
            "uses": [
                {"kind": one.kind, "run": one.run, "run_id": one.run_id, "what": one.what} for one in used
            ],
            "versions": [one.version for one in versions],
        }
        print_json(shape)
        return
    rows = [
        ("Artifact", f"{view.name}, version {view.version}"),
        ("Id", f"{short(view.id)} ({view.id})"),
        ("Type", f"{view.data_type}, stored by {view.materializer}"),
        ("Size", f"{readable(view.size)} in {max(1, len(view.record.files))} file(s)"),
        ("Digest", shorten(view.digest, 32)),
        ("Created", local_time(view.record.created_at)),
        ("Where", view.uri),
        ("Versions", ", ".join(str(one.version) for one in versions)),
        *(("" if number else "Used", one.text) for number, one in enumerate(used)),
    ]
    if view.tags:
        rows.append(("Tags", ", ".join(view.tags)))
    rows += [
        ("" if number else "Metadata", f"{key} = {value}")
        for number, (key, value) in enumerate(view.run_metadata.items())
    ]
    print_lines(table((), rows, width=terminal_width(), cut=(1,)))


@artifact.command(example="zenml artifact load train_pipeline::train::output")
@click.argument("artifact", shell_complete=complete_artifact)
@json_option
def load(artifact: str, *, as_json: bool) -> None:
    """Load ARTIFACT and print the value as Python shows it."""
    view = found_artifacts.find_artifact(open_store(), artifact)
    value = view.load()
    if as_json:
        print_json({**artifact_shape(view), "repr": repr(value)})
    else:
        click.echo(repr(value))


@artifact.command(example="zenml artifact preview train_pipeline::train::output --lines 5")
@click.argument("artifact", shell_complete=complete_artifact)
@click.option("--lines", type=click.IntRange(1), default=20, show_default=True, help="How many to print.")
@json_option
def preview(artifact: str, lines: int, *, as_json: bool) -> None:
    """Print the first lines of ARTIFACT: rows of a frame, lines of a text.

    Nothing is loaded for it: what is shown was noted when the value was stored.
    """
    view = found_artifacts.find_artifact(open_store(), artifact)
    whole = view.preview().splitlines()
    left = len(whole) - lines
    found = [*whole[:lines], f"… {left} more lines"] if left > 0 else whole
    if as_json:
        print_json({**artifact_shape(view), "lines": found})
    else:
        print_lines(found)


@artifact.command(example="zenml artifact export train_pipeline::train::output score.json")
@click.argument("artifact", shell_complete=complete_artifact)
@click.argument("target", shell_complete=complete_file)
@json_option
def export(artifact: str, target: str, *, as_json: bool) -> None:
    """Write the files of ARTIFACT to TARGET.

    A small value becomes one file, with a fitting extension if TARGET has none. Nothing is written
    over.
    """
    store = open_store()
    view = found_artifacts.find_artifact(store, artifact)
    files = export_artifact(view, store, target)
    if as_json:
        print_json({**artifact_shape(view), "files": files})
    else:
        print_lines(files)


@artifact.command(example="zenml artifact delete train_pipeline::train::output@1 --yes")
@click.argument("artifact", shell_complete=complete_artifact)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(artifact: str, *, yes: bool, as_json: bool) -> None:
    """Delete a version of ARTIFACT that nothing uses."""
    store = open_store()
    view = found_artifacts.find_artifact(store, artifact)
    if not yes:
        confirm(f"Delete `{view.name}` version {view.version}?")
    freed = found_artifacts.delete_artifact(store, view)
    if as_json:
        print_json({**artifact_shape(view), "freed": freed})
    else:
        click.echo(f"Deleted `{view.name}` version {view.version}: {readable(freed)}.")


def artifact_shape(view: ArtifactView) -> dict[str, Any]:
    """Return a version: id, name, version, type, materializer, size, digest, uri, created_at."""
    return {
        "id": view.id,
        "name": view.name,
        "version": view.version,
        "type": view.data_type,
        "materializer": view.materializer,
        "size": view.size,
        "digest": view.digest,
        "uri": view.uri,
        "created_at": iso_time(view.record.created_at),
    }


def _cells(view: ArtifactView) -> tuple[str, ...]:
    record = view.record
    return (
        short(view.id),
        view.name,
        str(view.version),
        view.data_type,
        readable(view.size),
        local_time(record.created_at),
    )
