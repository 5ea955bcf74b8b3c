"""Every option with every kind of value: it is taken, or refused in words that name it."""

import os
import threading
from datetime import timedelta

import bad_samples
import pytest
from bad_rows import check_message

from zenml import Model, step
from zenml.config import CachePolicy, DockerSettings, Schedule, StepRetryConfig
from zenml.config.option_table import OPTIONS, PIPELINE, RUN, STEP
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


def configured(owner, options):
    """Compile a pipeline with options of a step, of itself, or of a run; nothing runs."""
    if owner == STEP:
        train = step(bad_samples.load.function).with_options(**options)

        @bad_samples.pipeline
        def training():
            train()
    else:
        training = bad_samples.flow.with_options(**options)
    compile_call(training, (), {})


@pytest.mark.parametrize(("owner", "name"), CASES, ids=[f"{owner}-{name}" for owner, name in CASES])
def test_a_strange_value_is_taken_or_refused_by_name(owner, name):
    refused = 0
    for what, value in VALUES.items():
        try:
            configured(owner, {name: value})
        except ZenMLError as error:
            refused += 1
            try:
                check_message(str(error))
                assert (
                    name in str(error)
                    or "Output" in str(error)
                    or "strange" in str(error)
                    or "None" in str(error)
                )
            except AssertionError as wrong:
                raise AssertionError(f"{name}={what}: {wrong}") from error
        except Exception as error:
            raise AssertionError(f"{name}={what}: {type(error).__name__}: {error}") from error
    assert refused or name in ("build", "prevent_build_reuse", "unlisted")


def test_a_strange_value_of_a_step_of_a_run_is_refused_alike():
    for option in OPTIONS:
        if STEP not in option.owners or not option.is_in_files:
            continue
        for what, value in VALUES.items():
            try:
                configured(PIPELINE, {"steps": {"double": {option.name: value}}})
            except ZenMLError as error:
                check_message(str(error))
            except Exception as error:
                raise AssertionError(f"{option.name}={what}: {type(error).__name__}: {error}") from error
