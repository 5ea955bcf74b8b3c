"""`zenml connect` and `zenml disconnect`: which store this folder uses, its own file or the one of a team."""

from __future__ import annotations

import os
import sys

import click

from zenml.cli.commands import Command, json_option, print_json
from zenml.store.address import VARIABLE, without_password
from zenml.store.team import connect_team, disconnect_team


@click.command(cls=Command, example="zenml connect postgresql://ada@db.example.org/pipelines")
@click.argument("address")
@click.option("--password-stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")
@json_option
def connect(*, address: str, from_stdin: bool, as_json: bool) -> None:
    """Use the store of a team: a PostgreSQL database, in which tables are made if there are none.

    Its address is kept for every later command and pipeline of this user. A password is kept in a
    file of its own that only you can read, unless it comes from PGPASSWORD or ~/.pgpass. Files of
    artifacts and logs stay in the store folder of each machine. JSON: {"store", "files"}.
    """
    password = sys.stdin.readline().rstrip("\n") if from_stdin else ""
    found = connect_team(address, password)
    if as_json:
        print_json({"store": found.path, "files": found.files})
        return
    click.echo(f"Connected to {found.path}. Runs are recorded there from now on.")
    click.echo(f"Files of artifacts and logs stay in {found.files}")
    _warn_of_variable()


@click.command(cls=Command, example="zenml disconnect")
@json_option
def disconnect(*, as_json: bool) -> None:
    """Use this machine's own store again; the team's keeps what it has. JSON: {"was"}."""
    was = disconnect_team()
    if as_json:
        print_json({"was": was})
        return
    click.echo(f"Disconnected from {was}." if was else "This store is connected to none.")
    _warn_of_variable()


def _warn_of_variable() -> None:
    chosen = os.environ.get(VARIABLE)
    if chosen:
        click.echo(
            f"The environment variable {VARIABLE} wins over this: {without_password(chosen)}", err=True
        )
