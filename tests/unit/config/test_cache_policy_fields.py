"""What a cache policy takes, and what it refuses when it is written down."""

import datetime as dt

import pytest

from zenml.config.cache_policy import CachePolicy
from zenml.errors import ConfigurationError


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"max_age_days": 0}, "max_age_days"),
        ({"max_age_days": "7"}, "max_age_days"),
        ({"expires_after": -1}, "expires_after"),
        ({"max_age_days": 1, "expires_after": 1}, "not both"),
        ({"ignore_fields": "when"}, "ignore_fields"),
        ({"ignored_inputs": [3]}, "ignore_fields"),
        ({"file_dependencies": "data.csv"}, "file_dependencies"),
        ({"cache_func": 3}, "cache_func"),
        ({"include_step_code": "yes"}, "include_step_code"),
        ({"max_age_dais": 3}, "Did you mean `max_age_days`"),
    ],
    ids=str,
)
def test_wrong_fields_are_refused_by_name(fields, name):
    with pytest.raises(ConfigurationError, match=name):
        CachePolicy(**fields)


def test_both_spellings_of_a_field_mean_the_same():
    day = dt.timedelta(days=1)

    assert CachePolicy(expires_after=day) == CachePolicy(expires_after=86_400) == CachePolicy(max_age_days=1)
    assert CachePolicy(ignored_inputs=["a"]) == CachePolicy(ignore_fields=["a"])


def test_the_default_says_nothing_of_itself():
    assert repr(CachePolicy.default()) == "CachePolicy()"
    assert repr(CachePolicy(max_age_days=1)) == "CachePolicy(max_age_days=1)"
