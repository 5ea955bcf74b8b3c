"""Stored values of a user's own types as text, without importing the types: looking at a run runs no code."""

from __future__ import annotations

from typing import Any

import msgspec

_BRACKETS = {"tuple": "()", "set": "{}", "frozenset": "{}"}


def text_of(data: bytes | msgspec.Raw) -> str:
    """Return a value that `values.encode` wrote, much as its `repr` would tell it."""
    return _text(msgspec.json.decode(bytes(data)))


def _text(tree: Any) -> str:
    if isinstance(tree, list):
        return f"[{_listed(tree)}]"
    if not isinstance(tree, dict):
        return repr(tree)
    if "$" not in tree:
        return "{" + ", ".join(f"{name!r}: {_text(value)}" for name, value in tree.items()) + "}"
    tag, content = tree["$"], tree["v"]
    if tag in ("dataclass", "pydantic", "enum"):
        return _object_text(tag, *content)
    if tag == "dict":
        return "{" + ", ".join(f"{_text(key)}: {_text(value)}" for key, value in content) + "}"
    if tag in _BRACKETS:
        opening, closing = tuple(_BRACKETS[tag])
        return f"{opening}{_listed(content)}{',' if tag == 'tuple' and len(content) == 1 else ''}{closing}"
    return content if isinstance(content, str) else _text(content)


def _object_text(tag: str, name: str, state: Any) -> str:
    kind = name.replace(":", ".").rpartition(".")[2]
    if tag == "enum":
        return f"{kind}.{state}" if isinstance(state, str) else f"{kind}({_listed(state)})"
    fields = state.get("__dict__", {}) if tag == "pydantic" else state
    return f"{kind}({', '.join(f'{field}={_text(value)}' for field, value in fields.items())})"


def _listed(items: list[Any]) -> str:
    return ", ".join(_text(item) for item in items)
