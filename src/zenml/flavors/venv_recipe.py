"""What a virtual environment of a step consists of, as one value with a digest: equal digests share one environment."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version

import msgspec

CORE = (
    "click",
    "cloudpickle",
    "cronsim",
    "cryptography",
    "msgspec",
    "pyyaml",
    "rich",
    "typing_extensions",
)
"""What `zenml` itself needs. It is installed as the owner has it: pickles travel between the two."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed, and how it is found.

    Attributes:
        requirements: lines for the installer.
        constraints: what holds the versions of others.
        core: what `zenml` needs, with the versions of the owner; empty where the owner's packages are seen.
        python: the interpreter, as `uv` takes it: a version, or a path.
        platform: what the owner's interpreter is, and where: the environment refers to it.
        arguments: more of the installer.
        index_url: where packages come from; None for what the installer is configured for.
        local: digests of local files that are named.
    """

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    core: tuple[str, ...] = ()
    python: str
    platform: str
    arguments: tuple[str, ...] = ()
    index_url: str | None = None
    local: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The name of the environment: the digest of all that is said here."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:20]

    @property
    def words(self) -> str:
        """The packages, as people read them."""
        shown = ", ".join(self.requirements[:4]) or "no packages of its own"
        return f"{shown} and {len(self.requirements) - 4} more" if len(self.requirements) > 4 else shown


def owners_platform() -> str:
    """Return what decides which files of a package fit: the interpreter of this process, and where it is."""
    names = (sys.implementation.cache_tag, platform.python_version(), sysconfig.get_platform())
    return " ".join((*map(str, names), sys.base_prefix))


def core_pins() -> tuple[str, ...]:
    """Return what `zenml` needs, with the versions that this process has."""
    pins = []
    for name in CORE:
        try:
            pins.append(f"{name}=={version(name)}")
        except PackageNotFoundError:  # it is found in some other way, and nobody knows its version
            pins.append(name)
    return tuple(pins)


class SearchPath(msgspec.Struct, frozen=True):
    """The owner's search path, told apart: what is of users stays, what is of its interpreter does not."""

    before: tuple[str, ...]
    """Folders of users that come before the standard library."""
    after: tuple[str, ...]
    """Folders of users that come later, as those of projects that are installed to be edited."""
    packages: tuple[str, ...]
    """Folders of installed packages."""


def told_apart(path: tuple[str, ...]) -> SearchPath:
    """Return the parts of a search path of this process."""
    library = {os.path.abspath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    before: list[str] = []
    after: list[str] = []
    packages: list[str] = []
    has_library = False
    for entry in path:
        full = os.path.abspath(entry)
        if {"site-packages", "dist-packages"} & set(full.split(os.sep)):
            packages.append(entry)
        elif any(full == one or full.startswith(one + os.sep) for one in library) or _is_zipped_library(full):
            has_library = True
        else:
            (after if has_library else before).append(entry)
    return SearchPath(tuple(before), tuple(after), tuple(packages))


def _is_zipped_library(path: str) -> bool:
    return os.path.basename(path) == f"python{sys.version_info.major}{sys.version_info.minor}.zip"
