"""Read what pip is to install: a list, or a file that may name others, as lines without comments.

Lines are made independent of where they stand: `-r` is replaced by what the file says, a relative path by an
absolute one, and `-c FILE` by one line `-c REQUIREMENT` per constraint. So equal lines mean equal packages.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from zenml import fs
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONSTRAINT = "-c "
"""What a line begins with that constrains a version without asking for the package."""
_OTHER_FILE = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:\s+|=)\s*(\S+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_LOCAL = re.compile(r"(-e\s+|--editable[ =])?(\.{1,2}(?:/\S*)?|/\S+)(\s*;.*|\[.*)?")


def requirement_lines(given: str | Sequence[str] | None, folder: str, what: str) -> tuple[str, ...]:
    """Return the lines of a list or file, options in their order first, then packages by name.

    Args:
        given: lines, or the path of a file of them.
        folder: what a relative path is relative to.
        what: names it in messages, such as "`requirements` of step `train`".

    Raises:
        ConfigurationError: a file is not there, or names itself; the message says which file and line named it.
    """
    if not given:
        return ()
    if isinstance(given, str):
        found = list(_lines_of_file(os.path.join(folder, given), what, ()))
    else:
        found = [line for one in given for line in _lines(str(one), folder, what, ())]
    options = [line for line in found if line.startswith("-") and not line.startswith((CONSTRAINT, "-e "))]
    packages = {line for line in found if line not in options}
    return (*dict.fromkeys(options), *sorted(packages, key=lambda line: (line.lower(), line)))


def split_constraints(lines: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is to be installed, and what constrains it."""
    constraints = tuple(line.removeprefix(CONSTRAINT) for line in lines if line.startswith(CONSTRAINT))
    return tuple(line for line in lines if not line.startswith(CONSTRAINT)), constraints


class LocalPath(NamedTuple):
    """The file or folder that a line names."""

    path: str
    is_editable: bool
    rest: str
    """What follows it: extras, or a condition."""


def local_path(line: str) -> LocalPath | None:
    """Return what a line names on this machine; None if it names a package or address."""
    match = _LOCAL.fullmatch(line)
    return None if match is None else LocalPath(match[2], bool(match[1]), match[3] or "")


def local_states(lines: Sequence[str]) -> tuple[str, ...]:
    """Return what local files and folders hold that lines name: a project that changed is another one.

    Projects installed with `-e` are left out: what is installed then is only where they are.
    """
    found = [local_path(line) for line in lines]
    return tuple(f"{one.path} {_state_of(one.path)}" for one in found if one and not one.is_editable)


def _lines_of_file(path: str, named_by: str, above: tuple[str, ...]) -> Iterator[str]:
    path = os.path.abspath(os.path.expanduser(path))
    if path in above:
        raise ConfigurationError(f"{named_by}: the file `{path}` names itself. Remove the line.")
    try:
        text = fs.read_whole(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(
            f"{named_by}: the requirements file `{path}` cannot be read: {reason}. "
            "Correct the path, which is relative to the folder that the run is started in, or give a list of packages."
        ) from error
    number, pending = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.rstrip().endswith("\\"):
            pending += line.rstrip()[:-1] + " "
            continue
        yield from _lines(pending + line, os.path.dirname(path), f"{path}:{number}", (*above, path))
        pending = ""
    yield from _lines(pending, os.path.dirname(path), f"{path}:{number}", (*above, path))


def _lines(text: str, folder: str, where: str, above: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines that one line comes to."""
    line = " ".join(_COMMENT.sub("", text).split())
    if not line:
        return
    other = _OTHER_FILE.fullmatch(line)
    if other is not None and line.startswith(("-r", "--r")):
        yield from _lines_of_file(os.path.join(folder, other[1]), where, above)
    elif other is not None and (above or os.path.exists(os.path.join(folder, other[1]))):
        path = os.path.join(folder, other[1])
        yield from (CONSTRAINT + one for one in _lines_of_file(path, where, above))
    elif local := local_path(line):
        path = os.path.abspath(os.path.join(folder, local.path))
        yield f"{'-e ' if local.is_editable else ''}{path}{local.rest}"
    else:  # among these are constraints that were read before
        yield line


def _state_of(path: str) -> str:
    digest = hashlib.sha256()
    if os.path.isfile(path):
        digest.update(fs.read_whole(path))
    elif os.path.isdir(path):
        for name, status in fs.walk(path):
            if not {".git", ".venv", "__pycache__", "build"} & set(name.split("/")[:-1]):
                digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
