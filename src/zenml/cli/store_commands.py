"""`zenml store`: is everything that was recorded still there, and copies of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Group, json_option, print_json, print_lines
from zenml.cli.style import iso_time, painted, readable
from zenml.client.store_check import check_store
from zenml.records.ids import short
from zenml.reporting.reporter import count
from zenml.store.backup import back_up, read_backup, restore
from zenml.store.location import default_root
from zenml.store.opening import close_store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.client.store_check import DamagedArtifact, StoreCheck
    from zenml.store.backup import Backup


@click.group(cls=Group)
def store() -> None:
    """Check, back up and restore what is recorded."""


@store.command(example="zenml store check")
@json_option
def check(*, as_json: bool) -> None:
    """Read the whole store, and compare it with what was recorded.

    The database is asked whether it is whole, and every artifact is read and compared with its digest. Nothing is
    changed, and runs may go on. The status is 1 if something is damaged.
    """
    found = check_store(open_store(), progress=_telling(lambda done, of: f"{done:,} of {of:,} artifacts"))
    if as_json:
        print_json(_check_shape(found))
    else:
        print_lines(_check_lines(found))
    if not found.is_whole:
        click.get_current_context().exit(1)


@store.command(example="zenml store backup store-copy")
@click.argument("folder", type=click.Path())
@json_option
def backup(folder: str, *, as_json: bool) -> None:
    """Copy the whole store to a new FOLDER, while runs go on.

    The copy is a store of its own: records as they were at one moment, keys, artifacts and logs. `ZENML_CONFIG_PATH=FOLDER`
    looks at it, `zenml store restore FOLDER` puts it back.
    """
    made = back_up(open_store(), folder, progress=_telling(lambda size: f"{readable(size)} copied"))
    if as_json:
        print_json(_backup_shape(folder, made))
    else:
        print_lines([f"{count(made.files, 'file')}, {readable(made.size)}, are in {folder}"])


@store.command("restore", example="zenml store restore store-copy --yes")
@click.argument("folder", type=click.Path())
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def restore_backup(folder: str, *, yes: bool, as_json: bool) -> None:
    """Put the backup in FOLDER into the place of the active store.

    The store that was there is kept beside it under another name: nothing is deleted, and the backup stays as it is.
    """
    root = default_root()
    about = read_backup(folder)
    if not (yes or as_json):
        click.confirm(
            f"Put the backup of {iso_time(about.made_at)} into the place of {root}?", abort=True, err=True
        )
    close_store(root)
    aside = restore(root, folder, progress=_telling(lambda size: f"{readable(size)} copied"))
    if as_json:
        print_json({**_backup_shape(folder, about), "root": root, "kept": aside})
        return
    print_lines(
        [
            f"{root} is as it was at {iso_time(about.made_at)}.",
            *([f"What it was is in {aside}"] if aside else []),
        ]
    )


def _telling(text_of: Callable[..., str]) -> Callable[..., None]:
    """Return what tells on a terminal how far something is, in one line that is written again and again."""
    stream = sys.stderr
    is_terminal = stream.isatty()

    def tell(*numbers: int) -> None:
        if is_terminal:
            stream.write(f"\r\x1b[K{text_of(*numbers)}\r")
            stream.flush()

    return tell


def _check_lines(found: StoreCheck) -> list[str]:
    lines = [f"{painted('failed', '✗')} database: {problem}" for problem in found.database]
    if not lines:
        lines = [f"{painted('completed', '✓')} The database is whole."]
    for one in found.damaged:
        lines += [f"{painted('failed', '✗')} {_name_of(one)}: {one.problem}"]
    lines += [f"not looked at: {reason}" for reason in sorted(set(found.not_looked_at.values()))]
    if found.database:
        return [*lines, "", "Restore a backup: zenml store restore FOLDER"]
    looked = f"{count(found.artifacts, 'artifact')}, {readable(found.size)}"
    if not found.damaged:
        return [*lines, f"{painted('completed', '✓')} {looked}: all are what was written."]
    return [
        *lines,
        "",
        f"{len(found.damaged)} of {looked} damaged. What steps made is made again by the next run that needs it.",
    ]


def _name_of(one: DamagedArtifact) -> str:
    made = f" of step `{one.step}`, run {short(one.run_id)}" if one.run_id and one.step else ""
    return f"{one.artifact.name}@{one.artifact.version}{made}"


def _check_shape(found: StoreCheck) -> dict[str, Any]:
    return {
        "is_whole": found.is_whole,
        "database": list(found.database),
        "artifacts": found.artifacts,
        "size": found.size,
        "damaged": [
            {
                "id": one.artifact.id,
                "name": one.artifact.name,
                "version": one.artifact.version,
                "problem": one.problem,
                "run_id": one.run_id,
                "step": one.step,
            }
            for one in found.damaged
        ],
        "not_looked_at": found.not_looked_at,
    }


def _backup_shape(folder: str, backup: Backup) -> dict[str, Any]:
    return {
        "folder": os.path.abspath(folder),
        "made_at": iso_time(backup.made_at),
        "version": backup.version,
        "schema": backup.schema,
        "files": backup.files,
        "size": backup.size,
    }
