"""Processes are found below another one with and without the kernel's list of children."""

import os
import signal

import pytest

from zenml.flavors.process_tree import children_of, descendants_of, kill_children, send_signal


@pytest.fixture
def add_process(tmp_path):
    def add(pid, parent, name="name"):
        (tmp_path / str(pid) / "task" / str(pid)).mkdir(parents=True)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0 -1\n")

    (tmp_path / "self").mkdir()  # not a number
    (tmp_path / "77").mkdir()  # a process that ended meanwhile
    return add


def test_children_are_found_by_their_parent(add_process, tmp_path):
    add_process(10, 1)
    add_process(11, 10, name="a name) S 1 (with all")
    add_process(12, 10)
    add_process(13, 11)

    assert sorted(children_of(10, proc=str(tmp_path))) == [11, 12]
    assert children_of(13, proc=str(tmp_path)) == []


def test_the_kernels_list_of_children_is_preferred(add_process, tmp_path):
    add_process(10, 1)
    (tmp_path / "10" / "task" / "10" / "children").write_text("21 22 ")
    (tmp_path / "10" / "task" / "15").mkdir()
    (tmp_path / "10" / "task" / "15" / "children").write_text("23")

    assert sorted(children_of(10, proc=str(tmp_path))) == [21, 22, 23]


def test_descendants_come_after_their_parents(add_process, tmp_path):
    for pid, parent in ((30, 20), (20, 10), (25, 10), (10, 1), (99, 1)):
        add_process(pid, parent)

    found = descendants_of(10, proc=str(tmp_path))

    assert sorted(found) == [20, 25, 30]
    assert found.index(20) < found.index(30)


def test_a_system_without_proc_has_no_children_to_show(tmp_path):
    assert children_of(10, proc=str(tmp_path / "absent")) == []


def test_killed_children_are_told_and_spared_ones_live():
    children = []
    for _ in range(2):
        pid = os.fork()
        while pid == 0:
            signal.pause()
        children.append(pid)
    doomed, spared = children

    killed = kill_children(spare=set(children_of(os.getpid())) - {doomed})

    assert killed == [doomed]
    assert os.waitstatus_to_exitcode(os.waitpid(doomed, 0)[1]) == -signal.SIGKILL
    assert send_signal(spared, signal.SIGKILL)
    os.waitpid(spared, 0)
    assert not send_signal(spared, signal.SIGKILL)
