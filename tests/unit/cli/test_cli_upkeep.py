"""Deleting, collecting, exporting, comparing: what goes, what stays, what is said."""

import json
import os
import sqlite3

import pytest

from zenml import Model, fs, pipeline, step
from zenml.cli.moments import read_size
from zenml.client import Client
from zenml.client.garbage import collect, find_garbage
from zenml.config import Schedule
from zenml.records.run import Artifact, Run
from zenml.records.schedules import Tick
from zenml.store import removal
from zenml.store.opening import open_store

MODE = {"text": "a\nb\nc\n", "big": 70_000}


@step
def load(count: int) -> list[int]:
    return list(range(count))


@step
def large(numbers: list[int]) -> bytes:
    return b"x" * 70_000 + bytes(len(numbers))


@step
def text(numbers: list[int]) -> str:
    return "\n".join(map(str, numbers))


@pipeline
def flow(count: int = 3):
    numbers = load(count)
    large(numbers)
    text(numbers)


@pipeline
def sharing(count: int = 3):
    load(count)


@pytest.fixture
def store():
    flow.with_options(run_name="first")()
    return open_store()


def gc(zenml, *args):
    return json.loads(zenml("gc", "--json", *args).out)


def test_what_a_run_uses_is_kept(zenml, store):
    found = gc(zenml)

    assert (found["artifacts"], found["folders"], found["size"]) == ([], {}, 0)
    assert len(store.select(Artifact)) == 3


def test_a_deleted_run_frees_its_artifacts_with_their_bytes(zenml, store):
    folder = os.path.join(store.root, "artifacts")
    assert [name for name in os.listdir(folder) if not name.startswith(".")]

    zenml("run", "delete", "first", "--yes")
    dry = gc(zenml, "--dry-run")
    done = gc(zenml)

    assert {**dry, "dry_run": False} == done
    assert len(done["artifacts"]) == 3
    assert done["size"] > 70_000
    assert store.select(Artifact) == []
    assert [name for name in os.listdir(folder) if not name.startswith(".")] == []
    assert sqlite3.connect(store.file.path).execute("SELECT count(*) FROM documents").fetchone() == (0,)
    assert gc(zenml)["size"] == 0


def test_an_artifact_that_another_run_answered_from_the_cache_stays(zenml, store):
    run = sharing.with_options(run_name="second")()

    zenml("run", "delete", "first", "--yes")
    found = gc(zenml)

    assert {one["name"] for one in found["artifacts"]} == {"flow::large::output", "flow::text::output"}
    assert run.steps["load"].output.load() == [0, 1, 2]
    assert "result of step `load` of run `second`" in zenml("gc", "--why", "flow::load::output").out


def test_a_dry_run_with_limits_says_what_would_go_and_removes_nothing(zenml, store):
    flow.with_options(run_name="second")(count=4)

    dry = gc(zenml, "--dry-run", "--keep-last", "1")

    assert [run["name"] for run in dry["runs"]] == ["first"]
    assert len(dry["artifacts"]) == 3
    assert len(store.select(Run)) == 2
    assert len(store.select(Artifact)) == 6
    assert {**dry, "dry_run": False} == gc(zenml, "--keep-last", "1")


def test_what_ledgers_forget_is_counted(zenml, store):
    flow.with_options(schedule=Schedule("often", interval_second=3600))()
    schedule = Client().get_schedule("often").record
    ticks = [
        Tick(
            schedule_id=schedule.id, key=f"t{instant}", cause="time", instant=instant, due_at=instant, outcome="skipped",
            run_id=f"r{instant}", count=count, recorded_at=instant, settled_at=instant,
        )
        for instant, count in ((1, 1200), (5, 1), (9, 1))
    ]  # fmt: skip
    assert store.schedules.change(schedule, schedule, ticks)

    assert gc(zenml, "--dry-run")["ticks"] == 0
    assert gc(zenml, "--dry-run", "--older-than", "1d")["ticks"] == 1201
    assert "ledgers   1,201 times of schedules" in zenml("gc", "--older-than", "1d").out
    assert [one.key for one in store.schedules.ticks(schedule.id, 9)] == ["t9"]


