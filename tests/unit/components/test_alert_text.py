import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zenml.components.alert_text import keep_begin, keep_end, one_line, readable, without


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\tb", "a\tb"),
        ("a\0b\x07", "a\ufffdb\ufffd"),
        ("a\u2028b\x85", "a\ufffdb\ufffd"),
        ("\udcff", "\\udcff"),
        ("Größe ✅", "Größe ✅"),
    ],
)
def test_readable(text, expected):
    assert readable(text) == expected


@given(st.text())
@example("\x1b[\x1b[31m")
def test_what_is_readable_can_be_sent_and_has_no_control_characters(text):
    shown = readable(text)

    shown.encode()
    assert not any(letter < " " and letter not in "\n\t" for letter in shown)


def test_one_line():
    assert one_line(" a\r\n b\tc ") == "a b c"


@given(st.text(), st.integers(1, 20))
def test_a_cut_text_is_the_beginning_and_never_too_long(text, most):
    kept = keep_begin(text, most)

    assert len(kept) <= most
    assert kept == text or text.startswith(kept[:-1])


@given(st.text(alphabet="ab\n"), st.integers(2, 20))
def test_a_cut_log_is_the_end_and_never_too_long(text, most):
    kept = keep_end(text, most)

    assert len(kept) <= most
    assert kept == text or (kept.startswith("…\n") and text.endswith(kept[2:]))


def test_a_cut_log_begins_with_a_whole_line():
    assert keep_end("first\nsecond\nthird", 12) == "…\nthird"


def test_a_log_of_one_long_line_keeps_its_end():
    assert keep_end("x" * 100 + "end", 10) == "…\nxxxxxend"


def test_a_length_that_escaping_makes_longer():
    def measure(text):
        return len(text.replace("<", "&lt;"))

    kept = keep_begin("<" * 100, 50, measure)

    assert measure(kept) <= 50
    assert kept.count("<") == 12


def test_secrets_are_masked_the_longest_first():
    assert without("token-and-more token", ["token", "token-and-more", ""]) == "*** ***"
