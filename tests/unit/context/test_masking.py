"""Registered secrets do not appear in stored text, in any form that programs commonly print."""

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.context import masking
from zenml.worker import failures

SECRET = 'päss "word"/+?'
RAW = SECRET.encode()


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch):
    monkeypatch.setattr(masking, "_secrets", masking._Secrets())


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote_plus(SECRET),
        re.sub("%..", lambda one: one[0].lower(), quote(SECRET, safe="")),
        base64.b64encode(RAW).decode(),
        base64.b64encode(RAW).decode().rstrip("="),
        base64.urlsafe_b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode().rstrip("="),
        repr(SECRET)[1:-1],
        repr(RAW)[2:-1],
    ],
)
def test_a_secret_is_masked_in_each_form(form):
    masking.register_secret(SECRET)

    masked = masking.mask(f"before {form} after")

    assert masking.mask_bytes(f"before {form} after".encode()).decode() == masked
    assert masked in ("before *** after", 'before "***" after')


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "a", "ab"])
def test_a_secret_is_masked_inside_base64(before, after):
    masking.register_secret(SECRET)
    text = base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()

    masked = masking.mask(text)

    assert "***" in masked
    assert len(masked.replace("***", "")) <= len(text) - len(SECRET)


def test_a_secret_with_a_line_end_is_masked_without_it_too():
    masking.register_secret("hunter22\n")

    assert masking.mask("a hunter22 b hunter22\n") == "a *** b ***"


def test_short_values_are_left_alone():
    masking.register_secret("12345")

    assert masking.mask("12345") == "12345"
    assert not masking.is_needed()


def test_the_longer_one_of_two_secrets_is_masked_whole():
    masking.register_secret("secret-1")
    masking.register_secret("secret-1-and-more")

    assert masking.mask("secret-1-and-more") == "***"


def test_a_failure_is_stored_without_secrets():
    masking.register_secret("hunter22")
    error = ValueError("no entry for hunter22")
    error.add_note("tried hunter22")

    failure = failures.describe(error)

    assert "hunter22" not in failure.message + failure.traceback + "".join(failure.notes)


@given(cut=st.integers(1, 7), before=st.text(max_size=5))
def test_a_secret_that_is_cut_is_found_to_have_begun(cut, before):
    masking.register_secret("hunter22")
    data = (before + "hunter22"[:cut]).encode(errors="replace")

    assert masking.begun_at(data) <= len(data) - cut


def test_a_value_is_masked_in_its_texts_and_names():
    masking.register_secret("hunter22")

    masked = masking.mask_value({"a hunter22": [1, None, "hunter22", {"b": "x hunter22"}], "c": True})

    assert masked == {"a ***": [1, None, "***", {"b": "x ***"}], "c": True}


def test_what_is_registered_is_told_once():
    told = []
    masking.tell(told.append)
    try:
        masking.register_secret("hunter22")
        masking.register_secret("hunter22")
    finally:
        masking.tell(None)

    assert told == ["hunter22"]


def test_a_secret_that_is_no_unicode_is_masked_as_it_is_stored():
    masking.register_secret("hunter\udcff22")

    assert masking.mask("a hunter\\udcff22 b") == "a *** b"
