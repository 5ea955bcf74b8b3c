"""RESULTS.md has two writers: `make bench` writes what comes first, `make faults` the section after it."""

from __future__ import annotations

import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "RESULTS.md")
PARTS = ("Faults", "Schedules")
"""Sections that others than `benchmarks/run.py` write, in their order."""


def write_measurements(text: str, path: str = PATH) -> None:
    """Write everything but the parts of others, which stay."""
    _write(path, {**_read(path), "": text})


def write_part(name: str, text: str, path: str = PATH) -> None:
    """Write one part; everything else stays."""
    _write(path, {**_read(path), name: text})


def _read(path: str) -> dict[str, str]:
    """Return the parts that the file has, by heading; what comes before all of them is under no heading."""
    parts = {"": ""}
    if not os.path.exists(path):
        return parts
    with open(path, encoding="utf-8") as file:
        name = ""
        for line in file:
            heading = line.removeprefix("## ").strip()
            if line.startswith("## "):
                name = heading if heading in PARTS else ""
            if line != f"## {name}\n":
                parts[name] = parts.get(name, "") + line
    return parts


def _write(path: str, parts: dict[str, str]) -> None:
    written = [parts[""].strip("\n") + "\n"] if parts[""].strip() else []
    written += [f"## {name}\n\n{parts[name].strip()}\n" for name in PARTS if name in parts]
    draft = f"{path}.new"
    with open(draft, "w", encoding="utf-8") as file:
        file.write("\n".join(written))
    os.replace(draft, path)
