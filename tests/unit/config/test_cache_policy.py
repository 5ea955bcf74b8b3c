"""A cache policy says which inputs count and how old a result may be."""

import pytest

from zenml.config import CachePolicy
from zenml.errors import ConfigurationError


def test_by_default_everything_counts_and_nothing_expires():
    policy = CachePolicy.default()

    assert (policy.max_age_days, policy.ignore_fields) == (None, ())


def test_days_are_seconds_too():
    assert CachePolicy(max_age_days=2).expires_after == 172_800
    assert CachePolicy(expires_after=43_200).max_age_days == 0.5


def test_both_spellings_of_ignored_inputs_are_the_same():
    assert CachePolicy(ignored_inputs=["a"]) == CachePolicy(ignore_fields=["a"])
    assert CachePolicy(ignore_fields=["a"]).ignored_inputs == ("a",)


def test_policies_are_equal_when_they_say_the_same():
    assert CachePolicy(1, ["a"]) == CachePolicy(1, ("a",))
    assert hash(CachePolicy(1, ["a"])) == hash(CachePolicy(1, ("a",)))
    assert CachePolicy(1) != CachePolicy(2)


@pytest.mark.parametrize("age", [0, -1, float("nan")])
def test_an_age_must_be_positive(age):
    with pytest.raises(ConfigurationError, match=r"must be greater than 0.*enable_cache=False"):
        CachePolicy(max_age_days=age)


def test_an_age_is_given_once():
    with pytest.raises(ConfigurationError, match="not both"):
        CachePolicy(max_age_days=1, expires_after=1)


def test_a_text_is_no_list_of_names():
    with pytest.raises(ConfigurationError, match=r'write `ignore_fields=\["when"\]`'):
        CachePolicy(ignore_fields="when")


def test_the_module_has_no_other_names():
    import zenml.config

    with pytest.raises(AttributeError, match="no attribute `Nothing`"):
        zenml.config.Nothing
