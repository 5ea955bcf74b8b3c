"""How one part of a step's code is shown to people.

Parts are stored with a run, so that two runs can be compared and the difference named.
"""

from __future__ import annotations


def shown(name: str, value: object) -> str:
    """Return `name = value` for people: short, and without what may be a secret."""
    if any(word in name.lower() for word in _SECRET_WORDS):
        return f"{name} = <hidden>"
    kind = type(value)
    if kind in _SHOWN or (kind in _SHOWN_IF_FLAT and all(type(item) in _SHOWN for item in _flat(value))):
        try:
            text = repr(value)
        except ValueError:
            text = f"<{kind.__qualname__}>"  # an integer too long for base 10
        return f"{name} = {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}"
    size = f" of {len(value)}" if isinstance(value, (list, tuple, dict, set, frozenset)) else ""
    return f"{name} = <{kind.__qualname__}{size}>"


_SHOWN = frozenset({type(None), bool, int, float, complex, str, bytes})
_SHOWN_IF_FLAT = frozenset({list, tuple, dict})
_SECRET_WORDS = ("secret", "password", "passwd", "token", "credential", "api_key", "apikey", "private")
_LONGEST = 100


def _flat(value: object) -> list[object]:
    """Return the items of a small container, or one that is not shown."""
    if isinstance(value, dict):
        items: list[object] = [*value, *value.values()]
    else:
        items = list(value)  # type: ignore[call-overload]  # a list or tuple
    return items if len(items) <= 20 else [value]
