"""Cron expressions are read field by field."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zenml.config import Schedule
from zenml.config.cron_text import SHORT_FORMS, expanded, read_cron
from zenml.errors import ConfigurationError


@pytest.mark.parametrize(
    "text",
    ["*/15 9-17 * * MON-FRI", "0 0 L * *", "0 0 LW * *", "0 0 * * 5L", "0 0 * * MON#2", "0 0 29 2 *", "0 0 * 2 MON#5", "5,10-20/5 * * jan sun"],
)  # fmt: skip
def test_what_is_taken_as_it_is(text):
    assert Schedule(cron_expression=text).cron_expression == text


def test_blanks_do_not_count():
    assert read_cron("  0  2 * *\t* ") == "0 2 * * *"


@pytest.mark.parametrize("word", SHORT_FORMS)
def test_words_stand_for_expressions(word):
    assert read_cron(f" {word.upper()} ") == word
    assert read_cron(expanded(word)) == expanded(word) == SHORT_FORMS[word]


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("61 * * * *", "field minute `61` is not possible: `61` is above 59. It may be 0 to 59"),
        ("* 24 * * *", "field hour `24`"),
        ("* * 32 * *", "field day-of-month `32`"),
        ("* * 0 * *", "`0` is below 1"),
        ("* * * 13 *", "field month `13`"),
        ("* * * * 8", "field day-of-week `8`"),
        ("* * * JANUARY *", "`JANUARY` is no month, and `JAN` is one"),
        ("1,,2 * * * *", "a part of its list is empty"),
        ("*/0 * * * *", "its step `0` is no number from 1 up"),
        ("*/x * * * *", "its step `x` is no number from 1 up"),
        ("* 22-3 * * *", "its range `22-3` goes down; write `22-23,0-3`"),
        ("5- * * * *", "its range `5-` lacks an end"),
        ("* * L-3 * *", "`L` stands alone"),
        ("* * ? * *", r"`\?` is written `\*` here"),
        ("* * 1#2 * *", "`#` is for the day-of-week"),
        ("* * * * 1#6", "`6` after `#` is no number from 1 to 5"),
        ("* * * * 9#1", "`9` is above 7"),
        (f"{'9' * 5000} * * * *", "field minute `99999"),
        ("61 99 * *", "4 fields instead of 5"),
        ("0 0 2 * * *", "6 fields instead of 5"),
        ("CRON_TZ=Europe/Berlin 0 2 * * *", "timezone='Europe/Berlin'"),
        ("", "0 fields instead of 5"),
        (5, "instead of 5"),
        ("@reboot", "which is no time"),
        ("@dayly", "Did you mean `@daily`"),
        ("@sometimes", "There are `@hourly`, `@daily`"),
        ("0 0 30 2 *", "no day is ever like that"),
        ("0 0 31 4,6 *", "no day is ever like that"),
        ("0 0 */31 * MON#2", "no day is ever like that"),
    ],
)
def test_a_wrong_expression_names_its_field(cron, message):
    with pytest.raises(ConfigurationError, match=message):
        Schedule(cron_expression=cron)


@settings(max_examples=400, deadline=None)
@example("* * L/2 * *")
@example("* * LW,1/2 * *")
@example("* * * * ²L")
@given(st.lists(st.text("*/,-#LW?0129MONJA", min_size=1, max_size=6), min_size=5, max_size=5).map(" ".join))
def test_any_text_is_taken_or_refused_in_words(text):
    message = refusal(text)

    assert message is None or message.startswith("`cron_expression` is")


def refusal(text):
    """Return what is said against an expression; anything but an error of ours is a failure."""
    try:
        assert read_cron(text) == text
    except ConfigurationError as error:
        return str(error)
