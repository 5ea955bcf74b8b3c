"""The watchdog adds up the memory of a tree, and says once that it is over its cap."""

import os
import subprocess
import sys

from zenml.flavors.memory_watch import LOOK_SECONDS, MemoryWatch, memory_of_tree

MB = 1_000_000


def test_this_process_has_the_memory_that_it_fills():
    before = memory_of_tree(os.getpid())

    kept = b"x" * (50 * MB)

    assert memory_of_tree(os.getpid()) - before > 40 * MB
    assert len(kept) == 50 * MB


def test_the_memory_of_children_counts():
    code = "data = b'x' * 60_000_000; print('full', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"full\n"

        with_child = memory_of_tree(os.getpid())
        alone = memory_of_tree(child.pid)
        child.communicate(b"\n")

    assert alone > 60 * MB
    assert with_child > alone


def test_a_process_that_is_gone_has_none():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    assert memory_of_tree(child.pid) == 0


def test_it_looks_only_when_it_is_time_and_tells_once():
    watch = MemoryWatch(os.getpid(), MB, now=0.0)

    assert not watch.look(LOOK_SECONDS / 2)
    assert watch.look(LOOK_SECONDS)
    assert watch.is_over
    assert watch.peak > MB
    assert not watch.look(10.0)


def test_below_the_cap_it_goes_on_looking():
    watch = MemoryWatch(os.getpid(), 10**13, now=0.0)

    assert not watch.look(1.0)
    assert watch.next_look == 1.0 + LOOK_SECONDS
