import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.components.alert_layout import cleaned, is_web_link, plain_text
from zenml.components.alerter import Alert

LONG = Alert(
    title="t" * 500,
    text="x" * 5000,
    fields={f"name {n}": "v" * 100 for n in range(50)},
    log_tail="\n".join(f"line {n}" for n in range(1000)),
    link="https://example.com/7",
)


def test_a_message_that_fits_is_whole():
    alert = Alert(title="t", text="x", fields={"a": "b"}, log_tail="l", link="https://e.com")

    assert plain_text(alert, 1000) == "t\n\nx\n\na: b\n\nl\n\nhttps://e.com" == alert.as_text()


@given(st.integers(50, 9000))
def test_a_message_that_is_too_long_fits(most):
    assert len(plain_text(LONG, most)) <= most


def test_of_a_message_that_is_too_long_every_part_is_there():
    text = plain_text(LONG, 2000)

    assert text.startswith("ttt")
    for part in ("\n\nxxx", "name 0: vvv", "line 999", "https://example.com/7"):
        assert part in text


def test_a_long_text_has_the_room_that_nothing_else_wants():
    text = plain_text(Alert(title="t", text="x" * 5000), 1000)

    assert text.count("x") > 950


def test_the_title_is_left_out():
    assert plain_text(Alert(title="t", text="x"), 100, has_title=False) == "x"


def test_a_plain_text_has_no_title():
    assert cleaned("a\x1b[0mb", 10) == Alert(title="", text="ab")


@pytest.mark.parametrize(
    ("link", "is_web"),
    [("https://e.com", True), ("http://e.com", True), ("javascript:x", False), (None, False)],
)
def test_web_links(link, is_web):
    assert is_web_link(link) is is_web
