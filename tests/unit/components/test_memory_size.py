"""Usable memory respects the machine and the limits of cgroups of both versions."""

import os

import pytest

from zenml.components.memory_size import oom_kills, usable_memory

GIB = 2**30


@pytest.fixture(autouse=True)
def eight_gigabytes(monkeypatch):
    sizes = {"SC_PHYS_PAGES": 8 * GIB // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("", {}, 8 * GIB),
        ("0::/app\n", {"app/memory.max": "max"}, 8 * GIB),
        ("0::/app\n", {"app/memory.max": str(GIB)}, GIB),
        ("0::/a/b\n", {"a/memory.max": str(GIB), "a/b/memory.max": str(2 * GIB)}, GIB),
        ("4:memory:/x\n", {"memory/memory.limit_in_bytes": str(3 * GIB)}, 3 * GIB),
        ("4:memory:/x\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, 8 * GIB),
    ],
)
def test_the_smallest_limit_counts(tmp_path, membership, files, expected):
    (tmp_path / "cgroup").write_text(membership)
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text + "\n")

    assert usable_memory(proc=str(tmp_path), cgroup_root=str(tmp_path / "root")) == expected


def test_the_kernels_kills_are_counted(tmp_path):
    (tmp_path / "vmstat").write_text("pgfault 9\noom_kill 3\nswap_ra 0\n")

    assert oom_kills(statistics=str(tmp_path / "vmstat")) == 3
    assert oom_kills(statistics=str(tmp_path / "none")) == 0
