"""Configuration files on the command line."""

import json

import pytest

FLOW = """
from zenml import pipeline, step

@step
def train(rate: float = 0.1) -> float:
    return rate

@pipeline
def flow(rows: int = 1):
    train()

@pipeline
class Whole:
    def connect(self):
        train()

whole = Whole()
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)

    def write(text):
        (tmp_path / "run.yaml").write_text(text)

    return write


def test_a_run_takes_a_file(zenml, write):
    write("run_name: nightly\nsteps: {train: {parameters: {rate: 0.5}}}\n")

    result = zenml("pipeline", "run", "flow.py:flow", "--config", "run.yaml", "--json")

    assert result.status == 0, result.err
    assert json.loads(result.out)["name"] == "nightly"


def test_the_name_on_the_command_line_beats_that_of_the_file(zenml, write):
    write("run_name: nightly\n")

    result = zenml("pipeline", "run", "flow.py:flow", "--config", "run.yaml", "--name", "mine", "--json")

    assert json.loads(result.out)["name"] == "mine"


def test_a_check_tells_all_problems_of_a_file_and_runs_nothing(zenml, write):
    write("run_nam: x\nsteps:\n  trian: {}\n")

    result = zenml("pipeline", "check", "flow.py:flow", "--config", "run.yaml")

    assert result.status == 1
    assert "run.yaml:1" in result.err
    assert "run.yaml:3" in result.err
    assert json.loads(zenml("pipeline", "runs", "list", "--json").out)["total"] == 0


def test_a_check_tells_of_missing_variables(zenml, write):
    write("extra: {a: '${NO_SUCH_VARIABLE_X}'}\n")

    result = zenml("pipeline", "check", "flow.py:flow", "--config", "run.yaml")

    assert result.status == 1
    assert "NO_SUCH_VARIABLE_X" in result.err


@pytest.mark.parametrize("words", [["config"], ["config", "show"]])
def test_the_options_that_would_hold_with_a_file(zenml, write, words):
    write("enable_cache: false\n")

    result = zenml("pipeline", *words, "flow.py:flow", "--config", "run.yaml", "--json")

    assert json.loads(result.out)["options"]["enable_cache"] is False


def test_the_arguments_of_steps_are_shown(zenml, write):
    write("steps: {train: {parameters: {rate: 0.01}}}\n")

    result = zenml("pipeline", "config", "flow.py:flow", "--config", "run.yaml", "--json")

    assert json.loads(result.out)["steps"]["train"]["parameters"] == {"rate": 0.01}


def test_a_template_is_a_file_that_changes_nothing(zenml, write, tmp_path):
    write("")
    before = zenml("pipeline", "config", "flow.py:flow").out

    result = zenml("pipeline", "config", "template", "flow.py:flow", "--output", "template.yaml")

    assert result.status == 0, result.err
    assert zenml("pipeline", "config", "flow.py:flow", "--config", "template.yaml").out == before
    printed = zenml("pipeline", "config", "template", "flow.py:flow").out
    assert printed == (tmp_path / "template.yaml").read_text()
    again = zenml("pipeline", "config", "template", "flow.py:flow", "--output", "template.yaml")
    assert (again.status, "is there already" in again.err) == (2, True)


def test_the_schema_is_json(zenml):
    assert json.loads(zenml("pipeline", "config", "schema").out)["title"] == "Configuration of a pipeline run"


def test_a_schedule_in_a_file_is_stored(zenml, write):
    write("schedule: {name: nightly, cron_expression: '0 2 * * *'}\n")

    result = zenml("pipeline", "run", "flow.py:flow", "--config", "run.yaml", "--json")

    assert (result.status, json.loads(result.out)) == (0, None)
    assert "Schedule `nightly`" in result.err


def test_the_pipeline_of_a_class_is_found(zenml, write):
    write("")

    result = zenml("pipeline", "run", "flow.py:whole", "--json")

    assert result.status == 0, result.err
    assert json.loads(result.out)["pipeline"] == "Whole"
