"""Digests made while a file is written: of what was written, in its order, however the writer is used."""

import hashlib
import os
import threading

import pytest

from zenml import fs
from zenml.artifacts import hashing, verification
from zenml.artifacts.hashing import BESIDE_SIZE, LAG_LIMIT, HashingWriter


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Return a function that opens a new file, and what was reported when it was closed."""
    monkeypatch.setattr(hashing, "_file_algorithm", "sha256")
    reported = []
    return lambda: HashingWriter(str(tmp_path / "file"), lambda *report: reported.append(report)), reported


@pytest.mark.parametrize("size", [10, BESIDE_SIZE - 1, BESIDE_SIZE, 3 * BESIDE_SIZE, LAG_LIMIT + 1])
def test_the_digest_is_that_of_the_bytes_in_their_order(written, tmp_path, size):
    create, reported = written
    pieces = [os.urandom(size), os.urandom(3), os.urandom(size)]

    with create() as file:
        for piece in pieces:
            file.write(piece)

    content = (tmp_path / "file").read_bytes()
    assert content == b"".join(pieces)
    assert reported == [(len(content), "sha256:" + hashlib.sha256(content).hexdigest())]


def test_a_buffer_may_be_used_again_as_soon_as_it_is_written(written, tmp_path):
    create, reported = written
    buffer = bytearray(BESIDE_SIZE)

    with create() as file:
        for number in range(5):
            buffer[:] = bytes([number]) * len(buffer)
            file.write(buffer)

    assert reported[0][1] == "sha256:" + hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()


def test_writing_goes_on_while_bytes_are_hashed_but_not_too_far(written, monkeypatch):
    create, _ = written
    may_hash, has_waited = threading.Event(), threading.Event()

    class Slow:
        def update(self, _):
            has_waited.set()
            may_hash.wait(10)

        def hexdigest(self):
            return ""

    monkeypatch.setattr(hashing, "new_hash", lambda _: Slow())
    file = create()
    for _ in range(LAG_LIMIT // BESIDE_SIZE):
        file.write(bytes(BESIDE_SIZE))  # returns, though nothing is hashed
    assert has_waited.wait(10)
    further = threading.Thread(target=lambda: file.write(bytes(BESIDE_SIZE)))
    further.start()
    further.join(0.05)
    assert further.is_alive()  # the limit is reached
    may_hash.set()
    further.join(10)
    file.close()
    assert file.tell() == LAG_LIMIT + BESIDE_SIZE


def test_an_error_of_the_hash_is_raised_at_the_end_and_nobody_waits_for_ever(written, monkeypatch):
    create, reported = written

    class Broken:
        def update(self, _):
            raise MemoryError("no room")

    monkeypatch.setattr(hashing, "new_hash", lambda _: Broken())
    file = create()
    for _ in range(LAG_LIMIT // BESIDE_SIZE + 2):
        file.write(bytes(BESIDE_SIZE))
    with pytest.raises(MemoryError):
        file.close()
    assert reported == []


def test_no_thread_is_left_when_the_disk_fails(written, monkeypatch):
    create, reported = written
    before = threading.active_count()

    def failing(_):
        raise OSError(5, "Input/output error")

    file = create()
    file.write(bytes(BESIDE_SIZE))
    monkeypatch.setattr(fs, "sync", failing)
    with pytest.raises(OSError, match="Input/output"):
        file.close()
    assert threading.active_count() == before
    assert reported == []


def test_a_file_is_remembered_only_after_the_tick_in_which_it_changed(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    changed_at = path.stat().st_ctime_ns
    monkeypatch.setattr(verification, "_IS_LINUX", True)
    monkeypatch.setattr(verification, "_remembered", {})

    for now, is_remembered in ((changed_at, False), (changed_at + 1, True)):
        monkeypatch.setattr(verification.time, "clock_gettime_ns", lambda _, now=now: now)
        verification.remember(str(path), "sha256:00")
        assert (str(path) in verification._remembered) is is_remembered
