"""What steps and users say of runs, steps and artifacts: metadata, tags, progress."""

import labkit
import pytest

HEAD = "from zenml import Tag, add_tags, get_step_context, log_metadata, remove_tags, track\n"
IMPORTS = HEAD + "from zenml.client import Client\n"


@pytest.fixture(params=["inline", "isolated"])
def runtime(request):
    return request.param


# -- metadata


def test_a_step_logs_of_itself_and_the_last_value_holds(lab, runtime):
    result = lab.run(
        IMPORTS
        + f"""
@step(runtime="{runtime}")
def train() -> int:
    for loss in (0.5, 0.2):
        log_metadata({{"loss": loss, "setup": {{"layers": [1, 2]}}}})
    fact(own=get_step_context().run_metadata)
    return 1

@pipeline
def flow():
    train()

view = flow().steps["train"]
fact(found=view.run_metadata, history=view.metadata_history["loss"])
"""
    )

    expected = {"loss": 0.2, "setup": {"layers": [1, 2]}}
    assert (result.facts["found"], result.facts["own"]) == (expected, expected)
    assert result.facts["history"] == [0.5, 0.2]


def test_a_step_logs_of_its_run_and_of_another_step(lab, runtime):
    result = lab.run(
        IMPORTS
        + f"""
@step
def first() -> int:
    return 1

@step(runtime="{runtime}")
def second(x: int):
    log_metadata({{"score": 1}}, run_id_name_or_prefix=get_step_context().pipeline_run.name)
    log_metadata({{"late": True}}, step_name="first")

@pipeline
def flow():
    second(first())

run = flow()
fact(run=run.run_metadata, first=run.steps["first"].run_metadata, second=run.steps["second"].run_metadata)
"""
    )

    assert result.facts == {"run": {"score": 1}, "first": {"late": True}, "second": {}}


def test_numbers_of_numpy_are_numbers(lab):
    result = lab.run(
        IMPORTS
        + """
import numpy as np

@step
def work():
    log_metadata({"a": np.float32(0.5), "b": np.int64(3), "c": np.array([1, 2]), "d": np.bool_(True)})

@pipeline
def flow():
    work()

fact(**flow().steps["work"].run_metadata)
"""
    )

    assert result.facts == {"a": 0.5, "b": 3, "c": [1, 2], "d": True}


@pytest.mark.parametrize("value", ["float('nan')", "[float('inf')]", "object()", "2**70", "{1: 2}"])
def test_what_json_cannot_hold_is_refused_by_name(lab, value):
    result = lab.run(
        IMPORTS
        + f"""
@step
def work():
    log_metadata({{"score": {value}}})

@pipeline
def flow():
    work()

error = outcome(flow)
fact(kind=type(error).__name__, text=str(error))
"""
    )

    assert result.facts["kind"] == "ConfigurationError"
    assert "`score`" in result.facts["text"]


def test_what_a_failed_step_has_said_is_kept(lab, runtime):
    result = lab.run(
        IMPORTS
        + f"""
@step(runtime="{runtime}")
def work():
    log_metadata({{"seen": 3}})
    add_tags("suspicious")
    raise ValueError("no")

@pipeline
def flow():
    work()

outcome(flow)
fact(seen=last_run().steps["work"].run_metadata, tags=last_run().tags)
"""
    )

    assert result.facts == {"seen": {"seen": 3}, "tags": ["suspicious"]}


def test_metadata_of_a_cached_step_is_that_of_its_origin(lab):
    result = lab.run(
        IMPORTS
        + """
@step
def work() -> int:
    log_metadata({"acc": 0.9})
    return 1

@pipeline
def flow():
    work()

flow()
view = flow().steps["work"]
log_metadata({"checked": True}, step_id=view.id)
fact(status=str(view.status), found=view.run_metadata)
"""
    )

    assert result.facts == {"status": "cached", "found": {"acc": 0.9, "checked": True}}


def test_outside_steps_a_target_has_to_be_named(lab):
    result = lab.run(
        IMPORTS
        + """
@step
def work() -> int:
    return 1

@pipeline
def flow():
    work()

run = flow()
log_metadata({"a": 1}, run_id_name_or_prefix=run.id[-8:])
log_metadata({"b": 1}, run_id_name_or_prefix=run.name, step_name="work")
log_metadata({"c": 1}, artifact_name=run.steps["work"].output.name)
log_metadata({"d": 1}, artifact_version_id=run.steps["work"].output.id)
fact(
    run=run.run_metadata,
    step=run.steps["work"].run_metadata,
    artifact=run.steps["work"].output.run_metadata,
    errors=[type(outcome(lambda: log_metadata({"x": 1}, **named))).__name__ for named in (
        {}, {"step_name": "work"}, {"step_id": "nothing"}, {"run_id_name_or_prefix": "nothing"},
        {"artifact_name": "nothing"}, {"artifact_name": "a", "step_id": "b"}, {"infer_artifact": True},
    )],
)
"""
    )

    assert result.facts == {
        "run": {"a": 1},
        "step": {"b": 1},
        "artifact": {"c": 1, "d": 1},
        "errors": [
            "ContextError",
            "ContextError",
            "NotFoundError",
            "NotFoundError",
            "NotFoundError",
            "ConfigurationError",
            "ContextError",
        ],
    }


# -- while the step runs


SAYING = (
    IMPORTS
    + """
@step(runtime="{runtime}")
def work():
    log_metadata({{"seen": 1}})
    add_tags("alive")
    mark("said")
    hang()

@pipeline
def flow():
    work()

flow()
"""
)


