"""What lies in a folder of this machine, and how large and how old it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from zenml.artifacts.artifact_store import Kept, Measure


def local_folders(folder: str) -> Iterator[Kept]:
    """Yield what is in a folder, but for hidden names; one that is missing is empty."""
    if os.path.isdir(folder):
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield Kept(entry.name, partial(measure, entry.path))


def measure(path: str) -> Measure | None:
    """Return the bytes of a file, or of all files below a folder, and when it itself was changed; None: it is gone."""
    try:
        return Measure(size_of(path), os.lstat(path).st_mtime)
    except OSError:
        return None


def size_of(path: str) -> int:
    """Return the bytes of all files below a folder, or of a file."""
    total = 0 if os.path.isdir(path) else os.lstat(path).st_size
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue  # it went while we looked
    return total
