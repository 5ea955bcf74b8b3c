"""Which cgroups this process is in: the folders whose files limit what it may use."""

from __future__ import annotations

import os


def cgroup_folders(proc: str, cgroup_root: str, *, controller: str) -> list[str]:
    """Return the process's cgroup folder and those above it: each level may set a quota.

    In a container the path is often the host's and does not exist below the mount point; then the
    walk upwards still finds the mount point itself, which is the container's own group.

    Args:
        controller: "" for the one hierarchy of version 2, or the name of a version 1 controller.
    """
    folders: list[str] = []
    for line in read_text(os.path.join(proc, "cgroup")).splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller not in names.split(","):
            continue
        # Version 1 is mounted at the name of its controllers; systemd also offers a "unified" mount.
        for mount in {names, controller} if controller else {"", "unified"}:
            parts = [part for part in path.split("/") if part not in {"", ".."}]
            folders += [os.path.join(cgroup_root, mount, *parts[:depth]) for depth in range(len(parts) + 1)]
    return folders


def read_text(path: str) -> str:
    """Return the text of a file, "" if it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
