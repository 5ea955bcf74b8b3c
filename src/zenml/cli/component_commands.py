"""`zenml alerter`, `zenml artifact-store` …: one group of commands for each type of component.

All groups are made by one function: what they do is the same, and what differs is in the flavors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Group, confirm, json_option, print_json, print_lines
from zenml.cli.component_lines import (
    component_lines,
    component_shape,
    flavor_lines,
    flavor_shape,
    id_of,
    whole_flavor_shape,
)
from zenml.cli.shapes import page_shape
from zenml.cli.tables import table, terminal_width
from zenml.client.client import Client
from zenml.components.flavor import fields_of
from zenml.components.kinds import words, words_for_many
from zenml.config.settings import COMPONENT_TYPES
from zenml.errors import ZenMLError

if TYPE_CHECKING:
    from collections.abc import Iterable

EXAMPLES = {
    "orchestrator": ("background", "--flavor local --synchronous false", "--synchronous true"),
    "artifact_store": ("big-disk", "--flavor local --path /data/artifacts", "--path /data/more"),
    "alerter": (
        "team",
        "--flavor webhook --url https://hooks.example.com/runs",
        "--url https://example.com/new",
    ),
    "experiment_tracker": (
        "mlflow",
        "--flavor mlflow --tracking_uri https://mlflow.example.com",
        "--experiment_name churn",
    ),
    "step_operator": ("clean", "--flavor venv --requirements pandas==2.2.3", "--requirements pandas==2.3.3"),
    "model_registry": (
        "models",
        "--flavor mlflow --tracking_uri https://mlflow.example.com",
        "--rename main",
    ),
    "image_builder": ("docker", "--flavor docker", "--rename builder"),
}
"""By type: a name, what registers it, and what changes it."""
_ANY = {"ignore_unknown_options": True, "allow_interspersed_args": True}


def component_group(kind: str) -> Group:
    """Return the commands of one type of component."""
    command, (name, registers, changes) = kind.replace("_", "-"), EXAMPLES[kind]
    group = Group(
        command,
        help=f"Register and change {words_for_many(kind)}: what {COMPONENT_TYPES[kind]}.",
        short_help=f"What {COMPONENT_TYPES[kind]}.",
    )

    @group.command(
        context_settings=_ANY,
        example=f"zenml {command} register {name} {registers}",
        help=_register_help(kind),
    )
    @click.argument("name")
    @click.option("-f", "--flavor", required=True, help="The name of its flavor.")
    @json_option
    @click.argument("fields", nargs=-1, type=click.UNPROCESSED, metavar="[--FIELD VALUE]…")
    def register(name: str, flavor: str, fields: tuple[str, ...], *, as_json: bool) -> None:
        client = Client()
        known = {text.name for text in fields_of(client.get_flavor(kind, flavor).config)}
        view = client.create_stack_component(name, flavor, kind, read_fields(fields, known))
        _show(view, "Registered", as_json=as_json)
        if not as_json:
            click.echo(f"Use it in a stack: zenml stack register NAME --{command} {name}", err=True)

    @group.command("list", example=f"zenml {command} list", help=f"List the {words_for_many(kind)}.")
    @json_option
    def list_components(*, as_json: bool) -> None:
        client = Client()
        found, active = client.list_stack_components(kind), client.active_stack.components.get(kind)
        if as_json:
            print_json(page_shape(found, component_shape))
            return
        if not found.items:
            click.echo(f"No {words_for_many(kind)} yet. {_how(kind)}", err=True)
            return
        rows = [
            ("*" if active is not None and one.id == active.id else "", id_of(one), one.name, one.flavor)
            for one in found
        ]
        print_lines(table(("", "ID", "NAME", "FLAVOR"), rows, width=terminal_width(), cut=(2, 3)))

    @group.command(
        example=f"zenml {command} describe {name}",
        help=f"Show the {words(kind)} NAME, by default that of the active stack.",
    )
    @click.argument("name", required=False)
    @json_option
    def describe(name: str | None, *, as_json: bool) -> None:
        view = Client().get_stack_component(kind, name)
        if as_json:
            print_json(component_shape(view))
        else:
            print_lines(component_lines(view))

    _add_flavors(group, kind)
    _add_changes(group, kind, name, changes)
    return group


def _add_flavors(group: Group, kind: str) -> None:
    """Add the command that tells of flavors."""
    command = kind.replace("_", "-")

    @group.command(
        example=f"zenml {command} flavors",
        help=f"List the flavors of {words_for_many(kind)}, or show what FLAVOR needs and what is configured of it.",
    )
    @click.argument("flavor", required=False)
    @json_option
    def flavors(flavor: str | None, *, as_json: bool) -> None:
        client = Client()
        if flavor is not None:
            found = client.get_flavor(kind, flavor)
            print_json(whole_flavor_shape(found)) if as_json else print_lines(flavor_lines(found))
            return
        loaded = []
        for name in client.list_flavors(kind):
            try:
                loaded.append(client.get_flavor(kind, name))
            except ZenMLError as error:  # of another package; the others can be used
                click.echo(f"Left out: {error}", err=True)
        if as_json:
            print_json({"flavors": [flavor_shape(one) for one in loaded]})
            return
        rows = [(one.name, one.docs.partition("\n")[0], one.install or "") for one in loaded]
        print_lines(table(("FLAVOR", "WHAT", "INSTALL"), rows, width=terminal_width(), cut=(1,)))


def _add_changes(group: Group, kind: str, name: str, changes: str) -> None:
    """Add the commands that change and delete components of one type."""
    command = kind.replace("_", "-")

    @group.command(
        context_settings=_ANY,
        example=f"zenml {command} update {name} {changes}",
        help=f"Change fields of the configuration of NAME.\n\n{_FIELDS}",
    )
    @click.argument("name")
    @click.option("--rename", metavar="NEW", help="Give it another name.")
    @click.option("--remove", multiple=True, metavar="FIELD", help="Take a field away.")
    @json_option
    @click.argument("fields", nargs=-1, type=click.UNPROCESSED, metavar="[--FIELD VALUE]…")
    def update(
        name: str, rename: str | None, remove: tuple[str, ...], fields: tuple[str, ...], *, as_json: bool
    ) -> None:
        client = Client()
        view = client.get_stack_component(kind, name)
        known = {text.name for text in fields_of(view.load_flavor().config)}
        given = read_fields(fields, known)
        if not given and not remove and rename is None:
            raise click.UsageError(f"Nothing to change. Fields of flavor `{view.flavor}`: {_listed(known)}.")
        view = client.update_stack_component(view.id, kind, name=rename, configuration=given, remove=remove)
        _show(view, "Updated", as_json=as_json)

    @group.command(
        example=f"zenml {command} delete {name} --yes",
        help="Delete NAME, which no stack may be made of, with the secret that was made for it.",
    )
    @click.argument("name")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @json_option
    def delete(name: str, *, yes: bool, as_json: bool) -> None:
        client = Client()
        view = client.get_stack_component(kind, name)
        if not yes:
            confirm(f"Delete the {words(kind)} `{view.name}`?")
        client.delete_stack_component(view.id, kind)
        if as_json:
            print_json({"deleted": [view.id]})
        else:
            click.echo(f"Deleted the {words(kind)} `{view.name}`.")


def read_fields(given: Iterable[str], known: Iterable[str]) -> dict[str, Any]:
    """Return fields of a configuration from what follows on a command line: `--field value` or `--field=value`."""
    found: dict[str, Any] = {}
    rest = list(given)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise click.UsageError(f"`{word}` follows no field. Fields are given as `--field value`.")
        name, equals, value = word[2:].partition("=")
        field = name.replace("-", "_")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise click.UsageError(f"`{word}` needs a value. Known fields: {_listed(known)}.")
            value = rest.pop(0)
        if field in found:
            raise click.UsageError(f"`{word}` is given twice; several values are divided by commas.")
        found[field] = value
    return found


_FIELDS = (
    "Fields are given as `--field value` or `--field=value`, lists divided by commas, mappings as JSON. A text may"
    " hold references to secrets, `{{secret.key}}`; what is given in clear for a secret field is kept encrypted."
)


def _register_help(kind: str) -> str:
    return (
        f"Register the {words(kind)} NAME.\n\n{_FIELDS} `zenml {kind.replace('_', '-')} flavors FLAVOR` shows the fields"
        " of a flavor."
    )


def _how(kind: str) -> str:
    command = kind.replace("_", "-")
    return f"Register one with `zenml {command} register NAME --flavor FLAVOR`; `zenml {command} flavors` lists flavors."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


def _show(view: Any, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(component_shape(view))
    else:
        click.echo(f"{what} the {words(view.type)} `{view.name}` of flavor `{view.flavor}`.")


orchestrator = component_group("orchestrator")
artifact_store = component_group("artifact_store")
alerter = component_group("alerter")
experiment_tracker = component_group("experiment_tracker")
step_operator = component_group("step_operator")
model_registry = component_group("model_registry")
image_builder = component_group("image_builder")