def test_young_files_without_a_row_are_spared(store):
    os.makedirs(os.path.join(store.root, "artifacts", "0123456789abcdef01234567.output"))
    os.makedirs(os.path.join(store.root, "artifacts", ".staging", "0123456789abcdef01234567"))

    assert find_garbage(store).folders == {}
    found = collect(store, find_garbage(store, young=0))

    assert list(found.folders) == ["0123456789abcdef01234567.output"]
    assert list(found.staging) == ["0123456789abcdef01234567"]
    assert os.listdir(os.path.join(store.root, "artifacts", ".staging")) == []


def test_files_that_a_killed_process_had_begun_are_removed_when_nobody_can_be_writing_them(zenml, store):
    backups = os.path.join(store.root, "backups")
    os.mkdir(backups)
    paths = [
        fs.draft_of(os.path.join(store.root, "address")),
        fs.draft_of(os.path.join(backups, "schema-1.db")),
    ]
    kept = [os.path.join(backups, "schema-1.db"), fs.draft_of(os.path.join(store.root, "young"))]
    for path in (*paths, *kept):
        with open(path, "w") as file:
            file.write("half")
    for path in paths:
        os.utime(path, (0, 0))

    assert gc(zenml, "--dry-run")["drafts"] == {os.path.relpath(path, store.root): 4 for path in paths}
    gc(zenml)

    assert not any(map(os.path.exists, paths))
    assert all(map(os.path.exists, kept))
    assert gc(zenml)["size"] == 0


def test_what_an_attempt_of_a_dead_process_has_staged_is_removed(store):
    staging = os.path.join(store.root, "artifacts", ".staging", "a" * 24)
    os.makedirs(staging)
    with open(os.path.join(staging, "data.bin"), "wb") as file:
        file.write(bytes(1000))
    os.utime(staging, (0, 0))

    found = collect(store, find_garbage(store))

    assert found.staging == {"a" * 24: 1000}
    assert not os.path.exists(staging)


def test_an_artifact_in_use_is_not_deleted(zenml, store):
    result = zenml("artifact", "delete", "flow::load::output", "--yes")

    assert result.status == 1
    assert "is made by step `load` of run `first`" in result.err


@pytest.mark.parametrize(
    ("name", "file"), [("flow::load::output", "out.json"), ("flow::large::output", None)]
)
def test_an_artifact_is_exported_once(zenml, store, tmp_path, name, file):
    target = tmp_path / "out"

    written = zenml("artifact", "export", name, target).out.split()
    again = zenml("artifact", "export", name, target)

    assert all(os.path.getsize(path) for path in written)
    assert file is None or written == [str(tmp_path / file)]
    assert again.status == 1
    assert "is not written over" in again.err


def test_a_diff_names_values_lines_and_decisions(zenml, store):
    flow.with_options(run_name="second")(count=4)

    shape = json.loads(zenml("run", "diff", "first", "second", "--json").out)
    shown = zenml("run", "diff", "first", "second").out

    assert shape["params"] == [{"name": "count", "before": "3", "after": "4"}]
    outputs = {one["step"]: one for one in shape["outputs"]}
    assert outputs["load"]["text"] == "[0, 1, 2] → [0, 1, 2, 3]"
    assert outputs["text"]["diff"].splitlines()[-1] == "+3"
    assert outputs["large"]["text"] == "length 70003 → 70004"
    assert shape["inputs"][0]["text"] == "`count`: 3 → 4"
    assert max(map(len, shown.splitlines())) <= 80
    assert "Nothing differs" not in shown


def test_an_unknown_section_of_a_diff_is_refused(zenml, store):
    result = zenml("run", "diff", "first", "first", "--only", "kode")

    assert (result.status, "There is no section `kode`" in result.err) == (2, True)


def test_doctor_says_what_is_wrong_and_what_to_do(zenml, store):
    os.chmod(os.path.join(store.root, "store.key"), 0o644)

    found = json.loads(zenml("doctor", "--json").out)

    (check,) = [one for one in found["checks"] if one["level"] != "ok" and one["name"] == "permissions"]
    assert check["remedy"].startswith("chmod")
    assert found["healthy"]


