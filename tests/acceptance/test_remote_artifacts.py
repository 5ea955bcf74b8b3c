"""Runs whose artifacts lie in a registered store: in a bucket of S3, or in another folder."""

import json
import os
import socket

import pytest

from moto_server import KEY, SECRET
from zenml.fs import remove_tree

ABOVE = """
import json
import numpy as np
from zenml.client import Client
from zenml.records.stacks import Component
from zenml.store.opening import open_store

def register(addresses, current):
    client, store = Client(), open_store()
    for stack in client.list_stacks().items[1:]:
        client.activate_stack("default")
        client.delete_stack(stack.name)
    for known in store.select(Component):
        store.delete(Component, known.id)
    store.insert([
        Component(
            id=one["id"], type="artifact_store", flavor=one["flavor"], name=one["name"],
            configuration=one["config"], created_at=1, updated_at=1,
        )
        for one in addresses
    ])
    for one in addresses:  # what is secret is taken out of the row
        client.update_stack_component(one["id"], "artifact_store", configuration=one["config"])
    if current:
        client.create_stack(current, {{"artifact_store": current}})
        client.activate_stack(current)

register(json.loads({addresses!r}), {current!r})
"""

FLOW = """
@step
def make() -> np.ndarray:
    mark("make")
    return np.arange(100_000)

@step(runtime="isolated")
def double(values: np.ndarray) -> np.ndarray:
    mark("double")
    return values * 2

@step
def total(values: np.ndarray) -> int:
    mark("total")
    return int(values.sum())

@pipeline
def flow():
    total(double(make()))

run = flow()
outputs = [run.steps[name].output for name in ("make", "double", "total")]
fact(
    statuses=statuses(run),
    total=outputs[-1].load(),
    uris=[one.uri for one in outputs],
    stores=[one.record.store_id for one in outputs],
)
"""
TOTAL = 2 * sum(range(100_000))
LOAD = """
from zenml.client.client import Client
fact(values=[int(Client().get_artifact_version(name).load().sum()) for name in {names!r}])
"""


@pytest.fixture
def bucket(moto):
    return moto.new_bucket()


@pytest.fixture
def lake(lab, moto, bucket):
    """The address of a store in S3."""
    config = {"path": f"s3://{bucket}/team", "endpoint_url": moto.url, "key": KEY, "secret": SECRET}
    return {
        "id": "lake-id",
        "flavor": "s3",
        "name": "lake",
        "config": config,
        "folder": str(lab.folder / "lake"),
    }


@pytest.fixture
def disk(lab):
    """The address of a store in another folder."""
    config = {"path": str(lab.folder / "big disk")}
    return {
        "id": "disk-id",
        "flavor": "local",
        "name": "disk",
        "config": config,
        "folder": str(lab.folder / "disk"),
    }


IMPATIENT = """
from zenml.artifacts.bucket import Patience
Patience.waits = lambda self: iter([0.0])
"""
"""Waiting between two tries is no part of what is tested."""


def above(*addresses, current=""):
    return IMPATIENT + ABOVE.format(addresses=json.dumps(addresses), current=current)


@pytest.fixture(params=["disk", "lake"])
def address(request):
    return request.getfixturevalue(request.param)


def test_a_run_keeps_its_artifacts_in_the_store_it_was_given(lab, address):
    first = lab.run(above(address, current=address["name"]) + FLOW)
    second = lab.run(above(address, current=address["name"]) + FLOW)

    assert first.facts["total"] == second.facts["total"] == TOTAL
    assert first.facts["stores"] == [address["id"], address["id"], None], "a small value lies in its row"
    assert all(uri.startswith(address["config"]["path"]) for uri in first.facts["uris"][:2])
    assert set(second.facts["statuses"].values()) == {"cached"}


