"""The text of a Dockerfile, layer by layer: what changes rarely comes first."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

FOLDER = "/app"
"""Where the project's files are in a container."""
BELOW = ".zenml"
"""The folder of a build context that holds what was put there for the build."""
REQUIREMENTS = f"{BELOW}/requirements.txt"
CONSTRAINTS = f"{BELOW}/constraints.txt"
CODE = f"{BELOW}/code"
LOCAL = f"{BELOW}/packages"
_UV = "uv>=0.5,<1"
_INSTRUCTION = re.compile(r"^\s*([A-Za-z]+)\s+(.*)$")


def quoted(value: object) -> str:
    """Return a value as `ENV` and `LABEL` take it: in quotes, with nothing in it that is replaced.

    Raises:
        ConfigurationError: it has several lines, for which there is no form.
    """
    text = str(value)
    if {"\n", "\r", "\0"} & set(text):
        raise ConfigurationError(
            "A value for a Dockerfile has several lines, and there is no form for that. Set it in `runtime_environment`."
        )
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


def parent_layers(image: str, arguments: Iterable[str]) -> list[str]:
    """Return the first lines: the image to start from, and the arguments of the build."""
    return [f"FROM {image}", *(f"ARG {name}" for name in sorted(arguments))]


def custom_layers(text: str, path: str) -> tuple[list[str], str | None]:
    """Return the lines of a user's Dockerfile, and the user that it ends with.

    Raises:
        ConfigurationError: nothing can be added to it: it has no `FROM`, or another escape character.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        directive = re.match(r"^#\s*escape\s*=\s*(.)\s*$", line, re.IGNORECASE)
        if not line.startswith("#"):
            break
        if directive and directive[1] != "\\":
            raise ConfigurationError(
                f"{path}:{number}: the Dockerfile sets `{directive[1]}` as its escape character, and what is added to "
                "it needs `\\`. Remove the line."
            )
    user, has_from = None, False
    for line in lines:
        found = _INSTRUCTION.match(line)
        if found and found[1].upper() == "FROM":
            user, has_from = None, True
        elif found and found[1].upper() == "USER":
            user = found[2].strip()
    if not has_from:
        raise ConfigurationError(
            f"{path}: the Dockerfile has no `FROM`, so there is nothing to build. Add one."
        )
    return [*lines, ""], user


def apt_layers(packages: Sequence[str]) -> list[str]:
    """Return the layer of packages of the system."""
    if not packages:
        return []
    listed = " \\\n        ".join(shlex.quote(one) for one in sorted(set(packages)))
    install = f"apt-get install --yes --no-install-recommends \\\n        {listed}"
    return [f"RUN apt-get update \\\n    && {install} \\\n    && rm -rf /var/lib/apt/lists/*"]


def environment_layers(variables: Mapping[str, Any]) -> list[str]:
    """Return the layer of variables."""
    if not variables:
        return []
    return ["ENV " + " \\\n    ".join(f"{name}={quoted(value)}" for name, value in sorted(variables.items()))]


def install_layers(
    wheel: str,
    *,
    installer: str,
    arguments: Mapping[str, Any],
    extras: Sequence[str],
    has: Collection[str],
) -> list[str]:
    """Return the layers of Python packages: those of the project and `zenml` in one, so that they fit each other.

    Args:
        wheel: the file name of that of `zenml`.
        installer: `uv` or `pip`.
        arguments: more of it.
        extras: of `zenml`.
        has: the paths of the context.
    """
    files = [f"{BELOW}/{wheel}", *(one for one in (REQUIREMENTS, CONSTRAINTS) if one in has)]
    library = f"/{BELOW}/{wheel}" + (f"[{','.join(extras)}]" if extras else "")
    words = ["--requirement", f"/{REQUIREMENTS}"] if REQUIREMENTS in has else []
    words += ["--constraint", f"/{CONSTRAINTS}"] if CONSTRAINTS in has else []
    words += [part for name, value in sorted(arguments.items()) for part in _argument(name, value)]
    begin = ["uv", "pip", "install", "--system", "--no-cache"]
    layers = []
    if installer == "uv":
        layers.append(f"RUN python -m pip install --no-cache-dir {shlex.quote(_UV)}")
    else:
        begin = ["python", "-m", "pip", "install", "--no-cache-dir"]
    layers.append(f"COPY {' '.join(sorted(files))} /{BELOW}/")
    if any(path.startswith(f"{LOCAL}/") for path in has):
        layers.append(f"COPY {LOCAL}/ /{LOCAL}/")
    return [*layers, f"RUN {shlex.join([*begin, *words, library])}"]


def code_layers(install_command: str | None) -> list[str]:
    """Return the layers of the project's own files."""
    layers = [f"COPY {CODE}/ {FOLDER}/"]
    return [*layers, f"RUN {install_command}"] if install_command else layers


def user_layers(user: str) -> list[str]:
    """Return the layers that have somebody else than root own the project's files and run the steps."""
    name = user.partition(":")[0]
    make = (
        ""
        if name.isdecimal()
        else f"(id -u {name} > /dev/null 2>&1 || useradd --create-home {name}) \\\n    && "
    )
    return [f"RUN {make}mkdir -p {FOLDER} && chown -R {user} {FOLDER}", f"USER {user}"]


def _argument(name: str, value: Any) -> list[str]:
    flag = name if name.startswith("-") else f"--{name.replace('_', '-')}"
    return [flag] if value in (None, True, "") else [flag, str(value)]
