"""Every option with every kind of value: it is taken, or refused in words that name it."""

import os
import threading
from datetime import timedelta

import bad_samples
import pytest
from bad_rows import check_message

from zenml import Model, step
from zenml.config import CachePolicy, DockerSettings, Schedule, StepRetryConfig
from zenml.config.option_table import NOT_USED, OPTIONS, PIPELINE, RUN, STEP
from zenml.declare.starting import compile_call
from zenml.errors import ZenMLError

VALUES = {
    "an object": object(),
    "a lock": threading.Lock(),
    "a function of one": lambda given: given,
    "a class": StepRetryConfig,
    "a step": bad_samples.load,
    "a pipeline": bad_samples.flow,
    "an empty text": "",
    "a text": "strange",
    "a text with NUL": "a\0b",
    "a lone surrogate": "\ud800",
    "bytes": b"strange",
    "a flag": True,
    "zero": 0,
    "a negative number": -1,
    "a huge number": 10**30,
    "a fraction": 0.5,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a list of numbers": [1],
    "a list of lists": [[]],
    "a list of None": [None],
    "a mapping of numbers": {1: 2},
    "a mapping of an unknown name": {"strange": "a"},
    "a mapping of an object": {"strange": object()},
    "a mapping of None": {"strange": None},
    "a set": {1},
    "a generator": (n for n in range(2)),
    "a timedelta": timedelta(1),
    "a module": os,
    "a retry": StepRetryConfig(),
    "a policy": CachePolicy(),
    "a model": Model("churn"),
    "a schedule": Schedule(interval_second=60),
    "docker settings": DockerSettings(),
}
CASES = [
    (owner, option.name) for option in OPTIONS for owner in (STEP, PIPELINE, RUN) if owner in option.owners
]


def compiled(owner, options):
    """Compile a pipeline with options of a step, of itself, or of a run; nothing runs."""
    if owner == STEP:
        train = step(bad_samples.load.function).with_options(**options)

        @bad_samples.pipeline
        def training():
            train()
    else:
        training = bad_samples.flow.with_options(**options)
    compile_call(training, (), {})


def refusal(owner, options):
    """Return what is said against options, None if they are taken; anything but an error of ours is a failure."""
    try:
        compiled(owner, options)
    except ZenMLError as error:
        return str(error)
    except Exception as error:
        raise AssertionError(f"{options}: {type(error).__name__}: {error}") from error
    return None


@pytest.mark.parametrize(("owner", "name"), CASES, ids=[f"{owner}-{name}" for owner, name in CASES])
def test_a_strange_value_is_taken_or_refused_by_name(owner, name):
    said = {what: refusal(owner, {name: value}) for what, value in VALUES.items()}
    for message in filter(None, said.values()):
        check_message(message)
        # A materializer is refused with the output that it is for, a value in a mapping by its own name.
        assert any(word in message for word in (name.rstrip("s"), "Output `output`", "strange", "None"))
    assert any(said.values()) or name in NOT_USED


@pytest.mark.parametrize("name", [one.name for one in OPTIONS if STEP in one.owners and one.is_in_files])
def test_a_strange_value_of_a_step_is_told_alike_where_the_run_says_it(name):
    for value in VALUES.values():
        message = refusal(RUN, {"steps": {"double": {name: value}}})
        if message is not None:
            check_message(message)
