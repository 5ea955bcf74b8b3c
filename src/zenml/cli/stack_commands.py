"""`zenml stack`: which components runs are made with, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Group, confirm, json_option, print_json, print_lines
from zenml.cli.component_lines import id_of, stack_lines, stack_shape
from zenml.cli.shapes import page_shape
from zenml.cli.tables import table, terminal_width
from zenml.client.client import Client
from zenml.components.kinds import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.views.stack_view import StackView

FLAGS = {
    "orchestrator": "-o",
    "artifact_store": "-a",
    "alerter": "-al",
    "experiment_tracker": "-e",
    "step_operator": "-s",
    "model_registry": "-r",
    "image_builder": "-i",
}
"""By type: the short option that names its component."""


@click.group(cls=Group)
def stack() -> None:
    """Put components together, and choose what runs are made with."""


def _component_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for kind, flag in reversed(FLAGS.items()):
        name = kind.replace("_", "-")
        option = click.option(flag, f"--{name}", kind, metavar="NAME", help=f"Its {words(kind)}.")
        command = option(command)
    return command


@stack.command(example="zenml stack register training --alerter team --set")
@click.argument("name")
@_component_options
@click.option("--set", "is_chosen", is_flag=True, help="Make it the active one.")
@json_option
def register(name: str, *, is_chosen: bool, as_json: bool, **components: str | None) -> None:
    """Register the stack NAME; what is left out of orchestrator and artifact store is the local one."""
    client = Client()
    view = client.create_stack(name, {kind: one for kind, one in components.items() if one is not None})
    if is_chosen:
        client.activate_stack(view.id)
    _show(view, "Registered", as_json=as_json)


@stack.command("list", example="zenml stack list")
@json_option
def list_stacks(*, as_json: bool) -> None:
    """List the stacks; a star marks the active one."""
    client = Client()
    found, active = client.list_stacks(), client.active_stack
    if as_json:
        print_json(page_shape(found, lambda one: stack_shape(one, is_active=one.id == active.id)))
        return
    rows = [
        (
            "*" if one.id == active.id else "",
            id_of(one),
            one.name,
            ", ".join(f"{words(kind)} {part.name}" for kind, part in one.components.items()),
        )
        for one in found
    ]
    print_lines(table(("", "ID", "NAME", "COMPONENTS"), rows, width=terminal_width(), cut=(2, 3)))


@stack.command(example="zenml stack describe")
@click.argument("name", required=False)
@json_option
def describe(name: str | None, *, as_json: bool) -> None:
    """Show the stack NAME, by default the active one."""
    client = Client()
    view = client.get_stack(name)
    is_active = view.id == client.active_stack.id
    if as_json:
        print_json(stack_shape(view, is_active=is_active))
    else:
        print_lines(stack_lines(view, is_active=is_active))


@stack.command("set", example="zenml stack set training")
@click.argument("name")
@click.option(
    "--global", "everywhere", is_flag=True, help="For this user on this machine, even in a repository."
)
@json_option
def set_stack(name: str, *, everywhere: bool, as_json: bool) -> None:
    """Make NAME the active stack: of the repository, if this folder lies in one."""
    client = Client()
    view = client.activate_stack(name, everywhere=everywhere)
    active = client.active_stack
    _show(view, "Active is", as_json=as_json)
    if active.id != view.id:
        click.echo(f"Here `{active.name}` stays active: the environment or the repository says so.", err=True)


@stack.command(example="zenml stack update training --alerter team")
@click.argument("name", required=False)
@_component_options
@click.option(
    "--remove",
    multiple=True,
    type=click.Choice([*FLAGS]),
    metavar="TYPE",
    help="Take its component of a type away.",
)
@click.option("--rename", metavar="NEW", help="Give it another name.")
@json_option
def update(
    name: str | None, remove: tuple[str, ...], rename: str | None, *, as_json: bool, **components: str | None
) -> None:
    """Change the stack NAME, by default the active one."""
    updates = {kind: one for kind, one in components.items() if one is not None} | dict.fromkeys(remove)
    if not updates and rename is None:
        raise click.UsageError("Nothing to change: name a component, or give `--remove` or `--rename`.")
    view = Client().update_stack(name, name=rename, component_updates=updates)
    _show(view, "Updated", as_json=as_json)


@stack.command(example="zenml stack copy default training-2")
@click.argument("source")
@click.argument("name")
@json_option
def copy(source: str, name: str, *, as_json: bool) -> None:
    """Register the stack NAME with the components of SOURCE."""
    _show(Client().copy_stack(source, name), "Registered", as_json=as_json)


@stack.command(example="zenml stack delete training --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(name: str, *, yes: bool, as_json: bool) -> None:
    """Delete the stack NAME; its components stay."""
    client = Client()
    view = client.get_stack(name)
    if not yes:
        confirm(f"Delete the stack `{view.name}`?")
    client.delete_stack(view.id)
    if as_json:
        print_json({"deleted": [view.id]})
    else:
        click.echo(f"Deleted the stack `{view.name}`.")


def _show(view: StackView, what: str, *, as_json: bool) -> None:
    is_active = view.id == Client().active_stack.id
    if as_json:
        print_json(stack_shape(view, is_active=is_active))
    else:
        parts = ", ".join(f"{words(kind)} `{one.name}`" for kind, one in view.components.items())
        click.echo(f"{what} the stack `{view.name}`: {parts}.")
