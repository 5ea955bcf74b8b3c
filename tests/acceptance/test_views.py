"""Finding runs, steps and artifacts again."""

import pytest

MANY_RUNS = """
@step
def work(x: int) -> int:
    if x < 0:
        raise ValueError("negative")
    return x

@pipeline(tags=["daily"])
def train(x: int):
    work(x)

@pipeline
def other(x: int):
    work(x)

for x in range(5):
    train.with_options(run_name=f"train-{x}")(x)
other.with_options(run_name="other-1", tags=["once", "daily"])(1)
outcome(lambda: other.with_options(run_name="other-bad")(-1))
"""


@pytest.fixture
def client(lab):
    lab.run(MANY_RUNS)
    return lab.client()


def names(page):
    return [run.name for run in page.items]


def test_the_newest_run_comes_first(client):
    assert names(client.list_pipeline_runs())[:3] == ["other-bad", "other-1", "train-4"]


def test_runs_are_listed_in_either_order(client):
    assert names(client.list_pipeline_runs(sort_by="asc:created"))[0] == "train-0"
    assert names(client.list_pipeline_runs(sort_by="desc:name"))[0] == "train-4"


def test_runs_are_listed_in_pages(client):
    pages = [client.list_pipeline_runs(page=page, size=3) for page in (1, 2, 3)]

    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert {page.total for page in pages} == {7}
    assert pages[0].total_pages == 3
    assert len({name for page in pages for name in names(page)}) == 7


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "failed"}, ["other-bad"]),
        ({"pipeline": "other"}, ["other-1", "other-bad"]),
        ({"pipeline_name": "other", "status": "completed"}, ["other-1"]),
        ({"name": "train-3"}, ["train-3"]),
        ({"name": "startswith:other"}, ["other-1", "other-bad"]),
        ({"name": "contains:n-1"}, ["train-1"]),
        ({"name": ["train-1", "train-2"]}, ["train-1", "train-2"]),
        ({"tag": "once"}, ["other-1"]),
        ({"tag": "nothing"}, []),
    ],
    ids=str,
)
def test_runs_are_filtered(client, filters, expected):
    found = client.list_pipeline_runs(**filters)

    assert sorted(names(found)) == expected


def test_tags_of_a_run(client):
    assert client.get_pipeline_run("other-1").tags == ["daily", "once"]
    assert client.get_pipeline_run("train-0").tags == ["daily"]


def test_a_run_is_found_by_name_id_and_parts_of_the_id(client):
    run = client.get_pipeline_run("train-2")

    assert client.get_pipeline_run(run.id).name == "train-2"
    assert client.get_pipeline_run(run.id[-10:]).name == "train-2"


def test_an_unknown_run_is_an_error_with_close_names(client):
    with pytest.raises(KeyError, match="train-2"):
        client.get_pipeline_run("trian-2")


def test_a_name_that_fits_several_runs_lists_them(client):
    with pytest.raises(KeyError, match="train-4"):
        client.get_pipeline_run("train-")


def test_an_unknown_filter_is_an_error_that_names_it(client):
    with pytest.raises(ValueError, match="stauts"):
        client.list_pipeline_runs(stauts="failed")


def test_an_unknown_sort_field_is_an_error_that_names_it(client):
    with pytest.raises(ValueError, match="creatde"):
        client.list_pipeline_runs(sort_by="desc:creatde")


def test_pipelines_and_their_runs(client):
    assert {pipeline.name for pipeline in client.list_pipelines().items} == {"train", "other"}
    assert client.get_pipeline("train").last_run.name == "train-4"
    assert len(client.get_pipeline("train").runs) == 5


def test_parameters_and_configuration(client):
    run = client.get_pipeline_run("train-3")

    assert run.config.parameters == {"x": 3}
    assert run.steps["work"].config.parameters == {"x": 3}


def test_steps_and_their_order(lab):
    lab.run("""
        @step
        def load() -> int:
            return 1

        @step
        def train(data: int, factor: int = 2) -> int:
            return data * factor

        @pipeline
        def flow():
            train(load())

        flow.with_options(run_name="one")()
    """)

    run = lab.client().get_pipeline_run("one")

    assert list(run.steps) == ["load", "train"]
    assert run.steps["train"].spec.upstream_steps == ["load"]
    assert run.steps["train"].inputs["data"].id == run.steps["load"].output.id
    assert run.steps["train"].config.parameters == {"factor": 2}
    assert run.start_time <= run.steps["load"].start_time <= run.steps["train"].start_time
    assert run.steps["train"].end_time <= run.end_time
    with pytest.raises(KeyError, match="train"):
        run.steps["trian"]


def test_artifacts_by_name_and_version(lab):
    lab.run("""
        from typing import Annotated

        @step
        def make(x: int) -> Annotated[int, "number"]:
            return x

        @pipeline
        def flow(x: int):
            make(x)

        for x in (10, 20, 10):
            flow(x)
    """)

    client = lab.client()
    versions = client.list_artifact_versions(name="number", sort_by="asc:version").items

    assert [(one.version, one.load()) for one in versions] == [(1, 10), (2, 20)]
    assert client.get_artifact_version("number").load() == 20
    assert client.get_artifact_version("number", 1).load() == 10
    assert client.get_artifact_version(versions[0].id).load() == 10
    with pytest.raises(KeyError, match="number"):
        client.get_artifact_version("nubmer")
    with pytest.raises(KeyError, match="3"):
        client.get_artifact_version("number", 3)


def test_output_of_parallel_steps_is_kept_apart(lab):
    lab.run("""
        import logging
        logging.basicConfig(level="INFO", stream=sys.stdout)

        @step
        def talk(name: str):
            mark("here")
            wait_for_mark("here", 4)
            for number in range(100):
                print(f"{name} {number}")
                print(f"{name} part", end=" ")
                print(f"of a line {number}")

        @pipeline
        def flow():
            for name in ("red", "blue", "green", "white"):
                talk(name, id=name)

        flow()
    """)

    (run,) = lab.client().list_pipeline_runs().items
    for name, step in run.steps.items():
        lines = str(step.logs).splitlines()
        wanted = [
            line for number in range(100) for line in (f"{name} {number}", f"{name} part of a line {number}")
        ]
        assert lines == wanted


@pytest.mark.parametrize("where", ["@step(enable_step_logs=False)", "@pipeline(enable_step_logs=False)"])
@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_logs_that_are_switched_off_are_not_kept_but_shown(lab, where, runtime):
    script = f"""
        @step
        def talk():
            print("something")

        talk.configure(runtime="{runtime}")

        @pipeline
        def flow():
            talk()

        flow()
    """.replace(where.partition("(")[0] + "\n", where + "\n")

    result = lab.run(script)

    (run,) = lab.client().list_pipeline_runs().items
    assert run.steps["talk"].logs is None
    assert "something" in result.out + result.err


def test_a_run_tells_what_reproduces_it(lab):
    lab.run("@step\ndef work():\n    pass\n\n@pipeline\ndef flow():\n    work()\n\nflow()\n")

    (run,) = lab.client().list_pipeline_runs().items

    assert run.environment.python.startswith("3.")
    assert run.environment.command[0].endswith("script.py")
    assert run.environment.folder == str(lab.folder)
    assert "msgspec" in run.environment.packages
