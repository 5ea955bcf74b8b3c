"""The filter grammar: what text means, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.errors import ConfigurationError
from zenml.records.query import (
    MAX_OPTIONS,
    MAX_PAGE,
    MAX_PAGE_SIZE,
    OPERATORS,
    Condition,
    Page,
    read_condition,
    read_page,
    read_sort,
)


def test_text_without_an_operator_means_equality():
    assert read_condition("name", "a:b") == Condition("name", "equals", "a:b")


@pytest.mark.parametrize("operator", [one for one in OPERATORS if one != "oneof"])
def test_an_operator_stands_before_the_first_colon(operator):
    assert read_condition("name", f"{operator}:a:b") == Condition("name", operator, "a:b")


def test_oneof_takes_a_list_in_text():
    assert read_condition("name", "oneof:a,b") == Condition("name", "oneof", ("a", "b"))


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_a_collection_means_one_of_its_items(kind):
    condition = read_condition("name", kind(["a"]))

    assert condition == Condition("name", "oneof", ("a",))


@given(st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none() | st.binary())
def test_other_values_are_compared_as_they_are(value):
    assert read_condition("size", value) == Condition("size", "equals", value)


@pytest.mark.parametrize("value", [2**63, "\udcff", object(), ["a", 2**64], {"a": 1}])
def test_what_no_field_can_hold_is_refused(value):
    with pytest.raises(ConfigurationError, match="`name` cannot be compared with"):
        read_condition("name", value)


def test_too_many_options_are_refused():
    with pytest.raises(ConfigurationError, match=f"up to {MAX_OPTIONS}"):
        read_condition("name", list(range(MAX_OPTIONS + 1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("name", ("name", False)), ("asc:name", ("name", False)), ("desc:name", ("name", True))],
)
def test_a_sort_names_a_direction_and_a_field(text, expected):
    assert read_sort(text) == expected


@pytest.mark.parametrize("text", ["down:name", ":name", "DESC:name"])
def test_an_unknown_direction_is_refused(text):
    with pytest.raises(ConfigurationError, match=f"`{text}` is not a sort order. Write `asc:FIELD`"):
        read_sort(text)


@pytest.mark.parametrize("page", [0, -1, MAX_PAGE + 1])
def test_pages_are_numbered_from_one(page):
    with pytest.raises(ConfigurationError, match=f"There is no page {page}"):
        read_page(page, 20)


@pytest.mark.parametrize("size", [0, -1, MAX_PAGE_SIZE + 1])
def test_a_page_holds_a_limited_number(size):
    with pytest.raises(ConfigurationError, match=f"cannot hold {size} items"):
        read_page(1, size)


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (20, 1), (21, 2), (40, 2)])
def test_the_last_page_may_be_short(total, pages):
    assert Page([], total, 1, 20).total_pages == pages


def test_a_page_is_a_sequence_of_its_items():
    page = Page(["a", "b"], 7, 1, 2)

    assert (page[0], page[-1], list(page), len(page)) == ("a", "b", ["a", "b"], 2)
