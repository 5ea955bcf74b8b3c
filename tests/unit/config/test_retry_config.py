"""Retry configurations: what they hold, and what they refuse when they are written down."""

from __future__ import annotations

import pytest

from zenml.config.retry_config import StepRetryConfig
from zenml.errors import ConfigurationError


def test_it_holds_its_fields():
    config = StepRetryConfig(max_retries=3, delay=10, backoff=2)

    assert (config.max_retries, config.delay, config.backoff) == (3, 10, 2)


@pytest.mark.parametrize(
    "field",
    [
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": "10"},
        {"backoff": 0.5},
        {"max_delay": -1},
        {"jitter": 2},
        {"retry_on": [3]},
    ],
    ids=str,
)
def test_it_refuses_what_cannot_be_meant_and_names_the_field(field):
    with pytest.raises(ConfigurationError, match=next(iter(field))):
        StepRetryConfig(**field)


@pytest.mark.parametrize("given", [TimeoutError, "TimeoutError", "builtins.TimeoutError", [TimeoutError]])
def test_exceptions_are_kept_by_their_dotted_names(given):
    assert StepRetryConfig(retry_on=given).retry_on == ("builtins.TimeoutError",)
