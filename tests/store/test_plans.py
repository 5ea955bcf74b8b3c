"""How SQLite answers what lists and searches ask: from an index, however large the store is.

A plan does not depend on what is in the tables, so the store may be nearly empty.
"""

import re
import sqlite3

import pytest

from zenml import Model, pipeline, step
from zenml.client.client import Client
from zenml.store.opening import open_store

LARGE = (
    "runs",
    "step_runs",
    "artifacts",
    "step_inputs",
    "run_outputs",
    "tags",
    "metadata",
    "owners",
    "model_links",
    "model_versions",
)
IN_ORDER = re.compile(r"SCAN (\w+) USING (?:COVERING )?INDEX")
"""An index is read from one end until the page is full."""


@step
def one() -> int:
    return 1


@pipeline
def flow() -> int:
    return one()


@pytest.fixture
def asked(monkeypatch):
    """What SQLite is asked, with its values."""
    found, connect = [], sqlite3.connect

    def connect_and_tell(*args, **options):
        connection = connect(*args, **options)
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_and_tell)
    return found


@pytest.fixture
def client(asked, zenml_store):
    flow.with_options(model=Model("churn"))()
    return Client()


def plans_of(asked, ask):
    """Return the queries that a call asked, each with the lines of its plan."""
    asked.clear()
    ask()
    queries = [text for text in asked if text.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert queries
    file = open_store().file
    return {query: [row[3] for row in file.read(f"EXPLAIN QUERY PLAN {query}")] for query in queries}


def read_whole(line):
    """Tell whether a large table, or an index of it, is read from one end to the other."""
    return any(re.match(rf"SCAN {table}\b", line) for table in LARGE)


def list_of(**filters):
    return lambda client: client.list_pipeline_runs(**filters)


FOUND = {
    "newest page": list_of(),
    "oldest first": list_of(sort_by="asc:created"),
    "last ended first": list_of(sort_by="desc:end_time"),
    "first ended first": list_of(sort_by="asc:end_time"),
    "by name": list_of(sort_by="asc:name"),
    "page 50": list_of(page=50),
    "artifacts": lambda client: client.list_artifact_versions(),
}
"""Pages that are read off an index in its order, and a count of it all."""

SEARCHED = {
    "without children": list_of(children=False, page=2, size=1),
    "of one name": list_of(name="x"),
    "name starts with": list_of(name="startswith:flow"),
    "status": list_of(status="failed"),
    "two states": list_of(status=["failed", "interrupted"]),
    "pipeline": list_of(pipeline="flow"),
    "pipeline and status": list_of(pipeline="flow", status="failed"),
    "tag": list_of(tag="nightly"),
    "two tags": list_of(tags=["nightly", "new"]),
    "tag and status": list_of(tag="nightly", status="failed"),
    "tag, status and pipeline": list_of(tag="nightly", status="failed", pipeline="flow"),
    "since": list_of(created_at="gte:6"),
    "latest": lambda client: client.get_pipeline_run("latest"),
    "by the end of an id": lambda client: client.get_pipeline_run(client.get_pipeline_run("latest").id[-5:]),
    "by the beginning of an id": lambda client: client.get_pipeline_run(
        client.get_pipeline_run("latest").id[:20]
    ),
    "by the beginning of a name": lambda client: client.get_pipeline_run("flow-"),
    "its steps and outputs": lambda client: [
        client.get_pipeline_run("latest").steps["one"].outputs,
        client.get_pipeline_run("latest").outputs,
        client.get_pipeline_run("latest").tags,
        client.get_pipeline_run("latest").run_metadata,
        client.get_pipeline_run("latest").model_version,
    ],
    "artifacts of a name": lambda client: client.list_artifact_versions(name="flow::one::output"),
    "artifacts, name starts with": lambda client: client.list_artifact_versions(name="startswith:flow"),
    "artifacts of a tag": lambda client: client.list_artifact_versions(tag="release"),
    "newest version": lambda client: client.get_artifact_version("flow::one::output"),
    "tags of an artifact": lambda client: client.get_artifact_version("flow::one::output").tags,
    "last run of a pipeline": lambda client: client.get_pipeline("flow").last_run,
    "pipelines with last runs": lambda client: client.store.runs_of_pipelines(["flow"]),
    "newest version of a model": lambda client: client.get_model_version("churn").artifacts,
    "version in production": lambda client: client.store.models.find("churn", "1"),
    "versions of a model": lambda client: client.list_model_versions("churn"),
    "what a list says of models": lambda client: client.store.models.summaries(
        [client.get_model("churn").id]
    ),
    "dead runs": lambda client: client.store.interrupt_dead_runs(),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_page_is_read_off_an_index(asked, client, name):
    for query, lines in plans_of(asked, lambda: FOUND[name](client)).items():
        assert all(IN_ORDER.match(line) for line in lines if read_whole(line)), (query, lines)
        assert not any("TEMP B-TREE FOR ORDER BY" in line for line in lines), (query, lines)


@pytest.mark.parametrize("name", SEARCHED)
def test_a_search_reads_no_table_or_index_from_end_to_end(asked, client, name):
    for query, lines in plans_of(asked, lambda: SEARCHED[name](client)).items():
        assert not any(read_whole(line) for line in lines), (query, lines)


def test_a_part_of_a_name_is_looked_for_in_the_index_of_names(asked, client):
    plans = plans_of(asked, lambda: client.list_pipeline_runs(name="contains:low"))

    for query, lines in plans.items():
        assert all("COVERING INDEX" in line for line in lines if read_whole(line)), (query, lines)


def test_a_name_that_none_has_is_only_counted(asked, client):
    plans = plans_of(asked, lambda: client.list_pipeline_runs(name="contains:nowhere"))

    assert [query for query in plans if "instr" in query and "count(*)" not in query] == []


def test_a_run_looks_nothing_up_by_reading_a_table(asked, client):
    asked.clear()
    flow()
    flow.with_options(enable_cache=False)()
    texts = [
        text for text in asked if text.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))
    ]

    file = open_store().file
    for text in texts:
        lines = [row[3] for row in file.read(f"EXPLAIN QUERY PLAN {text}")]
        assert not any(read_whole(line) for line in lines), (text, lines)
