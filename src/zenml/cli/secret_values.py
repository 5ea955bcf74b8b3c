"""Values of secrets from files and text: .env, JSON, YAML. No message shows what was read."""

from __future__ import annotations

import json
from typing import Any

from zenml.errors import ConfigurationError, MissingLibraryError

_QUOTES = ('"', "'")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_file(path: str) -> dict[str, str]:
    """Return the values of a file: JSON or YAML by its extension, .env otherwise.

    Raises:
        ConfigurationError: the file holds something else than texts by key.
        MissingLibraryError: it is YAML, and PyYAML is not installed.
    """
    with open(path, encoding="utf-8-sig") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"`{path}` is not UTF-8 text.") from error
    if path.endswith((".yaml", ".yml")):
        return _checked(_yaml(text, f"`{path}`"), f"`{path}`")
    return read_text(text, f"`{path}`")


def read_text(text: str, what: str) -> dict[str, str]:
    """Return the values of a text: a JSON object, or lines KEY=VALUE as in a .env file."""
    if text.lstrip().startswith("{"):
        try:
            return _checked(json.loads(text), what)
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"{what}, line {error.lineno}: no JSON ({error.msg}).") from None
    return _lines(text, what)


def _lines(text: str, what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        key, equals, value = bare.removeprefix("export ").partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(f"{what}, line {number}: not of the form KEY=VALUE.")
        found[key.strip()] = _unquoted(value.strip(), f"{what}, line {number}")
    return found


def _unquoted(value: str, where: str) -> str:
    """Return a value without its quotes, or without the comment behind it where it has none."""
    if value[:1] not in _QUOTES:
        return value.partition(" #")[0].rstrip()
    quote, rest = value[0], value[1:]
    letters, position = [], 0
    while position < len(rest) and rest[position] != quote:
        letter = rest[position]
        if quote == '"' and letter == "\\" and position + 1 < len(rest):
            position += 1
            letter = _ESCAPES.get(rest[position], rest[position])
        letters.append(letter)
        position += 1
    behind = rest[position + 1 :].strip()
    if position == len(rest) or (behind and not behind.startswith("#")):
        raise ConfigurationError(f"{where}: the quotes do not enclose the value.")
    return "".join(letters)


def _yaml(text: str, what: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]  # not a dependency
    except ImportError as error:
        raise MissingLibraryError(
            f"{what} is YAML, and PyYAML is not installed. Install it with `pip install pyyaml`, or write "
            "the values as JSON or .env."
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigurationError(f"{what} is no YAML.") from None


def _checked(found: Any, what: str) -> dict[str, str]:
    """Return a mapping of texts; numbers are written out as they stand in JSON."""
    if not isinstance(found, dict):
        raise ConfigurationError(f"{what} holds no texts by key.")
    for key, value in found.items():
        if not isinstance(key, str) or isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ConfigurationError(f"{what}: `{key}` is a {type(value).__name__}; a value is a text.")
    return {key: str(value) for key, value in found.items()}