def test_what_a_step_says_is_seen_while_it_runs_and_stays_when_its_process_is_killed(lab, runtime):
    program = lab.start(SAYING.format(runtime=runtime))
    program.wait_for_mark("said")
    client = lab.client()

    def said():
        (run,) = client.list_pipeline_runs().items
        return run.steps["work"].run_metadata, run.tags, str(run.status)

    labkit.wait_until(lambda: said() == ({"seen": 1}, ["alive"], "running"))
    program.kill()
    program.process.wait()

    assert said() == ({"seen": 1}, ["alive"], "interrupted")


def test_what_a_step_said_stays_when_its_own_process_is_killed(lab):
    result = lab.run(
        IMPORTS
        + """
@step(runtime="isolated")
def work():
    log_metadata({"seen": 1})
    os.kill(os.getpid(), 9)

@pipeline
def flow():
    work()

outcome(flow)
fact(seen=last_run().steps["work"].run_metadata, status=str(last_run().status))
"""
    )

    assert result.facts == {"seen": {"seen": 1}, "status": "failed"}


def test_many_words_are_few_transactions(lab):
    result = lab.run(
        IMPORTS
        + """
from zenml.store.opening import open_store

@step
def work():
    for i in range(3000):
        log_metadata({"i": i})

@pipeline
def flow():
    work()

before, begin = open_store().file.transactions, time.monotonic()
run = flow()
turns = (time.monotonic() - begin) / 0.05
fact(few=open_store().file.transactions - before <= turns + 5, last=run.steps["work"].run_metadata["i"],
     kept=len(run.steps["work"].metadata_history["i"]))
"""
    )

    assert result.facts == {"few": True, "last": 2999, "kept": 3000}


# -- tags


def test_steps_tag_their_run_and_their_outputs(lab, runtime):
    result = lab.run(
        IMPORTS
        + f"""
@step(runtime="{runtime}")
def work() -> int:
    add_tags(["good", "odd"])
    remove_tags("odd")
    remove_tags("old")
    add_tags(["model", "no"], infer_artifact=True)
    remove_tags("no", infer_artifact=True)
    return 1

@pipeline(tags=["old"])
def flow():
    work()

run = flow()
fact(run=run.tags, output=run.steps["work"].output.tags,
     found=[len(Client().list_pipeline_runs(tag=tag).items) for tag in ("good", "old")],
     artifacts=len(Client().list_artifact_versions(tag="model").items))
"""
    )

    assert result.facts == {"run": ["good"], "output": ["model"], "found": [1, 0], "artifacts": 1}


def test_tags_are_added_and_removed_later(lab):
    result = lab.run(
        IMPORTS
        + """
@step
def work() -> int:
    return 1

@pipeline
def flow():
    work()

run = flow()
name = run.steps["work"].output.name
add_tags(["a", Tag("b", color="red")], run=run.name)
add_tags("c", artifact=name)
add_tags("d", pipeline="flow")
remove_tags("a", run=run.id)
fact(run=run.tags, artifact=Client().get_artifact_version(name).tags, pipeline=Client().get_pipeline("flow").tags,
     listed=[p.name for p in Client().list_pipelines(tag="d").items],
     errors=[type(outcome(lambda: add_tags("x", **named))).__name__ for named in (
        {}, {"run": "a", "pipeline": "b"}, {"run": "nothing"}, {"infer_artifact": True},
     )] + [type(outcome(lambda: add_tags(tag, run=run.id))).__name__ for tag in ("", 3, [None])])
"""
    )

    assert result.facts == {
        "run": ["b"],
        "artifact": ["c"],
        "pipeline": ["d"],
        "listed": ["flow"],
        "errors": [
            "ContextError",
            "ConfigurationError",
            "NotFoundError",
            "ContextError",
            "ConfigurationError",
            "ConfigurationError",
            "ConfigurationError",
        ],
    }


def test_an_exclusive_tag_goes_to_the_newest_run_and_a_cascading_one_to_its_artifacts(lab):
    result = lab.run(
        IMPORTS
        + """
@step(enable_cache=False)
def work() -> int:
    return 1

@pipeline(tags=["plain", Tag("latest", exclusive=True), Tag("night", cascade=True)])
def flow():
    return work()

@pipeline(tags=[Tag("latest", exclusive=True)])
def other():
    work()

other()
runs = [flow(), flow()]
fact(tags=[run.tags for run in runs], artifact=runs[1].steps["work"].output.tags,
     artifacts=len(Client().list_artifact_versions(tag="night").items),
     holders=len(Client().list_pipeline_runs(tag="latest").items))
"""
    )

    assert result.facts == {
        "tags": [["night", "plain"], ["latest", "night", "plain"]],
        "artifact": ["night"],
        "artifacts": 2,
        "holders": 2,
    }


def test_several_tags_find_what_has_them_all(lab):
    result = lab.run(
        IMPORTS
        + """
@step
def work() -> int:
    return 1

@pipeline(tags=["a"])
def flow():
    work()

first, second = flow(), flow()
add_tags("b", run=second.id)
found = Client().list_pipeline_runs
fact(counts=[len(found(tags=tags).items) for tags in ("a", ["a"], ["a", "b"], ["a", "c"], [])],
     together=len(found(tag="a", tags=["b"]).items))
"""
    )

    assert result.facts == {"counts": [2, 2, 1, 0, 2], "together": 1}


# -- progress


def test_track_yields_the_items_in_and_outside_steps(lab, runtime):
    result = lab.run(
        IMPORTS
        + f"""
@step(runtime="{runtime}")
def work() -> list:
    return list(track(range(5), description="rounds"))

@pipeline
def flow():
    work()

fact(inside=value(flow(), "work"), outside=list(track(iter("ab"), total=2)))
"""
    )

    assert result.facts == {"inside": [0, 1, 2, 3, 4], "outside": ["a", "b"]}
