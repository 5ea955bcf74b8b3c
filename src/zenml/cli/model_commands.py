"""`zenml model`: looking at models and their versions, promoting, comparing and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Group, json_option, print_json, print_lines
from zenml.cli.completing import complete_model, complete_model_version
from zenml.cli.model_compare_command import compare
from zenml.cli.run_list import paged, say_page
from zenml.cli.shapes import model_shape, model_version_shape, model_version_shapes, page_shape, run_shape
from zenml.cli.style import iso_time, local_time
from zenml.cli.tables import table, terminal_width
from zenml.client.client import Client
from zenml.config.model import ABOUT
from zenml.records.ids import short
from zenml.records.models import STAGES
from zenml.views.noted import tags_of_each
from zenml.views.registering import METADATA

if TYPE_CHECKING:
    from zenml.store.models import ModelSummary
    from zenml.store.store import Store
    from zenml.views.model_view import ModelVersionView, ModelView
    from zenml.views.noted import TagName


@click.group(cls=Group)
def model() -> None:
    """Look at models and their versions, promote and compare them.

    A version is named by its number, its name, its stage, or as `latest`.
    """


@model.command("list", example="zenml model list")
@click.option("--name", help="Of this name; also contains:TEXT, startswith:TEXT.")
@click.option("--tag", help="With this tag.")
@paged("desc:created")
@json_option
def list_models(name: str | None, tag: str | None, *, as_json: bool, **chosen: Any) -> None:
    """List models, the newest first."""
    filters = {"name": name} if name is not None else {}
    client = Client()
    found = client.list_models(chosen["sort"], chosen["page"], chosen["size"], tag=tag, **filters)
    ids = [one.id for one in found.items]
    tags = tags_of_each(client.store, "model", ids)
    if as_json:
        print_json(page_shape(found, lambda one: model_shape(one, tags[one.id])))
        return
    summaries = client.store.models.summaries(ids)
    rows = [_model_cells(one, summaries[one.id], tags[one.id]) for one in found.items if one.id in summaries]
    headings = ("NAME", "VERSIONS", "NEWEST", "PRODUCTION", "TAGS", "CREATED")
    if rows:
        print_lines(table(headings, rows, width=terminal_width(), cut=(0, 4), right=(1,)))
    elif not found.total:
        text = "No models fit." if filters or tag else "No models yet. Give a pipeline a `model=Model(…)`."
        click.echo(text, err=True)
    say_page(found, "model")


@model.command(example="zenml model show churn")
@click.argument("model", shell_complete=complete_model)
@json_option
def show(model: str, *, as_json: bool) -> None:
    """Show MODEL: what is said of it, and its versions."""
    client = Client()
    view = client.get_model(model)
    if as_json:
        print_json({**model_shape(view), "versions": model_version_shapes(view.versions, client.store)})
        return
    rows = [("Model", view.name), ("Id", f"{short(view.id)} ({view.id})")]
    rows += [("Created", local_time(view.record.created_at))]
    if view.tags:
        rows.append(("Tags", ", ".join(view.tags)))
    rows += [
        (word.replace("_", " ").capitalize(), view.record.about[word])
        for word in ABOUT
        if word in view.record.about
    ]
    print_lines(table((), rows))
    if versions := view.versions:
        print_lines(["", *_version_lines(versions, client.store)])


@model.command(example="zenml model delete churn --yes")
@click.argument("model", shell_complete=complete_model)
@click.option("--version", help="Only this version.", shell_complete=complete_model_version)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(model: str, version: str | None, *, yes: bool, as_json: bool) -> None:
    """Delete MODEL with its versions, or one of them; runs and artifacts stay."""
    client = Client()
    view = client.get_model(model)
    doomed = view.versions if version is None else [view.get_version(version)]
    what = f"model `{view.name}`" if version is None else f"version `{doomed[0].name}` of model `{view.name}`"
    if not yes:
        click.confirm(f"Delete {what}?", abort=True, err=True)
    if version is None:
        client.delete_model(view.id)
    else:
        client.delete_model_version(view.name, doomed[0].number)
    if as_json:
        print_json({"model": view.name, "deleted": [one.number for one in doomed]})
    else:
        click.echo(f"Deleted {what}.")


@model.command(example="zenml model promote churn latest staging")
@click.argument("model", shell_complete=complete_model)
@click.argument("version", shell_complete=complete_model_version)
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--force", is_flag=True, help="Archive the version that is in the stage.")
@json_option
def promote(model: str, version: str, stage: str, *, force: bool, as_json: bool) -> None:
    """Put VERSION of MODEL into STAGE; one version is in staging, and one in production."""
    client = Client()
    view = client.get_model_version(model, version)
    before = view.stage
    view.set_stage(stage, force=force)  # type: ignore[arg-type]  # click has checked it
    if as_json:
        print_json(model_version_shape(view))
    else:
        click.echo(f"Version `{view.name}` of model `{view.record.model_name}`: {before} → {stage}.")


@model.command(example="zenml model register churn latest")
@click.argument("model", shell_complete=complete_model)
@click.argument("version", default="latest", shell_complete=complete_model_version)
@json_option
def register(model: str, version: str, *, as_json: bool) -> None:
    """Put VERSION of MODEL into the model registry of the active stack, or bring it up to date there."""
    view = Client().register_model_version(model, version)
    said = view.run_metadata[METADATA]
    if as_json:
        print_json({**model_version_shape(view), "registered": said})
    else:
        click.echo(
            f"Version `{view.name}` of model `{view.record.model_name}` is in `{said['registry']}`: "
            f"{said['uri'] or said['version']}"
        )


model.add_command(compare)


@model.group("version", cls=Group)
def model_version() -> None:
    """Look at versions of models."""


@model_version.command("list", example="zenml model version list churn")
@click.argument("model", required=False, shell_complete=complete_model)
@click.option("--stage", type=click.Choice(STAGES), help="In this stage.")
@click.option("--tag", help="With this tag.")
@paged("desc:created")
@json_option
def list_versions(
    model: str | None, stage: str | None, tag: str | None, *, as_json: bool, **chosen: Any
) -> None:
    """List the versions of MODEL, or of all models, the newest first."""
    filters = {"stage": stage} if stage is not None else {}
    client = Client()
    found = client.list_model_versions(
        model, chosen["sort"], chosen["page"], chosen["size"], tag=tag, **filters
    )
    if as_json:
        shapes = model_version_shapes(found.items, client.store)
        print_json(page_shape(msgspec.structs.replace(found, items=shapes), lambda shape: shape))
        return
    if found.items:
        print_lines(_version_lines(found.items, client.store))
    elif not found.total:
        click.echo("No versions fit." if filters or tag or model else "No models yet.", err=True)
    say_page(found, "version")


@model_version.command("show", example="zenml model version show churn latest")
@click.argument("model", shell_complete=complete_model)
@click.argument("version", default="latest", shell_complete=complete_model_version)
@json_option
def show_version(model: str, version: str, *, as_json: bool) -> None:
    """Show VERSION of MODEL: metrics, artifacts, runs, the stages it was in."""
    view = Client().get_model_version(model, version)
    if as_json:
        print_json(_whole_version_shape(view))
        return
    rows = [
        ("Model", view.record.model_name),
        ("Version", view.name if view.name == str(view.number) else f"{view.name} (number {view.number})"),
        ("Id", f"{short(view.id)} ({view.id})"),
        ("Stage", view.stage),
        ("Created", local_time(view.record.created_at)),
    ]
    if view.description:
        rows.append(("Description", view.description))
    if view.tags:
        rows.append(("Tags", ", ".join(view.tags)))
    rows += _listed("Metrics", [f"{name} = {value}" for name, value in view.run_metadata.items()])
    rows += _listed(
        "Artifacts",
        [f"{one.name}, version {one.version} ({short(one.id)})" for one in view.artifacts.values()],
    )
    rows += _listed("Runs", [f"{run.name} ({short(run.id)}), {run.record.status}" for run in view.runs])
    rows += _listed(
        "Stages",
        [
            f"{change.stage} since {local_time(change.created_at)}, by {change.changed_by}"
            for change in view.stage_history
        ],
    )
    print_lines(table((), rows))


def _listed(title: str, texts: list[str]) -> list[tuple[str, str]]:
    return [("" if number else title, text) for number, text in enumerate(texts)]


def _model_cells(view: ModelView, said: ModelSummary, tags: list[TagName]) -> tuple[str, ...]:
    created = local_time(view.record.created_at)
    return (
        view.name,
        str(said.versions),
        said.newest or "-",
        said.production or "-",
        ", ".join(tags),
        created,
    )


def _version_lines(versions: list[ModelVersionView], store: Store) -> list[str]:
    tags = tags_of_each(store, "model_version", [one.id for one in versions])
    rows = [
        (
            one.record.model_name,
            str(one.number),
            one.name,
            one.stage,
            ", ".join(tags[one.id]),
            local_time(one.record.created_at),
        )
        for one in versions
    ]
    headings = ("MODEL", "NUMBER", "NAME", "STAGE", "TAGS", "CREATED")
    return table(headings, rows, width=terminal_width(), cut=(0, 2, 4), right=(1,))


def _whole_version_shape(view: ModelVersionView) -> dict[str, Any]:
    """Return a version with what belongs to it: the keys of `model_version_shape`, and lists.

    artifacts: each name, artifact_id, version, type, kind; runs, each as in `run_shape`; stages: each
    stage, changed_by, changed_at.
    """
    return {
        **model_version_shape(view),
        "artifacts": [
            {
                "name": one.name,
                "artifact_id": one.id,
                "version": one.version,
                "type": one.data_type,
                "kind": one.type,
            }
            for one in view.artifacts.values()
        ],
        "runs": [run_shape(run) for run in view.runs],
        "stages": [
            {
                "stage": change.stage,
                "changed_by": change.changed_by,
                "changed_at": iso_time(change.created_at),
            }
            for change in view.stage_history
        ],
    }