def test_doctor_finds_a_damaged_database(zenml, store):
    store.close()
    with open(store.file.path, "r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 4))

    result = zenml("doctor")

    assert result.status == 1
    assert "✗ database" in result.out


def test_a_wrong_pipeline_is_found_without_running_it(zenml, tmp_path):
    (tmp_path / "wrong.py").write_text(
        "from zenml import pipeline, step\n@step\ndef a() -> int:\n    return 1\n@step\ndef b(x: str) -> None: ...\n"
        "@pipeline\ndef p():\n    b(a())\n"
    )

    result = zenml("pipeline", "check", "wrong.py")

    assert result.status == 1
    assert "Step `b`" in result.err
    assert open_store().select(Run) == []


def test_the_oldest_runs_go_until_what_is_left_fits_into_a_size(zenml, store):
    for number, name in enumerate(("second", "third", "fourth"), start=4):
        flow.with_options(run_name=name)(count=number)
    size = removal.size_of(store)

    assert gc(zenml, "--dry-run", "--max-size", "1TB")["runs"] == []
    found = gc(zenml, "--max-size", f"{size - 1}")

    assert [run["name"] for run in found["runs"]] == ["first"]
    assert removal.size_of(store) < size
    assert [run["name"] for run in gc(zenml, "--max-size", "0")["runs"]] == ["second", "third", "fourth"]


@pytest.fixture
def nested():
    """A run that calls three runs of another pipeline."""

    @pipeline(dynamic=True)
    def outer():
        for count in range(3):
            sharing(count=count)

    return outer.with_options(run_name="outer-{time}")


def test_children_stay_with_their_run(zenml, store, nested):
    nested()

    assert [run["name"] for run in gc(zenml, "--keep-last", "1")["runs"]] == []
    assert len(store.select(Run, pipeline_name="sharing")) == 3


def test_children_go_with_their_run(zenml, store, nested):
    old = nested()
    new = nested()

    found = gc(zenml, "--keep-last", "1")

    gone = {run["id"] for run in found["runs"]}
    assert old.id in gone
    assert len(gone) == 4
    assert {run.parent_id for run in store.select(Run, pipeline_name="sharing")} == {new.id}


def test_deleting_a_run_deletes_its_children(zenml, store, nested):
    run = nested()

    deleted = json.loads(zenml("run", "delete", run.id, "--yes", "--json").out)["deleted"]

    assert len(deleted) == 4
    assert [one.name for one in store.select(Run)] == ["first"]


@pytest.mark.parametrize(("stage", "is_kept"), [("production", True), ("staging", True), ("archived", False)])
def test_the_run_of_a_version_that_is_in_use_stays(zenml, store, stage, is_kept):
    for name in ("old", "new"):
        sharing.with_options(run_name=name, model=Model(name="prices"))()
    Client().get_model_version("prices", 1).set_stage(stage)

    found = gc(zenml, "--keep-last", "1")

    assert [run["name"] for run in found["runs"]] == ([] if is_kept else ["old"])


def test_what_a_paused_run_replays_stays(zenml, store):
    original = flow.with_options(run_name="original")(count=9)
    flow.with_options(run_name="newer")()
    with store.file.write() as transaction:  # as a replay that asks records it
        transaction.run(
            "UPDATE runs SET status = 'paused', original_id = ? WHERE name = 'newer'", (original.id,)
        )

    assert "original" not in {run["name"] for run in gc(zenml, "--keep-last", "0")["runs"]}


def test_a_size_does_not_take_what_other_limits_keep(zenml, store):
    flow.with_options(run_name="second")(count=4)

    found = gc(zenml, "--max-size", "0", "--keep-last", "1")

    assert [run["name"] for run in found["runs"]] == ["first"]


@pytest.mark.parametrize(
    ("text", "size"), [("50GB", 50 * 10**9), ("2GiB", 2 * 2**30), ("1.5 MB", 1_500_000), ("700", 700)]
)
def test_sizes_are_read(text, size):
    assert read_size(None, None, text) == size


def test_what_is_no_size_is_told(zenml, store):
    result = zenml("gc", "--max-size", "much")

    assert result.status == 2
    assert "`much` is no size" in result.err
