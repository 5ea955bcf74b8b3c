"""Questions to a store of very many runs: how long each takes, as the 95th percentile of many."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from figures import report

from zenml.cli.pipeline_commands import list_pipelines as list_pipelines_command
from zenml.cli.run_commands import list_runs as list_runs_command
from zenml.client.client import Client
from zenml.records.run import Run
from zenml.store.opening import open_store

ASKED = 20
"""How often each question is asked, of other runs each time."""
SLOW = 2.0
"""Seconds after which a question is not asked again."""


def questions(runs: list[Any], pages: int) -> dict[str, Callable[[Any], Any]]:
    """Return what is asked; each takes a run that is there."""
    client = Client()
    listed = client.list_pipeline_runs
    return {
        "newest page": lambda run: listed(),
        "newest page, 100 runs": lambda run: listed(size=100),
        "oldest page first": lambda run: listed("asc:created"),
        "by end": lambda run: listed("desc:end_time"),
        "by name order": lambda run: listed("asc:name"),
        "without children": lambda run: listed(children=False),
        "page 2,500": lambda run: listed(page=2500),
        "last page": lambda run: listed(page=pages),
        "total": lambda run: listed(size=1).total,
        "of one name": lambda run: listed(name=run.name),
        "name contains": lambda run: listed(name=f"contains:{run.name[-6:]}"),
        "name contains, none": lambda run: listed(name="contains:no such run"),
        "name contains, many": lambda run: listed(name="contains:pipeline_1"),
        "name starts with": lambda run: listed(name=f"startswith:{run.name[:24]}"),
        "name starts with, many": lambda run: listed(name="startswith:pipeline_1"),
        "status completed": lambda run: listed(status="completed"),
        "status failed": lambda run: listed(status="failed"),
        "status running": lambda run: listed(status="running"),
        "two states": lambda run: listed(status=["failed", "interrupted"]),
        "status not": lambda run: listed(status="ne:completed"),
        "of a pipeline": lambda run: listed(pipeline=run.record.pipeline_name),
        "of a pipeline, page 50": lambda run: listed(pipeline=run.record.pipeline_name, page=50),
        "with a tag": lambda run: listed(tag="nightly"),
        "with a rare tag": lambda run: listed(tag="baseline"),
        "with a tag, page 300": lambda run: listed(tag="nightly", page=300),
        "tag, status and pipeline": lambda run: listed(
            tags=["nightly"], status="failed", pipeline="pipeline_10"
        ),
        "pipeline and status": lambda run: listed(pipeline=run.record.pipeline_name, status="failed"),
        "name contains and status": lambda run: listed(name="contains:2026", status="interrupted"),
        "since a time": lambda run: listed(created_at=f"gte:{run.record.created_at}"),
        "run by id": lambda run: client.get_pipeline_run(run.id),
        "run by short id": lambda run: client.get_pipeline_run(run.id[-8:]),
        "run by beginning of id": lambda run: client.get_pipeline_run(run.id[:14]),
        "run by name": lambda run: client.get_pipeline_run(run.name),
        "run by beginning of name": lambda run: client.get_pipeline_run(run.name[:-1]),
        "latest run": lambda run: client.get_pipeline_run("latest"),
        "no such run": lambda run: _missing(client, f"{run.name}-gone"),
        "steps and outputs": lambda run: _outputs(client.get_pipeline_run(run.id)),
        "tags and metadata of a run": lambda run: (run.tags, run.run_metadata, run.model_version),
        "artifacts, newest page": lambda run: client.list_artifact_versions(),
        "artifacts of one name": lambda run: client.list_artifact_versions(name="model"),
        "artifacts of one name, page 1,000": lambda run: client.list_artifact_versions(
            name="model", page=1000
        ),
        "artifacts, name contains": lambda run: client.list_artifact_versions(name="contains:clean"),
        "artifacts, type": lambda run: client.list_artifact_versions(type="str"),
        "artifacts with a cascading tag": lambda run: client.list_artifact_versions(tag="release"),
        "newest version of an artifact": lambda run: client.get_artifact_version("model"),
        "a version of an artifact": lambda run: client.get_artifact_version("model", 1000),
        "tags of artifacts": lambda run: [one.tags for one in client.list_artifact_versions().items],
        "pipelines": lambda run: client.list_pipelines(),
        "last run of a pipeline": lambda run: client.get_pipeline(run.record.pipeline_name).last_run,
        "models": lambda run: client.list_models(),
        "versions of a model": lambda run: client.list_model_versions("model_01"),
        "runs and artifacts of a version": lambda run: _of_version(client.get_model_version("model_01")),
        "latest version of a model": lambda run: client.get_model("model_01").latest_version,
        "tags": lambda run: client.list_tags(),
        "command: run list": lambda run: _command(list_runs_command),
        "command: pipeline list": lambda run: _command(list_pipelines_command, "--size", "50"),
    }


def _missing(client: Client, name: str) -> None:
    try:
        client.get_pipeline_run(name)
    except LookupError:
        return
    raise AssertionError(name)


def _outputs(run: Any) -> None:
    assert run.steps
    for step in run.steps.values():
        step.outputs  # noqa: B018  reads them
    run.outputs  # noqa: B018


def _of_version(version: Any) -> tuple[Any, Any]:
    return version.runs, version.artifacts


def _command(command: Any, *words: str) -> None:
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        said, sys.stdout = sys.stdout, nothing
        error, sys.stderr = sys.stderr, nothing
        try:
            command.main(list(words), standalone_mode=False)
        finally:
            sys.stdout, sys.stderr = said, error


def time_all(ask: Callable[[Any], Any], runs: list[Any]) -> list[float]:
    ask(runs[0])
    times: list[float] = []
    for run in runs[1:]:
        begin = time.perf_counter()
        ask(run)
        times.append(time.perf_counter() - begin)
        if sum(times) > SLOW:
            break
    return times


def percentile(times: list[float]) -> float:
    """Return the 95th percentile."""
    return sorted(times)[round(0.95 * (len(times) - 1))]


def floor_times(path: str, ids: list[str]) -> Iterator[float]:
    connection = sqlite3.connect(path)
    for identifier in ids:
        begin = time.perf_counter()
        connection.execute("SELECT * FROM runs WHERE id = ?", (identifier,)).fetchall()
        yield time.perf_counter() - begin
    connection.close()


if __name__ == "__main__":
    client, only = Client(), sys.argv[1:]
    store = open_store()
    begin = time.perf_counter()
    found = store.interrupt_dead_runs()
    interrupting = time.perf_counter() - begin
    some = random.Random(2)
    pages = client.list_pipeline_runs(size=20).total_pages
    runs = [
        some.choice(client.list_pipeline_runs(page=some.randint(1, pages)).items) for _ in range(ASKED + 1)
    ]
    floor = [time for _ in range(10) for time in floor_times(store.file.path, [run.id for run in runs])]
    times = {
        name: time_all(ask, runs)
        for name, ask in questions(runs, pages).items()
        if not only or any(word in name for word in only)
    }
    report(
        interrupting=interrupting,
        interrupted=len(found),
        floor=percentile(floor),
        times={name: [percentile(taken), sorted(taken)[len(taken) // 2]] for name, taken in times.items()},
    )
