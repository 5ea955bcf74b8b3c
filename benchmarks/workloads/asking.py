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
from zenml.store.inspection import database_size
from zenml.store.opening import open_store

Ask = Callable[[Any], object]
ASKED = 40
"""How often each question is asked, of other runs each time."""
SLOW = 2.0
"""Seconds after which a question is not asked again."""


class Questions:
    """What is asked; each question takes a run that is there."""

    def __init__(self, pages: int) -> None:
        self._client = Client()
        self._pages = pages

    def all(self) -> dict[str, Ask]:
        """Return every question by what it asks."""
        return {
            **self.lists(),
            **self.filtered(),
            **self.filtered_by_several(),
            **self.single_runs(),
            **self.artifacts(),
            **self.others(),
        }

    def lists(self) -> dict[str, Ask]:
        listed = self._client.list_pipeline_runs
        return {
            "newest page": lambda _: listed(),
            "newest page, 100 runs": lambda _: listed(size=100),
            "oldest first": lambda _: listed("asc:created"),
            "last ended first": lambda _: listed("desc:end_time"),
            "by name": lambda _: listed("asc:name"),
            "without children": lambda _: listed(children=False),
            "page 2,500": lambda _: listed(page=min(2_500, self._pages)),
            "last page": lambda _: listed(page=self._pages),
            "how many there are": lambda _: listed(size=1).total,
            "`zenml run list`": lambda _: _command(list_runs_command),
            "`zenml run list --json`": lambda _: _command(list_runs_command, "--json"),
        }

    def filtered(self) -> dict[str, Ask]:
        listed = self._client.list_pipeline_runs
        return {
            "of one name": lambda run: listed(name=run.name),
            "name contains, one": lambda run: listed(name=f"contains:{run.name[-15:]}"),
            "name contains, none": lambda _: listed(name="contains:no such run"),
            "name contains, many": lambda _: listed(name="contains:pipeline_1"),
            "name starts with, one": lambda run: listed(name=f"startswith:{run.name[:-1]}"),
            "name starts with, many": lambda _: listed(name="startswith:pipeline_1"),
            "status, most": lambda _: listed(status="completed"),
            "status, a tenth": lambda _: listed(status="failed"),
            "status, none": lambda _: listed(status="running"),
            "status, two": lambda _: listed(status=["failed", "interrupted"]),
            "status, two of which one is most": lambda _: listed(status=["failed", "completed"]),
            "status, all but one": lambda _: listed(status="ne:completed"),
            "of a pipeline": lambda run: listed(pipeline=run.pipeline),
            "of a pipeline, page 50": lambda run: listed(pipeline=run.pipeline, page=50),
            "with a tag": lambda _: listed(tag="nightly"),
            "with a tag, page 300": lambda _: listed(tag="nightly", page=300),
            "with a rare tag": lambda _: listed(tag="baseline"),
        }

    def filtered_by_several(self) -> dict[str, Ask]:
        listed = self._client.list_pipeline_runs
        return {
            "pipeline and status": lambda run: listed(pipeline=run.pipeline, status="failed"),
            "tag and status": lambda _: listed(tag="nightly", status="failed"),
            "rare tag and status": lambda _: listed(tag="baseline", status="completed"),
            "tag, status and pipeline": lambda _: listed(
                tags=["nightly"], status="failed", pipeline="pipeline_10"
            ),
            "name contains and status": lambda _: listed(name="contains:20", status="interrupted"),
            "since a time": lambda run: listed(created_at=f"gte:{run.record.created_at}"),
        }

    def single_runs(self) -> dict[str, Ask]:
        one = self._client.get_pipeline_run
        return {
            "run by id": lambda run: one(run.id),
            "run by the end of its id": lambda run: one(run.id[-8:]),
            "run by the beginning of its id": lambda run: one(run.id[:16]),
            "run by name": lambda run: one(run.name),
            "run by the beginning of its name": lambda run: one(run.name[:-1]),
            "latest run": lambda _: one("latest"),
            "no such run": lambda run: _missing(self._client, f"{run.name}-gone"),
            "steps and outputs of a run": lambda run: _outputs(one(run.id)),
            "tags, metadata, model of a run": lambda run: (run.tags, run.run_metadata, run.model_version),
        }

    def artifacts(self) -> dict[str, Ask]:
        client, listed = self._client, self._client.list_artifact_versions
        return {
            "artifacts": lambda _: listed(),
            "artifacts of one name": lambda _: listed(name="model"),
            "artifacts of one name, page 1,000": lambda _: listed(name="model", page=1_000),
            "artifacts, name contains": lambda _: listed(name="contains:clean"),
            "artifacts, name starts with": lambda _: listed(name="startswith:pipeline_1"),
            "artifacts of a run with a cascading tag": lambda _: listed(tag="release"),
            "artifacts of a type": lambda _: listed(type="str"),
            "newest version of an artifact": lambda _: client.get_artifact_version("model"),
            "a version of an artifact": lambda _: client.get_artifact_version("model", 1),
            "tags of 20 artifacts": lambda _: [one.tags for one in listed().items],
        }

    def others(self) -> dict[str, Ask]:
        client = self._client
        return {
            "pipelines": lambda _: client.list_pipelines(),
            "last run of a pipeline": lambda run: client.get_pipeline(run.pipeline.name).last_run,
            "`zenml pipeline list`, with last runs": lambda _: _command(
                list_pipelines_command, "--size", "50"
            ),
            "models": lambda _: client.list_models(),
            "versions of a model": lambda _: client.list_model_versions("model_01"),
            "runs and artifacts of a version": lambda _: _of_version(client.get_model_version("model_01")),
            "newest version of a model": lambda _: client.get_model("model_01").latest_version,
            "tags": lambda _: client.list_tags(),
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


def time_all(ask: Ask, runs: list[Any], clock: Callable[[], float]) -> list[float]:
    ask(runs[0])
    times: list[float] = []
    for run in runs[1:]:
        begin = clock()
        ask(run)
        times.append(clock() - begin)
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


def chosen_runs(client: Client, pages: int) -> list[Any]:
    """Return runs of all times."""
    some = random.Random(2)
    found = [client.list_pipeline_runs(page=some.randint(1, pages)).items for _ in range(ASKED + 1)]
    return [some.choice(page) for page in found]


def answer(only: list[str]) -> None:
    client, store = Client(), open_store()
    begin = time.perf_counter()
    interrupted = store.interrupt_dead_runs()
    interrupting = time.perf_counter() - begin
    pages = client.list_pipeline_runs().total_pages
    runs = chosen_runs(client, pages)
    times, floors, processor = {}, {}, {}
    for name, ask in Questions(pages).all().items():
        if not only or any(word in name for word in only):
            floors[name] = percentile(list(floor_times(store.file.path, [run.id for run in runs])))
            times[name] = percentile(time_all(ask, runs, time.perf_counter))
            processor[name] = percentile(time_all(ask, runs, time.process_time))
    report(
        times=times,
        floors=floors,
        processor=processor,
        interrupting=interrupting,
        interrupted=len(interrupted),
        runs=client.list_pipeline_runs(size=1).total,
        some_run=runs[0].id,
        size=database_size(store),
    )


if __name__ == "__main__":
    os.environ["ZENML_CONFIG_PATH"] = sys.argv[1]
    answer(sys.argv[2:])
