"""`zenml version`."""

from __future__ import annotations

import sys

import click

from zenml import __version__
from zenml.cli.commands import Command, json_option, print_json


@click.command(cls=Command, example="zenml version --json")
@json_option
def version(*, as_json: bool) -> None:
    """Show the version.

    JSON: {"version", "python"}.
    """
    python = sys.version.split()[0]
    if as_json:
        print_json({"version": __version__, "python": python})
    else:
        click.echo(f"zenml-core {__version__} (Python {python})")
