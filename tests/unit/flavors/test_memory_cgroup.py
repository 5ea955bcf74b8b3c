"""A cgroup is made only in a delegated part of the hierarchy, and says what the kernel wrote into it."""

import os

import pytest

from zenml.flavors import memory_cgroup


@pytest.fixture
def hierarchy(tmp_path, monkeypatch):
    """A process in /user/app/own, of a folder that looks like a hierarchy; `app` is delegated."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cgroup").write_text("4:cpu:/x\n0::/user/app/own\n")
    (tmp_path / "root" / "user" / "app" / "own").mkdir(parents=True)
    (tmp_path / "root" / "user" / "app" / "cgroup.subtree_control").write_text("cpu memory\n")
    delegated = {str(tmp_path / "root" / "user" / "app"): b"1"}

    def getxattr(folder, name):
        if name == "user.delegate" and folder in delegated:
            return delegated[folder]
        raise OSError

    monkeypatch.setattr(os, "getxattr", getxattr, raising=False)
    return tmp_path, delegated


def open_in(folder):
    return memory_cgroup.open_group("zenml-1-1", 1000, root=str(folder / "root"), proc=str(folder / "proc"))


def test_a_group_is_made_beside_that_of_this_process(hierarchy):
    folder, _ = hierarchy

    group = open_in(folder)

    assert group.folder == str(folder / "root" / "user" / "app" / "zenml-1-1")
    assert (folder / "root/user/app/zenml-1-1/memory.max").read_text() == "1000"
    assert (folder / "root/user/app/zenml-1-1/memory.oom.group").read_text() == "1"
    assert group.add(77)
    assert (folder / "root/user/app/zenml-1-1/cgroup.procs").read_text() == "77"


def test_what_the_kernel_says_is_read(hierarchy):
    folder, _ = hierarchy
    group = open_in(folder)

    assert (group.peak, group.is_over) == (0, False)
    (folder / "root/user/app/zenml-1-1/memory.peak").write_text("900\n")
    (folder / "root/user/app/zenml-1-1/memory.events").write_text("low 0\nmax 7\noom_kill 1\n")
    assert (group.peak, group.is_over) == (900, True)


def test_there_is_none_where_nothing_is_delegated(hierarchy):
    folder, delegated = hierarchy
    delegated.clear()

    assert open_in(folder) is None


def test_there_is_none_where_memory_is_not_passed_on(hierarchy):
    folder, _ = hierarchy
    (folder / "root/user/app/cgroup.subtree_control").write_text("cpu\n")

    assert open_in(folder) is None


def test_there_is_none_under_version_1(hierarchy):
    folder, _ = hierarchy
    (folder / "proc" / "cgroup").write_text("4:memory:/x\n")

    assert open_in(folder) is None


def test_a_group_that_cannot_be_joined_is_removed(hierarchy):
    folder, _ = hierarchy
    group = memory_cgroup.MemoryCgroup(str(folder / "gone"))

    assert not group.add(77)
