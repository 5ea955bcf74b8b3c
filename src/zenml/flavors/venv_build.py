"""Build one virtual environment: the task of a process of its own, which ends with its owner.

The environment is built beside its place and renamed when it is complete, with its lock held. A
process that waited for the lock finds it complete, and has nothing to do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from zenml import fs
from zenml.flavors.venv_folder import ABOUT, STAGING, About, VenvFolder, python_of
from zenml.flavors.venv_recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRY = "zenml.flavors.venv_build:build"
_OLDEST = (3, 11)
_DESCRIBE = "import json, sys; print(json.dumps([sys.path[:], list(sys.version_info[:3])]))"
INDEX = "UV_DEFAULT_INDEX"
"""The variable that carries the address of the index, which may hold a password: arguments are seen by all."""


class Order(msgspec.Struct, frozen=True):
    """What is to be built, and where.

    Attributes:
        timeout: seconds that it may take.
    """

    recipe: Recipe
    folder: str
    timeout: float
    most_bytes: int
    unused_seconds: float


class Built(msgspec.Struct, frozen=True):
    """What a build came to; without a problem the environment is there.

    Attributes:
        is_of_python: what failed is the interpreter, and not the packages.
        is_new: it was built now, and not by another process meanwhile.
        removed: environments that went to make room.
    """

    problem: str = ""
    is_of_python: bool = False
    is_new: bool = False
    removed: tuple[str, ...] = ()


class _RefusedError(Exception):
    """Something that was run has failed.

    Attributes:
        is_of_python: it is the interpreter, and not the packages.
    """

    def __init__(self, text: str, *, is_of_python: bool = False) -> None:
        super().__init__(text)
        self.is_of_python = is_of_python


def build(payload: bytes, send: Callable[[bytes], None]) -> bytes:
    """Build an environment in this process, unless another one does it first."""
    order = msgspec.json.decode(payload, type=Order)
    place, digest = VenvFolder(order.folder), order.recipe.digest
    lock = place.lock(digest, is_shared=False, waits=True)
    try:
        if place.read(digest) is not None:
            return msgspec.json.encode(Built())
        place.clear(digest)
        _build(order, place)
    except _RefusedError as refused:
        return msgspec.json.encode(Built(problem=str(refused), is_of_python=refused.is_of_python))
    finally:
        if lock is not None:
            os.close(lock)
    used = place.hold(digest)  # or it would be the first to go where there is too much
    removed = place.tidy(most_bytes=order.most_bytes, unused_seconds=order.unused_seconds)
    if used is not None:
        used.release()
    return msgspec.json.encode(Built(is_new=True, removed=tuple(removed)))


def _build(order: Order, place: VenvFolder) -> None:
    uv, recipe, until = find_uv(), order.recipe, time.monotonic() + order.timeout
    staging = os.path.join(place.environments, f"{STAGING}{recipe.digest}-{os.getpid()}")
    fs.make_folder(place.environments)
    _run([uv, "venv", "--quiet", "--relocatable", "--no-project", "--python", recipe.python, staging], until)
    found = subprocess.run(
        [python_of(staging), "-I", "-c", _DESCRIBE], capture_output=True, text=True, check=True
    )
    path, version = msgspec.json.decode(found.stdout, type=tuple[list[str], tuple[int, int, int]])
    if version[:2] < _OLDEST:
        old = f"Python {'.'.join(map(str, version))} is too old: `zenml` needs 3.11 or later."
        raise _RefusedError(old, is_of_python=True)
    if not recipe.core and tuple(version[:2]) != sys.version_info[:2]:
        raise _RefusedError(
            f"It is of Python {'.'.join(map(str, version))} and is to see the packages of the owner (`inherit`), which are of "
            f"Python {sys.version_info.major}.{sys.version_info.minor}: use the same version, or leave `inherit` out.",
            is_of_python=True,
        )
    if recipe.requirements or recipe.core:
        _run([uv, "pip", "install", *_install_arguments(recipe, staging)], until)
    about = About(
        tuple(entry.replace(staging, place.path_of(recipe.digest)) for entry in path if entry),
        ".".join(map(str, version)),
        sum(status.st_size for _, status in fs.walk(staging)),
        recipe.requirements,
    )
    fs.write_whole(os.path.join(staging, ABOUT), msgspec.json.encode(about))
    fs.rename(staging, place.path_of(recipe.digest))


def _install_arguments(recipe: Recipe, staging: str) -> list[str]:
    """Return the arguments of the installer; lists go through files, which have no limit of length."""
    arguments = ["--python", python_of(staging)]
    for name, flag, lines in (
        ("requirements.txt", "--requirements", (*recipe.requirements, *recipe.core)),
        ("constraints.txt", "--constraints", recipe.constraints),
    ):
        if lines:
            path = os.path.join(staging, name)
            fs.write_whole(path, "\n".join((*lines, "")).encode())
            arguments += [flag, path]
    return [*arguments, *recipe.arguments]


def _run(command: list[str], until: float) -> None:
    """Run a command, whose output is that of this process."""
    try:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, timeout=max(0.1, until - time.monotonic()), check=False
        ).returncode
    except subprocess.TimeoutExpired:
        raise _RefusedError("It took longer than the `timeout` of the step operator. Raise it.") from None
    if code:
        text = f"`{os.path.basename(command[0])} {command[1]}` left with exit code {code}."
        raise _RefusedError(text, is_of_python=command[1] == "venv")


def find_uv() -> str:
    """Return the program `uv`: of the package of that name, or on the search path of programs."""
    import shutil

    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise _RefusedError(
            "The program `uv`, which builds it, is not there: `pip install 'zenml-core[uv]'`."
        )
    return found
