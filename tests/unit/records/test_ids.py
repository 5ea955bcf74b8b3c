"""Ids are unique, sortable by time, and short enough for people."""

import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from zenml.records.ids import SHORT_LENGTH, microseconds_now, new_id, short


def test_an_id_is_24_hexadecimal_digits():
    identifier = new_id()

    assert len(identifier) == 24
    int(identifier, 16)


def test_ids_of_a_process_increase():
    ids = [new_id() for _ in range(5000)]

    assert ids == sorted(set(ids))


def test_ids_begin_with_the_time():
    before, identifier = microseconds_now(), new_id()

    assert before <= int(identifier[:13], 16) <= microseconds_now() + 5001


def test_threads_make_different_ids():
    made = []
    start = threading.Barrier(8)

    def make():
        start.wait(30)
        made.extend(new_id() for _ in range(1000))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(set(made)) == 8000


def test_forked_children_make_different_ids():
    made = set()
    for _ in range(4):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, "".join(new_id() for _ in range(100)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        made |= {text[i : i + 24] for i in range(0, len(text), 24)}

    assert len(made) == 400


@given(st.text(min_size=24, max_size=24))
def test_the_short_id_is_the_end_of_the_id(identifier):
    assert identifier.endswith(short(identifier))
    assert len(short(identifier)) == SHORT_LENGTH
