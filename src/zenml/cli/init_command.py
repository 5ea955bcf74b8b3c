"""`zenml init`: a folder becomes a repository, which has an active stack of its own."""

from __future__ import annotations

import os

import click

from zenml.cli.commands import Command, json_option, print_json
from zenml.client.client import Client
from zenml.components.active_stack import REPOSITORY_FOLDER, pin


@click.command(cls=Command, example="zenml init --stack default")
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--stack", metavar="NAME", help="The stack that is active in it.")
@json_option
def init(folder: str, stack: str | None, *, as_json: bool) -> None:
    """Make FOLDER a repository: runs that begin in it, or below it, have the stack that it pins.

    Nothing needs this. What is noted is in `.zen/config.json`, which can be committed.
    """
    name = None if stack is None else Client().get_stack(stack).name
    path = os.path.abspath(folder)
    pin(path, name)
    if as_json:
        print_json({"folder": path, "active_stack": name})
    else:
        pinned = f" with the stack `{name}`" if name else "; `zenml stack set NAME` pins a stack to it"
        click.echo(f"`{os.path.join(path, REPOSITORY_FOLDER)}` makes this folder a repository{pinned}.")
