"""No secret comes out, whatever it is and wherever it is cut; all else comes out as it is."""

import itertools
import os
import tempfile

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from zenml.context import masking
from zenml.logs import step_log
from zenml.logs.step_log import StepLog

many = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STARS = masking.MASK[0]
LETTERS = st.text("ab2-", min_size=masking.SHORTEST, max_size=9)
"""Few letters, so that secrets begin and end alike, and lie in each other."""
ANY_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters=STARS), min_size=masking.SHORTEST, max_size=15
)
SECRETS = st.lists(LETTERS | ANY_TEXT, min_size=1, max_size=3)
COLORS = ("\x1b[1;36m", "\x1b[0m", "\x1b]8;;http://a\x07")


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch):
    monkeypatch.setattr(masking, "_secrets", masking._Secrets())


def register(secrets):
    masking._secrets = masking._Secrets()
    for secret in secrets:
        masking.register_secret(secret)


@st.composite
def printed(draw):
    """Secrets, and a text that holds some of them whole, some in part."""
    secrets = draw(SECRETS)
    parts = [
        st.text("ab2-\n", max_size=6),
        st.text(st.characters(codec="utf-8", exclude_characters=STARS), max_size=6),
    ]
    parts += [st.just(secret) for secret in secrets]
    parts += [st.just(secret[:-1]) for secret in secrets] + [st.just(secret[2:]) for secret in secrets]
    return secrets, "".join(draw(st.lists(st.one_of(parts), max_size=6)))


def pieces(data, cuts):
    """The data, cut at these places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 200), max_size=8)


@given(printed())
@many
def test_no_secret_is_left_in_a_text(given):
    secrets, text = given
    register(secrets)

    masked = masking.mask(text)

    assert not [secret for secret in secrets if secret in masked]
    assert masking.mask_bytes(text.encode()).decode() == masked


@given(st.lists(LETTERS, min_size=1, max_size=3), st.text(max_size=40))
@many
def test_what_holds_no_secret_is_unchanged(secrets, text):
    register(secrets)
    assume(not any(form in text for form in masking._secrets.forms))

    assert masking.mask(text) == text
    assert masking.mask_bytes(text.encode(errors="replace")) == text.encode(errors="replace")


@given(printed())
@many
def test_all_but_the_secrets_is_unchanged(given):
    """Of what comes out, the parts between the masks lie in the text in that order."""
    secrets, text = given
    register(secrets)

    position = 0
    for part in masking.mask(text).split(masking.MASK):
        position = text.index(part, position) + len(part)


@given(printed(), CUTS)
@example((["hunter22", "hunter22-more"], "hunter22-more"), [8])
@example((["hunter22", "22-moreover"], "hunter22-moreover"), [8])
@many
def test_what_comes_in_parts_is_masked_as_it_is_at_once(given, cuts):
    secrets, text = given
    register(secrets)
    data = text.encode()

    rest, out = b"", []
    for piece in pieces(data, cuts):
        known, rest = masking.mask_begun(rest + piece)
        out.append(known)

    assert b"".join([*out, masking.mask_bytes(rest)]) == masking.mask_bytes(data)


@pytest.fixture
def folder():
    """A folder in memory: a log is made for each example."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  nobody else knows its name
    with tempfile.TemporaryDirectory(dir=memory) as path:
        yield path


def stored(folder, chunks):
    log = StepLog(os.path.join(folder, "a.log"))
    for chunk in chunks:
        log.append(chunk)
        log.flush()
    log.close()
    if not os.path.exists(log.path):
        return b""
    with open(log.path, "rb") as file:
        data = file.read()
    os.unlink(log.path)
    return data


@pytest.mark.parametrize("silence", [0, 60])
@given(given=printed(), cuts=CUTS)
@example(given=(["hunter22", "hunter22-more"], "hunter22-more\nhunter22\n"), cuts=[8])
@example(given=(["line-1\r\nline-2"], "a\rline-1\r\nline-2\n"), cuts=[9, 12])
@many
def test_a_log_holds_no_secret_however_it_is_printed(folder, monkeypatch, silence, given, cuts):
    """With no silence to wait for, each flush writes all of a line that it may."""
    monkeypatch.setattr(step_log, "SILENCE", silence)
    secrets, text = given
    register(secrets)

    log = stored(folder, pieces(text.encode(), cuts)).decode().rstrip("\n")  # the log ends its last line

    assert not [secret for secret in secrets if secret in log]
    if text.isprintable() or text.replace("\n", "").isprintable():
        assert log == masking.mask(text).rstrip("\n")


@pytest.mark.parametrize("silence", [0, 60])
@given(
    secret=LETTERS,
    colors=st.lists(st.tuples(st.sampled_from(COLORS), st.integers(0, 20)), max_size=3),
    cuts=CUTS,
)
@example(secret="hunter22", colors=[(COLORS[0], 6)], cuts=[8, 13])
@many
def test_a_secret_of_which_a_part_is_colored_is_found(folder, monkeypatch, silence, secret, colors, cuts):
    monkeypatch.setattr(step_log, "SILENCE", silence)
    register([secret])
    text = f"it is {secret}.\n"
    places = sorted(((place % len(text), color) for color, place in colors), reverse=True)
    for place, color in places:
        text = text[:place] + color + text[place:]

    assert stored(folder, pieces(text.encode(), cuts)).decode() == masking.mask(f"it is {secret}.\n")
