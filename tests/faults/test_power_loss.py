"""After the power failed, whatever was not synced may be lost: what is recorded is whole, and the rest is made again.

`make faults` looks at more states of more shapes, and at what the relaxed durability loses.
"""

import os
import random
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import power_states

STATES = 20
"""States of the disk that are looked at, for each shape."""
SHAPES = ("chain", "files", "fan", "retried", "loop", "submitted", "hooked")


def test_the_states_are_many():
    assert STATES * len(SHAPES) >= 140


@pytest.fixture
def environment(monkeypatch):
    """The environment, which is as it was after the test."""
    for name in ("ZENML_CONFIG_PATH", "ZENML_DURABILITY", "ZENML_QUIET", "FAULTS_TRACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_not_synced_may_be_lost(shape, environment, tmp_path):
    recording = power_states.record(shape, str(tmp_path), "full")
    losses = list(power_states.states(recording, random.Random(f"steady {shape}"), STATES, str(tmp_path)))

    assert len(losses) == STATES
    seen = {(one.has_returned, one.was_complete) for one in losses}
    assert {(False, False), (True, True)} <= seen, "moments before and after the end were drawn"


def test_relaxed_durability_loses_the_last_moments_and_no_more(environment, tmp_path):
    recording = power_states.record("files", str(tmp_path), "relaxed")
    losses = list(power_states.states(recording, random.Random("steady"), STATES, str(tmp_path)))

    assert len(losses) == STATES, "each made again what it had lost"
    assert any(one.has_returned and not one.was_complete for one in losses)
