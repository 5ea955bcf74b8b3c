"""`zenml flavor`: a package with a flavor of one's own, from a template."""

from __future__ import annotations

import os

import click

from zenml.cli.commands import Group, json_option, print_json
from zenml.cli.flavor_template import files_of
from zenml.components.kinds import INTERFACES, words


@click.group(cls=Group)
def flavor() -> None:
    """Write flavors: implementations of components that others can install."""


@flavor.command(example="zenml flavor new alerter sms")
@click.argument("kind", metavar="TYPE", type=click.Choice([kind.replace("_", "-") for kind in INTERFACES]))
@click.argument("name")
@click.option(
    "--folder", type=click.Path(file_okay=False), help="Where it is written; by default `NAME-TYPE`."
)
@json_option
def new(kind: str, name: str, folder: str | None, *, as_json: bool) -> None:
    """Write a package with the flavor NAME for components of TYPE.

    It has one module with the configuration, the class and its methods to be filled in, the entry point
    that announces it, and a test that runs the conformance check of the type.
    """
    if not name.replace("-", "_").isidentifier() or not name.isascii() or name != name.lower():
        raise click.UsageError(
            f"`{name}` is no name for a flavor: small letters, digits and `-`, a letter first."
        )
    kind = kind.replace("-", "_")
    root = folder or f"{name}-{kind.replace('_', '-')}"
    files = files_of(kind, name)
    taken = [path for path in files if os.path.exists(os.path.join(root, path))]
    if taken:
        raise click.UsageError(f"`{os.path.join(root, taken[0])}` is there already; nothing was written.")
    for path, text in files.items():
        whole = os.path.join(root, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(text)
    if as_json:
        print_json({"folder": os.path.abspath(root), "files": list(files)})
        return
    click.echo(f"Wrote the {words(kind)} flavor `{name}` into `{root}`:")
    for path in files:
        click.echo(f"  {path}")
    click.echo(f"Fill in its methods, then: pip install -e {root} && pytest {root}", err=True)
