"""`zenml pipeline run`: arguments by annotation, exit statuses, and what a failure prints."""

import json

import pytest

from zenml.client import Client

FLOW = """
import sys
from zenml import pipeline, step

@step(enable_cache=True)
def load(n: int) -> list[int]:
    print("to stdout")
    return list(range(n))

@step
def scale(xs: list[int], rates: list[float], mode: str | None) -> float:
    if not rates:
        raise ValueError("no rates")
    return sum(xs) * rates[0]

@pipeline
def train(n: int, rates: list[float] = [1.0], mode: str | None = None, **rest: bool):
    scale(load(n), rates, mode)

@pipeline
def broken(n: int = 1):
    load(n)
    undefined
"""


@pytest.fixture(autouse=True)
def _flow(tmp_path):
    (tmp_path / "flow_run.py").write_text(FLOW)


def last_run():
    return Client().list_pipeline_runs(size=1).items[0]


def test_a_run_that_succeeds_has_status_0(zenml):
    result = zenml("pipeline", "run", "flow_run.py:train", "--param", "n=4", "--name", "mine")

    assert result.status == 0
    assert result.out == "to stdout\n"
    assert "Run `mine` finished" in result.err
    assert last_run().steps["scale"].output.load() == 6.0


def test_parameters_are_read_as_the_annotations_ask(zenml):
    arguments = ("--param", "n=2", "--param", "rates=[0.5, 2]", "--param", "mode=a=b", "--param", "extra=yes")

    result = zenml("pipeline", "run", "flow_run:train", *arguments)

    assert result.status == 0
    assert last_run().config.parameters == {"n": 2, "rates": [0.5, 2.0], "mode": "a=b", "extra": True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--param", "n"], "Write `--param n=VALUE`."),
        (["--param", "n=x"], "`n` must be `int`"),
        (["--param", "n=1", "--param", "n=2"], "given twice"),
        ([], "Add `--param n=VALUE`."),
    ],
)
def test_wrong_parameters_have_status_2_and_nothing_runs(zenml, arguments, message):
    result = zenml("pipeline", "run", "flow_run:train", *arguments)

    assert result.status == 2
    assert message in result.err
    assert Client().list_pipeline_runs().total == 0


def test_an_unknown_parameter_lists_the_known_ones(zenml):
    result = zenml("pipeline", "run", "flow_run:broken", "--param", "nn=1")

    assert result.status == 2
    assert "Did you mean `n`?" in result.err


def test_a_failed_run_has_status_1_and_a_panel(zenml):
    result = zenml("pipeline", "run", "flow_run:train", "--param", "n=2", "--param", "rates=[]")

    assert result.status == 1
    panel = result.err[result.err.index("Step `scale` of run") :]
    assert "failed: ValueError: no rates\n" in panel
    assert 'flow_run.py", line 13, in scale' in panel
    assert "Go on with what is missing: zenml run resume" in panel
    assert "zenml run show" in panel
    assert "site-packages" not in panel
    assert "src/zenml" not in panel


def test_verbose_adds_the_whole_traceback(zenml):
    result = zenml("pipeline", "run", "-v", "flow_run:train", "--param", "n=2", "--param", "rates=[]")

    assert result.status == 1
    assert "step_runner.py" in result.err


def test_an_error_in_the_pipeline_function_is_no_run(zenml):
    result = zenml("pipeline", "run", "flow_run:broken")

    assert result.status == 1
    assert "Pipeline `broken` could not be put together: NameError" in result.err
    assert "(flow_run.py:23)" in result.err
    assert Client().list_pipeline_runs().total == 0


def test_no_cache_executes_even_steps_that_insist_on_it(zenml):
    arguments = ("pipeline", "run", "flow_run:train", "--param", "n=4")
    zenml(*arguments)

    assert "2 cached" in zenml(*arguments).err
    assert "2 completed" in zenml(*arguments, "--no-cache").err


def test_refresh_executes_the_steps_that_it_names(zenml):
    arguments = ("pipeline", "run", "flow_run:train", "--param", "n=4")
    zenml(*arguments)
    first = next(iter(Client().list_pipeline_runs().items[0].steps))

    assert "1 completed" in zenml(*arguments, "--refresh", first).err
    refused = zenml(*arguments, "--refresh", "nowhere")
    assert refused.status == 1
    assert "a step `nowhere`, which it does not have" in refused.err


def test_a_detached_run_goes_on_by_itself(zenml):
    result = zenml("pipeline", "run", "flow_run:train", "--param", "n=4", "--detach", "--json")

    assert result.status == 0
    run = Client().get_pipeline_run(json.loads(result.out)["id"])
    assert str(run.wait(30).status) == "completed"


def test_a_run_that_goes_on_in_the_background_has_not_failed(zenml):
    client = Client()
    client.create_stack_component("background", "local", "orchestrator", {"synchronous": False})
    client.create_stack("later", {"orchestrator": "background"})
    client.activate_stack("later")

    result = zenml("pipeline", "run", "flow_run:train", "--param", "n=4", "--name", "nightly")

    assert result.status == 0, result.err
    assert "zenml run resume" not in result.err
    assert str(Client().get_pipeline_run("nightly").wait(30).status) == "completed"


def test_a_name_that_is_taken_is_an_error(zenml):
    arguments = ("pipeline", "run", "flow_run:train", "--param", "n=4", "--name", "same")
    zenml(*arguments)

    result = zenml(*arguments)

    assert result.status == 1
    assert "already a run named `same`" in result.err


def test_json_has_standard_output_to_itself(zenml):
    result = zenml("pipeline", "run", "flow_run:train", "--param", "n=4", "--json")

    assert result.status == 0
    assert json.loads(result.out)["status"] == "completed"
    assert "to stdout" in result.err


def test_a_failed_run_is_json_too(zenml):
    result = zenml("pipeline", "run", "flow_run:train", "--param", "n=2", "--param", "rates=[]", "--json")

    assert result.status == 1
    assert json.loads(result.out)["failure"]["message"] == "no rates"


def test_check_asks_for_secrets_before_a_run_does(zenml, tmp_path):
    (tmp_path / "guarded.py").write_text(
        "from zenml import pipeline, step\n\n@step(secrets=['vault'])\ndef work(): ...\n\n"
        "@pipeline\ndef flow():\n    work()\n"
    )

    result = zenml("pipeline", "check", str(tmp_path / "guarded.py"))

    assert result.status == 1
    assert "There is no secret `vault`, which step `work` asks for" in result.err


def test_the_newest_run_is_called_latest(zenml):
    zenml("pipeline", "run", "flow_run:train", "--param", "n=4", "--name", "first")
    zenml("pipeline", "run", "flow_run:train", "--param", "n=4", "--name", "second")

    assert json.loads(zenml("run", "show", "latest", "--json").out)["name"] == "second"
