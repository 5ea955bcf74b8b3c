"""`zenml status`: the store, what it holds, and this installation."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, get_args

import click

from zenml import __version__
from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.style import readable
from zenml.cli.tables import table
from zenml.records.ids import short
from zenml.records.query import Condition, Query
from zenml.records.run import Pipeline, Run
from zenml.records.status import RunStatus
from zenml.records.waits import Wait
from zenml.reporting.reporter import count
from zenml.store import inspection
from zenml.store.migrations import SCHEMA_VERSION
from zenml.store.opening import open_store, read_durability

if TYPE_CHECKING:
    from zenml.store.database import Database
    from zenml.store.store import Store


@click.command(cls=Command, example="zenml status")
@json_option
def status(*, as_json: bool) -> None:
    """Show the store, the runs it holds by state, and this installation.

    Runs whose process has died are noticed and marked interrupted.
    """
    found = status_shape(open_store())
    if as_json:
        print_json(found)
    else:
        print_lines(_lines(found))


def status_shape(store: Database) -> dict[str, Any]:
    """Return the status for programs.

    store: path of its folder, team (the address of its database if that is one of a team), schema_version, durability, size in bytes of the database, artifacts, logs and of
    all; runs, their number by state; pipelines, their number; interrupted, names of the runs found dead just now;
    waits, of each paused run the run, name and question; version; python; executable.
    """
    dead = store.interrupt_dead_runs()
    sizes = {
        "database": inspection.database_size(store),
        "artifacts": _folder_size(store.artifact_root),
        "logs": _folder_size(f"{store.root}/logs"),
    }
    return {
        "store": {
            "path": store.root,
            "team": store.file.path if store.file.is_shared else None,
            "schema_version": SCHEMA_VERSION,
            "durability": "full" if read_durability() else "relaxed",
            "size": {**sizes, "total": sum(sizes.values())},
        },
        "runs": {state: _count(store, state) for state in get_args(RunStatus)},
        "pipelines": store.find(Pipeline, Query(size=1)).total,
        "interrupted": [run.name for run in store.select(Run, id=dead)] if dead else [],
        "waits": [
            {"run": run.name, "run_id": run.id, "name": wait.name, "question": wait.question}
            for run in store.select(Run, status="paused")
            for wait in store.select(Wait, run_id=run.id, status="open")
        ],
        "version": __version__,
        "python": sys.version.split()[0],
        "executable": sys.executable,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    store, sizes = found["store"], found["store"]["size"]
    parts = ", ".join(f"{name} {readable(sizes[name])}" for name in ("database", "artifacts", "logs"))
    counted = ", ".join(f"{number} {state}" for state, number in found["runs"].items() if number)
    total = sum(found["runs"].values())
    rows = [
        ("Store", store["team"] or store["path"]),
        *(
            [("Files", f"{store['path']} (artifacts and logs; the database is the team's)")]
            if store["team"]
            else []
        ),
        ("Size", f"{readable(sizes['total'])} ({parts})"),
        ("Schema", str(store["schema_version"])),
        ("Durability", store["durability"]),
        ("Pipelines", str(found["pipelines"])),
        ("Runs", f"{total}" + (f": {counted}" if counted else "")),
        ("Version", f"zenml-core {found['version']}, Python {found['python']} ({found['executable']})"),
    ]
    lines = table((), rows)
    lines += [""] if found["waits"] else []
    lines += [
        f"Run `{one['run']}` waits for an answer: {one['question']}  zenml run answer {short(one['run_id'])}"
        for one in found["waits"]
    ]
    dead = found["interrupted"]
    if dead:
        names = ", ".join(f"`{name}`" for name in dead)
        lines += [
            "",
            f"{count(len(dead), 'run')} found without a living process and marked interrupted: {names}",
        ]
    return lines


def _count(store: Store, state: str) -> int:
    return store.find(Run, Query((Condition("status", "equals", state),), size=1)).total


def _file_size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _folder_size(path: str) -> int:
    """Return the bytes of all files below a folder."""
    return sum(_file_size(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)
