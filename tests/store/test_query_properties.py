"""Any filter finds what the same words find in Python, in every store, or is refused as a configuration error."""

import operator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from store_samples import an_artifact

from zenml.errors import ConfigurationError
from zenml.records.query import OPERATORS, Condition, Query, read_condition
from zenml.records.run import Artifact

NAMES = (
    "apple", "Apple", "APPLE", "100%", "a_b", "aXb", "back\\slash", "it's", 'say "hi"', "a;b--c", ":mark", "%(x)s",
    "?", "größe", "GRÖSSE", "groẞe", "e\u0301", "é", "\u0131", "İ", "🎈", "\u200b", " ", "a b", "\t", "line\nend",
    "\x01", "\x7f", "\ufffd", "\U0010ffff", "ﬃ", "true", "None", "5", "05", "1e3", "equals:x", "",
)  # fmt: skip
SIZES = (0, 1, 5, 10, 15, 150, -1, 2**53 + 1, 2**62, -(2**62))
COMPARISONS = {
    "equals": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
PART = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(st.integers(0, len(name)), st.integers(0, len(name))).map(
        lambda ends: name[min(ends) : max(ends)]
    )
)
TEXT = PART | st.text(max_size=8) | PART.map(str.swapcase) | st.sampled_from(NAMES)
NUMBER = st.sampled_from(SIZES) | st.integers(-20, 200) | st.floats() | st.integers(-(2**63), 2**63 - 1)
VALUE = (
    st.tuples(st.sampled_from(OPERATORS), TEXT | NUMBER.map(str)).map(":".join)
    | TEXT
    | NUMBER
    | st.booleans()
    | st.none()
    | st.binary(max_size=3)
    | st.lists(TEXT | NUMBER, max_size=3)
)
once_filled = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def filled(store):
    rows = [
        an_artifact(
            name=name,
            version=number + 1,
            size=SIZES[number % len(SIZES)],
            producer=None if number % 3 else f"step-{number}",
        )
        for number, name in enumerate(NAMES)
    ]
    store.insert(rows)
    return rows


def fits(held, condition):
    """Say in Python what a condition says of a value; `held` is a text, a number or None."""
    value = condition.value
    if held is None or value is None:
        is_wanted = {"equals": held is None, "ne": held is not None}
        return value is None and is_wanted.get(condition.operator, held is not None)
    if condition.operator == "oneof":
        return any(fits(held, Condition(condition.field, "equals", one)) for one in value if one is not None)
    if condition.operator == "contains":
        return str(value) in str(held)
    if condition.operator == "startswith":
        return str(held).startswith(str(value))
    if isinstance(held, str):
        return COMPARISONS[condition.operator](held, str(value))
    return COMPARISONS[condition.operator](held, number_of(value))


def number_of(value):
    if isinstance(value, str):
        return int(value) if abs(int(value)) < 2**63 else float(value)
    return value


@st.composite
def filters(draw):
    return draw(st.sampled_from(("name", "size", "producer"))), draw(VALUE)


def test_a_filter_finds_what_python_finds(store):
    rows = filled(store)

    @given(st.lists(filters(), min_size=1, max_size=3))
    @example([("name", "contains:\0")])
    @example([("name", "a\0b")])
    @example([("size", float("nan"))])
    @example([("size", "ne:nan")])
    @example([("name", b"apple")])
    @example([("size", b"1")])
    @example([("size", True)])
    @example([("name", ["apple", None])])
    @example([("name", "contains:" + "x" * 100_000)])
    @once_filled
    def check(given):
        try:
            conditions = tuple(read_condition(field, value) for field, value in given)
            found = store.find(Artifact, Query(conditions, is_descending=False, size=1000)).items
        except ConfigurationError:
            assert not all(is_answered(*one) for one in given)
            return
        expected = [row for row in rows if all(fits(getattr(row, one.field), one) for one in conditions)]
        assert [row.name for row in found] == [row.name for row in expected]

    check()


def is_answered(field, value):
    """Tell whether a filter must not be refused: one of ordinary text, where text is held."""
    return field == "name" and isinstance(value, str) and value.isprintable()


@pytest.mark.parametrize("column", ["inline", "signature"])
@pytest.mark.parametrize("value", ["x", "contains:x", 5, b"x", ["x"]])
def test_bytes_are_compared_with_bytes_only(store, column, value):
    filled(store)
    conditions = (read_condition(column, value),)

    if value == b"x":
        assert store.find(Artifact, Query(conditions)).items == []
        return
    with pytest.raises(ConfigurationError, match=f"`{column}`"):
        store.find(Artifact, Query(conditions))


@pytest.mark.parametrize("value", ["a\0b", "contains:\0", ["a", "\0"], float("nan"), "oneof:a,\0"])
def test_what_no_store_holds_is_refused_by_all(store, value):
    with pytest.raises(ConfigurationError, match="`name`"):
        store.find(Artifact, Query((read_condition("name", value),)))


def test_a_filter_by_bytes_is_refused_where_text_or_numbers_are_held(store):
    for column in ("name", "size"):
        with pytest.raises(ConfigurationError, match=f"`{column}`"):
            store.find(Artifact, Query((read_condition(column, b"x"),)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("contains:APP", ["APPLE"]),
        ("contains:pp", ["apple", "Apple"]),
        ("startswith:a", ["apple", "a_b", "aXb", "a;b--c", "a b"]),
        ("contains:ß", ["größe"]),
        ("contains:é", ["é"]),
    ],
)
def test_case_and_form_count_alike_in_every_store(store, value, expected):
    filled(store)

    page = store.find(Artifact, Query((read_condition("name", value),), is_descending=False, size=100))

    names = [row.name for row in page]
    assert [name for name in names if name in expected] == expected
    assert all(value.partition(":")[2] in name for name in names)
