"""Which source of configuration wins, row by row of the table."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.config.precedence import PIPELINE_OPTIONS, STEP_OPTIONS, Layers, check_options, merge
from zenml.errors import ConfigurationError

LEVELS = ("decorator", "configure", "yaml", "with_options")


@pytest.mark.parametrize(("weaker", "stronger"), list(combinations(LEVELS, 2)))
def test_each_level_beats_those_before_it(weaker, stronger):
    layers = Layers().with_level(stronger, {"name": "strong"}).with_level(weaker, {"name": "weak"})

    assert layers.merged() == {"name": "strong"}


def test_what_a_stronger_level_does_not_say_is_taken_from_a_weaker_one():
    layers = Layers({"decorator": {"runtime": "inline"}, "with_options": {"name": "b"}})

    assert layers.merged() == {"runtime": "inline", "name": "b"}


def test_mappings_are_merged_key_by_key():
    layers = Layers(
        {
            "decorator": {"settings": {"a": 1, "deep": {"x": 1, "y": 1}}},
            "with_options": {"settings": {"b": 2, "deep": {"y": 2}}},
        }
    )

    assert layers.merged() == {"settings": {"a": 1, "b": 2, "deep": {"x": 1, "y": 2}}}


def test_lists_are_replaced():
    assert merge([{"tags": ["a"]}, {"tags": ["b"]}]) == {"tags": ["b"]}


def test_adding_a_level_leaves_the_layers_as_they_were():
    layers = Layers({"decorator": {"name": "a"}})

    layers.with_level("configure", {"name": "b"})

    assert layers.merged() == {"name": "a"}


def test_later_options_of_one_level_win():
    layers = Layers().with_level("configure", {"name": "a"}).with_level("configure", {"name": "b"})

    assert layers.merged() == {"name": "b"}


MAPPINGS = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
).filter(lambda value: isinstance(value, dict))


@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_merging_does_not_depend_on_grouping(a, b, c):
    assert merge([merge([a, b]), c]) == merge([a, b, c])


@given(MAPPINGS, MAPPINGS)
def test_merging_changes_none_of_its_sources(a, b):
    before = repr((a, b))

    merge([a, b])

    assert repr((a, b)) == before


@given(MAPPINGS)
def test_merging_with_nothing_changes_nothing(a):
    assert merge([a, {}]) == merge([{}, a]) == a


@pytest.mark.parametrize("allowed", [STEP_OPTIONS, PIPELINE_OPTIONS])
def test_every_option_is_accepted(allowed):
    check_options(dict.fromkeys(allowed), allowed, "it")


def test_a_mistyped_option_is_refused_with_the_close_one():
    with pytest.raises(
        ConfigurationError, match=r"Step `a` has no option `enable_cach`. Did you mean `enable_cache`\?"
    ):
        check_options({"enable_cach": True}, STEP_OPTIONS, "Step `a`")


def test_an_unknown_option_is_refused_with_all_there_are():
    with pytest.raises(ConfigurationError, match=r"It takes: .*runtime, secrets, settings"):
        check_options({"zzz": True}, STEP_OPTIONS, "Step `a`")


def test_arguments_are_replaced_as_wholes_where_settings_are_merged_key_by_key():
    first = {"steps": {"train": {"parameters": {"grid": {"a": 1}}, "settings": {"x": {"a": 1}}}}}
    second = {"steps": {"train": {"parameters": {"grid": {"b": 2}}, "settings": {"x": {"b": 2}}}}}

    assert merge((first, second))["steps"]["train"] == {
        "parameters": {"grid": {"b": 2}},
        "settings": {"x": {"a": 1, "b": 2}},
    }


def test_every_level_adds_its_secrets():
    assert merge(({"secrets": ["a", "b"]}, {"secrets": ["b", "c"]})) == {"secrets": ["a", "b", "c"]}
