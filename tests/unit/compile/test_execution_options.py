"""Where and how a step is executed, as the plan records it."""

from __future__ import annotations

import pytest

from zenml.compile.execution_options import execution_options, read_model, read_retry, shared_options
from zenml.config.model import Model
from zenml.config.retry_config import StepRetryConfig
from zenml.errors import ConfigurationError
from zenml.records.plan import ModelSpec, Retry, TagSpec


@pytest.mark.parametrize("chosen", [{"timeout": 3}, {"environment": {"A": "1"}}, {"secrets": ["s"]}], ids=str)
def test_what_needs_a_process_of_its_own_gets_one(chosen):
    assert execution_options(chosen, "step `s`")["runtime"] == "isolated"


def test_inline_can_be_insisted_on_but_not_with_a_timeout():
    assert execution_options({"environment": {"A": "1"}, "runtime": "inline"}, "s")["runtime"] == "inline"
    with pytest.raises(ConfigurationError, match="timeout"):
        execution_options({"timeout": 3, "runtime": "inline"}, "s")


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "3", True])
def test_a_timeout_is_a_positive_number_of_seconds(timeout):
    with pytest.raises(ConfigurationError, match="`timeout` of step `s`"):
        execution_options({"timeout": timeout}, "step `s`")


@pytest.mark.parametrize("given", [StepRetryConfig(2, delay=1), {"max_retries": 2, "delay": 1}])
def test_retries_come_as_a_configuration_or_as_a_mapping(given):
    assert read_retry(given, "s") == Retry(2, delay=1.0)


def test_no_retries_are_no_configuration():
    assert read_retry(StepRetryConfig(max_retries=0), "s") is None
    assert read_retry(None, "s") is None


@pytest.mark.parametrize("given", ["3", {"retries": 3}, 3.0])
def test_a_wrong_retry_is_refused(given):
    with pytest.raises(ConfigurationError, match="`retry` of step `s`"):
        read_retry(given, "step `s`")


def test_a_backoff_of_zero_means_waits_of_equal_length():
    assert read_retry(StepRetryConfig(2, delay=1, backoff=0), "s") == Retry(2, delay=1.0, backoff=1.0)


def test_a_model_is_recorded_with_its_words():
    model = Model("churn", 3, tags=["a"], license="MIT")

    assert read_model(model, "p") == ModelSpec("churn", "3", (TagSpec("a"),), {"license": "MIT"})


def test_space_around_the_version_of_a_model_does_not_make_another_version():
    assert read_model(Model("churn", " production "), "this").version == "production"


@pytest.mark.parametrize(
    "chosen",
    [{"environment": ["A"]}, {"environment": {"A": None}}, {"secrets": "one"}, {"secrets": [3]}],
    ids=str,
)
def test_environment_and_secrets_of_the_wrong_shape_are_refused(chosen):
    with pytest.raises(ConfigurationError, match=next(iter(chosen))):
        shared_options(chosen, {}, "step `s`")


def test_numbers_in_an_environment_are_written_out():
    assert shared_options({"environment": {"N": 4}}, {}, "s")["environment"] == {"N": "4"}


@pytest.mark.parametrize("given", [{"A=B": "1"}, {"A\0": "1"}, {"A": "1\0"}], ids=repr)
def test_variables_that_the_system_cannot_hold_are_refused(given):
    with pytest.raises(ConfigurationError, match="`environment` of step `s` sets"):
        shared_options({"environment": given}, {}, "step `s`")