def test_what_a_run_has_stored_is_loaded_by_a_fresh_process_with_another_store(lab, lake, disk):
    lab.run(above(lake, current="lake") + FLOW)

    loaded = lab.run(
        above(lake, disk, current="disk") + LOAD.format(names=["flow::make::output", "flow::double::output"])
    )

    assert loaded.facts["values"] == [TOTAL // 2, TOTAL]


def test_a_store_that_changes_uses_what_lies_in_the_one_before(lab, lake, disk):
    lab.run(above(lake, disk, current="lake") + FLOW)

    second = lab.run(above(lake, disk, current="disk") + FLOW.replace("values * 2", "values * 3"))

    assert second.facts["statuses"] == {"make": "cached", "double": "completed", "total": "completed"}
    assert second.facts["stores"] == ["lake-id", "disk-id", None]
    assert second.facts["total"] == TOTAL // 2 * 3


def test_artifacts_without_a_store_are_beside_the_database(lab, lake):
    first = lab.run(above(lake) + FLOW)
    assert first.facts["stores"] == [None, None, None]

    second = lab.run(above(lake, current="lake") + FLOW)
    assert set(second.facts["statuses"].values()) == {"cached"}


def test_a_dynamic_pipeline_keeps_its_artifacts_there_too(lab, lake):
    result = lab.run(
        above(lake, current="lake")
        + """
@step
def make(number: int) -> np.ndarray:
    return np.full(100_000, number)

@step(runtime="isolated")
def total(values: np.ndarray) -> int:
    return int(values.sum())

@pipeline(dynamic=True)
def flow() -> int:
    found = [total(make(number)) for number in range(3)]
    return sum(one.load() for one in found)

run = flow()
fact(stores=[step.output.record.store_id for name, step in run.steps.items() if name.startswith("make")])
"""
    )
    assert result.facts["stores"] == ["lake-id"] * 3


def test_what_is_damaged_in_the_bucket_is_made_again(lab, lake, moto, bucket):
    lab.run(above(lake, current="lake") + FLOW)
    names = [name for name in moto.names(bucket) if name.endswith("data.npy")]
    assert len(names) == 2
    size = moto.client.head_object(Bucket=bucket, Key=names[0])["ContentLength"]
    for name in names:
        moto.client.put_object(Bucket=bucket, Key=name, Body=bytes(size))
    remove_tree(os.path.join(lab.client().store.root, "components"))  # the copies of what was uploaded

    again = lab.run(above(lake, current="lake") + FLOW.replace("values.sum()", "values.sum() + 1"))

    assert again.facts["total"] == TOTAL + 1
    assert [again.count(name) for name in ("make", "double", "total")] == [1, 1, 1]


@pytest.fixture
def unreachable(lake):
    """The address of the same store, where nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = {**lake["config"], "endpoint_url": f"http://127.0.0.1:{port}"}
    return {**lake, "config": config, "folder": lake["folder"] + " elsewhere"}


def test_a_cached_result_that_is_not_reached_is_none_and_says_so(lab, lake, unreachable):
    lab.run(above(lake, current="lake") + FLOW)

    again = lab.run(above(unreachable) + FLOW)

    assert set(again.facts["statuses"].values()) <= {"completed", "cached"}
    assert again.facts["statuses"]["make"] == "completed"
    assert again.facts["total"] == TOTAL
    assert again.err.count("Cached results are not used") == 1
    assert "cannot be reached" in again.err


def test_a_run_whose_store_is_not_reached_fails_with_a_remedy(lab, unreachable):
    result = lab.run(above(unreachable, current="lake") + FLOW, expect=1)

    assert "cannot be reached" in result.err
    assert "Check the network" in result.err
    assert SECRET not in result.err + result.out


def test_a_store_that_is_not_registered_any_more_is_named(lab, lake):
    lab.run(above(lake, current="lake") + FLOW)

    result = lab.run(
        above()
        + """
from zenml.client.client import Client
fact(text=str(outcome(lambda: Client().get_artifact_version("flow::make::output").load())))
"""
    )

    assert "The artifact store `lake-id` is not registered any more" in result.facts["text"]


COLLECT = """
from zenml.client.garbage import collect, find_garbage
from zenml.store.removal import delete_runs
from zenml.records.run import Run
store = open_store()
delete_runs(store, [run.id for run in store.select(Run)])
found = collect(store, find_garbage(store, young=0))
fact(artifacts=len(found.artifacts), not_reached=found.not_reached)
"""


def test_garbage_is_collected_where_it_lies(lab, address, request, moto, bucket):
    lab.run(above(address, current=address["name"]) + FLOW)

    found = lab.run(above(address) + COLLECT)

    assert found.facts == {"artifacts": 3, "not_reached": {}}
    left = (
        moto.names(bucket)
        if address["flavor"] == "s3"
        else [path for path in (lab.folder / "big disk").rglob("*") if path.is_file()]
    )
    assert left == []


def test_garbage_in_a_store_that_is_not_reached_stays_with_its_rows(lab, lake, unreachable, moto, bucket):
    lab.run(above(lake, current="lake") + FLOW)

    found = lab.run(above(unreachable) + COLLECT)
    assert found.facts["artifacts"] == 1, "the one in its row"
    assert "cannot be reached" in found.facts["not_reached"]["lake"]
    assert len([name for name in moto.names(bucket) if name.endswith("manifest.json")]) == 2

    found = lab.run(above(lake) + COLLECT)
    assert found.facts == {"artifacts": 2, "not_reached": {}}
    assert moto.names(bucket) == []


def test_leftovers_of_a_step_are_collected_when_they_are_old_and_those_of_others_never(
    lab, lake, moto, bucket
):
    """What is young may be on its way: a living publisher's folder is never older than ten minutes."""
    others = ["team/0123.output/manifest.json", "team/4567.output/abc/data.npy"]  # of another database
    for name in others:
        moto.client.put_object(Bucket=bucket, Key=name, Body=b"1")
    first = lab.run(above(lake, current="lake") + FLOW + "fact(step=outputs[0].record.producer)")
    name = f"team/{first.facts['step']}.other/0123/data.npy"
    moto.client.put_object(Bucket=bucket, Key=name, Body=b"12345")
    collecting = (
        above(lake)
        + """
from zenml.client.garbage import YOUNG, collect, find_garbage
store = open_store()
fact(sizes=[sum(one.size for one in collect(store, find_garbage(store, young=young)).elsewhere) for young in (YOUNG, 0)])
"""
    )

    found = lab.run(collecting)

    assert found.facts["sizes"] == [0, 5]
    assert name not in moto.names(bucket)
    assert set(others) < set(moto.names(bucket))
    assert len(moto.names(bucket)) == 4 + len(others), "the artifacts stay"


def test_credentials_are_in_no_file_and_no_argument(lab, lake, tmp_path):
    """They come from where the script reads them, and are with the task of the isolated step alone."""
    secret, private = "only-in-memory-4711", tmp_path / "private"
    private.mkdir()
    (private / "address").write_text(json.dumps([{**lake, "config": {**lake["config"], "secret": secret}}]))
    reading = above(lake, current="lake").replace(
        repr(json.dumps((lake,))), f"open({str(private / 'address')!r}).read()"
    )
    told = "print(os.environ, open('/proc/self/cmdline').read()); return values * 2"

    result = lab.run(reading + FLOW.replace("return values * 2", told))

    assert result.facts["total"] == TOTAL
    assert secret not in result.out + result.err
    files = [path for path in lab.folder.rglob("*") if path.is_file() and path.parent != private]
    assert any(path.suffix == ".log" for path in files)
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
