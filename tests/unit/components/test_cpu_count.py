"""The number of usable CPUs respects affinity and cgroup quotas of both versions."""

import os

import pytest

from zenml.components.cpu_count import usable_cpus


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


@pytest.fixture
def count(tmp_path):
    def count(membership, files):
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "cgroup").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")
        return usable_cpus(proc=str(tmp_path / "proc"), cgroup_root=str(tmp_path / "cgroup"))

    return count


def test_without_cgroups_the_affinity_decides(tmp_path):
    assert usable_cpus(proc=str(tmp_path / "none"), cgroup_root=str(tmp_path)) == 8


def test_without_affinity_the_machine_decides(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)

    assert usable_cpus(proc=str(tmp_path / "none"), cgroup_root=str(tmp_path)) == 1


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),  # rounded up
        ("1000 100000", 1),  # at least one
        ("6400000 100000", 8),  # no more than the affinity
        ("nonsense", 8),
        ("", 8),
    ],
)
def test_version_2_quota(count, quota, expected):
    assert count("0::/app\n", {"app/cpu.max": quota}) == expected


def test_the_smallest_quota_of_all_levels_counts(count):
    files = {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000", "a/b/c/cpu.max": "500000 100000"}

    assert count("0::/a/b/c\n", files) == 3


def test_a_container_sees_its_quota_at_the_mount_point(count):
    assert count("0::/../../elsewhere/on/the/host\n", {"cpu.max": "400000 100000"}) == 4


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("250000", 3)])
def test_version_1_quota(count, mount, quota, expected):
    files = {f"{mount}/app/cpu.cfs_quota_us": quota, f"{mount}/app/cpu.cfs_period_us": "100000"}

    assert count("5:memory:/app\n4:cpu,cpuacct:/app\n3:cpuset:/\n", files) == expected


def test_mixed_versions_are_both_read(count):
    files = {
        "cpu/cpu.cfs_quota_us": "500000",
        "cpu/cpu.cfs_period_us": "100000",
        "unified/cpu.max": "200000 100000",
    }

    assert count("4:cpu:/\n0::/\n", files) == 2
