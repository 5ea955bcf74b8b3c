"""Placeholders for variables of the environment in what users configure: `${NAME}`, `${NAME:-default}`.

`$${NAME}` is the text `${NAME}` itself. As in a shell, the default holds for a variable that is
not set or empty. What stands between the braces is called the expression.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Path = tuple[str | int, ...]

_PLACEHOLDER = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*(?::-[^{}]*)?)\}")


def name_of(expression: str) -> str:
    """Return the variable that an expression names."""
    return expression.partition(":-")[0]


def value_of(expression: str, environ: Mapping[str, str]) -> str | None:
    """Return what an expression stands for, None if its variable is not set and it has no default."""
    name, has_default, default = expression.partition(":-")
    found = environ.get(name)
    return default if has_default and not found else found


def expressions(value: Any, path: Path = ()) -> Iterator[tuple[str, Path, str]]:
    """Yield every expression in mappings, lists, texts and our own objects: with its path, and the text there."""
    if isinstance(value, str):
        if "${" in value:
            for escape, expression in _PLACEHOLDER.findall(value):
                if not escape:
                    yield expression, path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from expressions(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from expressions(item, (*path, index))
    elif _is_ours(value):
        yield from expressions(vars(value), path)


def has_placeholder(value: Any) -> bool:
    """Tell whether a value holds a placeholder, or the escape for one."""
    if isinstance(value, str):
        return "${" in value and _PLACEHOLDER.search(value) is not None
    if isinstance(value, dict):
        return any(map(has_placeholder, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(has_placeholder, value))
    return _is_ours(value) and has_placeholder(vars(value))


def filled(value: Any, look_up: Callable[[str], str | None], *, reads_scalars: bool = False) -> Any:
    """Return a value with its placeholders filled in.

    Args:
        value: mappings, lists, texts and our own objects; anything else comes back as it is.
        look_up: what an expression stands for; None leaves the placeholder.
        reads_scalars: whether a text that is wholly a placeholder is read as a YAML scalar: `0.1` as a number.
    """
    if isinstance(value, str):
        if "${" not in value:
            return value
        text = _PLACEHOLDER.sub(lambda match: _fill(match, look_up), value)
        whole = _PLACEHOLDER.fullmatch(value)
        if reads_scalars and whole is not None and not whole[1]:
            from zenml.config.yaml_document import read_scalar  # YAML is loaded where it is used only

            return read_scalar(text)
        return text
    if isinstance(value, dict):
        return {key: filled(item, look_up, reads_scalars=reads_scalars) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [filled(item, look_up, reads_scalars=reads_scalars) for item in value]
        return tuple(items) if type(value) is tuple else items
    if _is_ours(value) and has_placeholder(vars(value)):
        changed = copy.copy(value)
        vars(changed).update(filled(vars(value), look_up))
        return changed
    return value


def _is_ours(value: Any) -> bool:
    """Tell whether a value is one of the objects that users configure with, such as a `Model`."""
    return type(value).__module__.startswith("zenml.config.") and hasattr(value, "__dict__")


def _fill(match: re.Match[str], look_up: Callable[[str], str | None]) -> str:
    if match[1]:
        return match[0][1:]
    found = look_up(match[2])
    return match[0] if found is None else found


def escaped(text: str) -> str:
    """Return a text in which every placeholder is escaped, so that it stands for itself."""
    return _PLACEHOLDER.sub(lambda match: "$" + match[0], text)


def escaped_in(value: Any) -> Any:
    """Return a value in which every text that looks like a placeholder stands for itself."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, list):
        return [escaped_in(item) for item in value]
    return {key: escaped_in(item) for key, item in value.items()} if isinstance(value, dict) else value
