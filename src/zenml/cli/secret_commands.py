"""`zenml secret`: values that steps need and nobody should read by the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Group, json_option, print_json, print_lines
from zenml.cli.secret_values import read_file, read_text
from zenml.cli.shapes import page_shape
from zenml.cli.style import iso_time, local_time
from zenml.cli.tables import table
from zenml.client.client import Client
from zenml.records.ids import short

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.client.secrets import SecretView

HIDDEN = "***"


@click.group(cls=Group)
def secret() -> None:
    """Keep values for steps that ask for them with `secrets=["NAME"]`."""


def _value_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where values come from."""
    for option in (
        click.option(
            "--stdin", "from_stdin", is_flag=True, help="Read .env or JSON text from standard input."
        ),
        click.option(
            "--from-file",
            type=click.Path(exists=True, dir_okay=False),
            metavar="FILE",
            help="Read a .env, JSON or YAML file.",
        ),
        click.option(
            "--value",
            "pairs",
            multiple=True,
            metavar="KEY=VALUE",
            help="A value in clear text; it stays in the history of the shell.",
        ),
    ):
        command = option(command)
    return command


@secret.command(example="zenml secret create aws --from-file aws.env")
@click.argument("name")
@_value_options
@json_option
def create(
    name: str, pairs: tuple[str, ...], from_file: str | None, *, from_stdin: bool, as_json: bool
) -> None:
    """Create the secret NAME; without options, keys and values are asked for."""
    values = _given(pairs, from_file, from_stdin=from_stdin)
    if not values:
        values = _asked()
    if not values:
        raise click.UsageError(f"Secret `{name}` would be empty: give it a value.")
    view = Client().create_secret(name, values)
    _show(view, "Created", as_json=as_json)


@secret.command("list", example="zenml secret list")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Which page.")
@click.option("--size", type=click.IntRange(1), default=20, show_default=True, help="Secrets on a page.")
@json_option
def list_secrets(page: int, size: int, *, as_json: bool) -> None:
    """List the names of the secrets; needs no key."""
    found = Client().list_secrets(page=page, size=size)
    if as_json:
        print_json(page_shape(found, secret_shape))
    elif found.items:
        rows = [(short(one.id), one.name, local_time(one.record.updated_at)) for one in found.items]
        print_lines(table(("ID", "NAME", "UPDATED"), rows))
    else:
        click.echo("No secrets yet. Create one with `zenml secret create NAME`.", err=True)


@secret.command(example="zenml secret get api_keys")
@click.argument("name")
@click.option("--reveal", is_flag=True, help="Print the values themselves.")
@json_option
def get(name: str, *, reveal: bool, as_json: bool) -> None:
    """Print the keys of NAME, and with --reveal the values."""
    view = Client().get_secret(name)
    values = {key: value if reveal else HIDDEN for key, value in view.secret_values.items()}
    if as_json:
        print_json({**secret_shape(view), "values": values})
    else:
        print_lines([f"{key}={value}" for key, value in values.items()])


@secret.command(example="zenml secret update api_keys --from-file aws.env --remove OLD_TOKEN")
@click.argument("name")
@_value_options
@click.option("--remove", multiple=True, metavar="KEY", help="Take a key away.")
@click.option("--rename", metavar="NEW", help="Give it another name.")
@json_option
def update(
    name: str,
    pairs: tuple[str, ...],
    from_file: str | None,
    remove: tuple[str, ...],
    rename: str | None,
    *,
    from_stdin: bool,
    as_json: bool,
) -> None:
    """Add, replace or take away values of NAME; without options, keys and values are asked for."""
    client = Client()
    view = client.get_secret(name)
    values = _given(pairs, from_file, from_stdin=from_stdin)
    if not values and not remove and rename is None:
        values = _asked()
    view = client.update_secret(view.id, values, remove_values=remove, new_name=rename)
    _show(view, "Updated", as_json=as_json)


@secret.command(example="zenml secret delete api_keys --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(name: str, *, yes: bool, as_json: bool) -> None:
    """Delete NAME; steps that ask for it no longer start."""
    client = Client()
    view = client.get_secret(name)
    if not yes:
        click.confirm(f"Delete secret `{view.name}`?", abort=True, err=True)
    client.delete_secret(view.id)
    if as_json:
        print_json({"deleted": [view.id]})
    else:
        click.echo(f"Deleted secret `{view.name}`.")


@secret.command("rotate-key", example="zenml secret rotate-key")
@json_option
def rotate_key(*, as_json: bool) -> None:
    """Encrypt all secrets with a new key.

    The key is the first of ZENML_SECRETS_KEY where that is set, else a new one in the key file of the
    store. Cached results stay valid.
    """
    count = Client().store.secrets.rotate_key()
    if as_json:
        print_json({"secrets": count})
    else:
        click.echo(f"Encrypted {count} secret{'' if count == 1 else 's'} with a new key.")


def secret_shape(view: SecretView) -> dict[str, Any]:
    """Return a secret without its values: id, name, created_at, updated_at."""
    return {
        "id": view.id,
        "name": view.name,
        "created_at": iso_time(view.record.created_at),
        "updated_at": iso_time(view.record.updated_at),
    }


def _show(view: SecretView, what: str, *, as_json: bool) -> None:
    keys = list(view.secret_values)
    if as_json:
        print_json({**secret_shape(view), "keys": keys})
    else:
        click.echo(
            f"{what} secret `{view.name}` with {', '.join(f'`{key}`' for key in keys) or 'no values'}."
        )


def _given(pairs: tuple[str, ...], from_file: str | None, *, from_stdin: bool) -> dict[str, str]:
    """Return the values that the options give; those of `--value` win."""
    found: dict[str, str] = {}
    if from_file is not None:
        found |= read_file(from_file)
    if from_stdin:
        found |= read_text(sys.stdin.read(), "standard input")
    if pairs:
        click.echo(
            "Note: values of --value stay in the history of the shell, and other users may see them in the "
            "list of processes. Prefer --stdin, --from-file, or no option at all.",
            err=True,
        )
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            # Without the text, which may be the value.
            raise click.UsageError("--value takes KEY=VALUE; one was given without a key or without `=`.")
        found[key] = value
    return found


def _asked() -> dict[str, str]:
    """Ask for keys and values; values are not shown."""
    found: dict[str, str] = {}
    while key := click.prompt("Key (empty to end)", default="", show_default=False, err=True).strip():
        found[key] = click.prompt(f"Value of {key}", hide_input=True, err=True)
    return found
