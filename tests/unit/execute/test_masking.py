"""Registered secrets do not appear in stored text, in any form that programs commonly print."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.execute import failures, masking

SECRET = 'päss "word"/+?'


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch):
    monkeypatch.setattr(masking, "_values", set())
    for name in ("_pattern", "_bytes_pattern"):
        monkeypatch.setattr(masking, name, None)
    monkeypatch.setattr(masking, "_forms", ())


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
    ],
)
def test_a_secret_is_masked_in_each_form(form):
    masking.register_secret(SECRET)

    masked = masking.mask(f"before {form} after")

    assert masked in ("before *** after", 'before "***" after')


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("after", ["", "a", "ab"])
def test_a_secret_is_masked_inside_base64(before, after):
    masking.register_secret(SECRET)
    text = base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()

    masked = masking.mask(text)

    assert "***" in masked
    assert len(masked.replace("***", "")) <= len(text) - len(SECRET)


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
