"""`zenml gc`: removing what nothing refers to any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.completing import complete_artifact
from zenml.cli.moments import read_age, read_size
from zenml.cli.style import readable
from zenml.client.garbage import YOUNG, Retention, collect, find_garbage
from zenml.client.stored_artifacts import find_artifact, uses
from zenml.records.ids import short
from zenml.reporting.reporter import count
from zenml.store.opening import open_store
from zenml.store.removal import delete_runs, delete_ticks, old_ticks

if TYPE_CHECKING:
    from zenml.client.garbage import Garbage


@click.command(cls=Command, example="zenml gc --dry-run --older-than 30d --keep-last 10")
@click.option("--dry-run", is_flag=True, help="Print what would go; remove nothing.")
@click.option(
    "--keep-last", type=click.IntRange(0), metavar="N", help="Delete runs beyond the newest N of a pipeline."
)
@click.option(
    "--older-than", callback=read_age, metavar="AGE", help="Delete runs that ended longer ago: 30d, 12h, 2w."
)
@click.option(
    "--max-size",
    callback=read_size,
    metavar="SIZE",
    help="Delete the oldest runs until artifacts and logs take no more: 50GB.",
)
@click.option(
    "--why", metavar="ARTIFACT", shell_complete=complete_artifact, help="Only say why an artifact is kept."
)
@json_option
def gc(
    keep_last: int | None,
    older_than: float | None,
    max_size: int | None,
    why: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove what nothing refers to any more.

    Artifacts without a run, step, output or tag, files without an artifact, logs of deleted runs,
    plans and sources that no run names. What `save_artifact` stored outside of steps stays. With `--keep-last` and `--older-than`, runs beyond both
    limits go first; with `--max-size` only as many of them, or of all runs, as it takes. Runs that have not ended stay, with those that
    they replay, and so do the runs of a model version in staging or production. Children go with their run. With `--older-than`, the
    ledgers of schedules forget what is as old and has no run. Safe beside running pipelines.
    """
    store = open_store()
    if why is not None:
        _explain(why, as_json=as_json)
        return
    retention = Retention(keep_last, older_than, max_size)
    runs, before = tuple(retention.runs_to_delete(store)), retention.ticks_before
    gone = [run.id for run in runs]
    if dry_run:
        ticks = 0 if before is None else old_ticks(store, before, gone)
        found = find_garbage(store, without_runs=gone)
    else:
        delete_runs(store, gone)
        ticks = 0 if before is None else delete_ticks(store, before)
        found = collect(store, find_garbage(store))
    found = msgspec.structs.replace(found, runs=runs, ticks=ticks)
    if as_json:
        print_json(garbage_shape(found, is_dry_run=dry_run))
    else:
        print_lines(_lines(found, is_dry_run=dry_run))


def garbage_shape(found: Garbage, *, is_dry_run: bool) -> dict[str, Any]:
    """Return garbage for programs.

    dry_run; size, all bytes; runs, each id and name; ticks, how many times of schedules; artifacts, each id, name, version and size;
    folders, staging, drafts, logs and documents, bytes by name; elsewhere, by name of a registered
    artifact store, folders and staging; not_reached, why a store could not be asked, by its name.
    """
    return {
        "dry_run": is_dry_run,
        "size": found.size,
        "runs": [{"id": run.id, "name": run.name} for run in found.runs],
        "ticks": found.ticks,
        "artifacts": [
            {"id": one.id, "name": one.name, "version": one.version, "size": one.size}
            for one in found.artifacts
        ],
        "folders": found.folders,
        "staging": found.staging,
        "drafts": found.drafts,
        "logs": found.logs,
        "documents": found.documents,
        "elsewhere": {one.name: {"folders": one.folders, "staging": one.staging} for one in found.elsewhere},
        "not_reached": found.not_reached,
    }


def _lines(found: Garbage, *, is_dry_run: bool) -> list[str]:
    lines = [f"run       {short(run.id)}  {run.name}" for run in found.runs]
    lines += [
        f"artifact  {short(one.id)}  {one.name}@{one.version}  {readable(one.size)}"
        for one in found.artifacts
    ]
    for kind, part in (
        ("folder", found.folders),
        ("staging", found.staging),
        ("draft", found.drafts),
        ("logs", found.logs),
    ):
        lines += [f"{kind:<8}  {name}  {readable(size)}" for name, size in part.items()]
    for store in found.elsewhere:
        for kind, part in (("folder", store.folders), ("staging", store.staging)):
            lines += [f"{kind:<8}  {store.name}: {name}  {readable(size)}" for name, size in part.items()]
    if found.ticks:
        lines.append(f"ledgers   {found.ticks:,} times of schedules")
    lines += [f"left alone  {name}: {problem}" for name, problem in found.not_reached.items()]
    if found.documents:
        lines.append(f"documents {len(found.documents)}  {readable(sum(found.documents.values()))}")
    verb = "Would free" if is_dry_run else "Freed"
    if not lines:
        return [f"Nothing to remove. Files younger than {YOUNG / 60:.0f} minutes are not looked at."]
    return [
        *lines,
        f"{verb} {readable(found.size)}: {count(len(found.runs), 'run')}, {count(len(found.artifacts), 'artifact')}.",
    ]


def _explain(text: str, *, as_json: bool) -> None:
    store = open_store()
    view = find_artifact(store, text)
    found = uses(store, view)
    if as_json:
        print_json(
            {
                "id": view.id,
                "name": view.name,
                "version": view.version,
                "kept": bool(found),
                "uses": [one.text for one in found],
            }
        )
    elif found:
        print_lines([f"`{view.name}` version {view.version} is kept:", *(f"  {one.text}" for one in found)])
    else:
        click.echo(f"`{view.name}` version {view.version} is not used and will be removed.")
