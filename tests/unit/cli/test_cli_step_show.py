"""`zenml step show`: what a step was given, what it made, and how often it was tried."""

import json

import pytest

from zenml import log_metadata, pipeline, step
from zenml.config.retry_config import StepRetryConfig


@step
def load(rows: int) -> list[int]:
    print("loading")
    return [0] * rows


@step(retry=StepRetryConfig(max_retries=1), enable_cache=False)
def train(data: list[int], rate: float) -> float:
    log_metadata({"rows": len(data)})
    raise ConnectionError("warehouse down")


@pipeline
def flow():
    train(load(3), rate=0.5)


@pytest.fixture
def run(zenml):
    with pytest.raises(ConnectionError):
        flow.with_options(run_name="nightly")()


def test_a_failed_step_shows_its_attempts_and_its_cause(zenml, run):
    shown = zenml("step", "show", "nightly", "train").out

    assert "rate = 0.5" in shown
    assert "data = flow::load::output@1" in shown
    assert "1 retried" in shown
    assert "2 failed" in shown
    assert "ConnectionError: warehouse down" in shown
    assert "rows = 3" in shown


def test_a_step_that_succeeded_shows_its_output_and_the_end_of_its_log(zenml, run):
    shown = zenml("step", "show", "nightly", "load").out

    assert "output = flow::load::output@1 (list" in shown
    assert "  loading" in shown
    assert "Attempts" not in shown


def test_json_has_parameters_inputs_options_and_attempts(zenml, run):
    shape = json.loads(zenml("step", "show", "nightly", "train", "--json").out)

    assert shape["parameters"] == {"rate": 0.5}
    assert [one["name"] for one in shape["inputs"]["data"]] == ["flow::load::output"]
    assert shape["options"]["retry"]["max_retries"] == 1
    assert [one["status"] for one in shape["attempts"]] == ["retried", "failed"]
    assert shape["source"]["name"] == "train"
