"""Keeping registered secrets out of what is stored: logs, messages, tracebacks, metadata.

A secret is found as it is, also without space around it, in base64 at each of its three offsets, URL-quoted, and as JSON and `repr` write it.
This is best effort: a secret that a program encrypts, reverses or prints letter by letter is not found.
"""

from __future__ import annotations

import re
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST = 6
"""Characters; masking shorter values would make logs unreadable and hide little."""
MASK = "***"


class _Secrets:
    """All registered values with their forms; the patterns are made when a form was found."""

    def __init__(self) -> None:
        self.values: frozenset[str] = frozenset()
        self.forms: tuple[str, ...] = ()
        self.byte_forms: tuple[bytes, ...] = ()
        self.cores: tuple[str, ...] = ()
        """Forms that hold no other form of their value: in a text without them there is no secret.

        Looking for each of them is several times as fast as looking for all forms with a pattern.
        """
        self.byte_cores: tuple[bytes, ...] = ()

    def with_value(self, value: str) -> _Secrets:
        """Return these and one more."""
        new = _Secrets()
        forms = _forms_of(value) | _forms_of(
            value.strip()
        )  # a file ends with a line end that programs leave out
        new.values = self.values | {value}
        # The longest first: an alternation takes the first form that fits, not the longest.
        new.forms = tuple(sorted(forms.union(self.forms), key=len, reverse=True))
        new.byte_forms = tuple(form.encode() for form in new.forms)
        new.cores = self.cores + tuple(
            form for form in forms if not any(other in form for other in forms if other != form)
        )
        new.byte_cores = tuple(form.encode() for form in new.cores)
        return new

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.forms)))

    @cached_property
    def byte_pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(map(re.escape, self.byte_forms)))


_lock = threading.Lock()
_secrets = _Secrets()
_listener: Callable[[str], None] | None = None


def register_secret(value: str) -> None:
    """Mask a value from now on, in all its forms; values shorter than six characters are left alone.

    In an isolated step the owner of the run, who stores what the step prints, has been told when this
    returns. What a process registers that a step started is known to that process alone.
    """
    global _secrets
    if len(value) < SHORTEST:
        return
    value = value.encode(errors="backslashreplace").decode()  # what is no Unicode is stored like this
    with _lock:
        if value in _secrets.values:
            return
        _secrets = _secrets.with_value(value)
    if _listener is not None:
        _listener(value)


def tell(listener: Callable[[str], None] | None) -> None:
    """Have a function called with each value that is registered from now on; None ends that."""
    global _listener
    _listener = listener


def registered() -> tuple[str, ...]:
    """Return all registered values, for a process that has to mask the same ones."""
    return tuple(_secrets.values)


def is_needed() -> bool:
    """Tell whether there is anything to mask."""
    return bool(_secrets.forms)


def mask(text: str) -> str:
    """Return a text with every registered secret replaced by `***`."""
    secrets = _secrets
    for core in secrets.cores:
        if core in text:
            return secrets.pattern.sub(MASK, text)
    return text


def mask_bytes(data: bytes) -> bytes:
    """Return UTF-8 text with every registered secret replaced."""
    secrets = _secrets
    for core in secrets.byte_cores:
        if core in data:
            return secrets.byte_pattern.sub(MASK.encode(), data)
    return data


def mask_begun(data: bytes) -> tuple[bytes, bytes]:
    """Return the beginning of a text that goes on, masked as far as nothing to come can change it, and the rest as it is.

    What is masked in parts is then what would be masked at once: a secret that is the beginning of a longer one
    waits until that is known to be there or not.
    """
    begin = begun_at(data)
    if not any(core in data for core in _secrets.byte_cores):
        return data[:begin], data[begin:]
    pattern = _secrets.byte_pattern
    masked, position = [], 0
    while (found := pattern.search(data, position)) is not None and found.start() < begin:
        masked += [data[position : found.start()], MASK.encode()]
        position = found.end()
        if begin < position:  # what seemed to begin there was the end of this one
            begin = position + begun_at(data[position:])
    return b"".join([*masked, data[position:begin]]), data[begin:]


def mask_value(value: Any) -> Any:
    """Return a value that JSON can hold with every registered secret in its texts and names replaced."""
    if not _secrets.forms:
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(name): mask_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [mask_value(item) for item in value]
    return value


def begun_at(data: bytes) -> int:
    """Return where a secret begins that may go on after the end of the data; its length if none does."""
    begin = len(data)
    for form in _secrets.byte_forms:
        position = data.find(form[:1], max(0, len(data) - len(form) + 1), begin)
        while position >= 0:
            if form.startswith(data[position:]):
                begin = position
                break
            position = data.find(form[:1], position + 1, begin)
    return begin


def _forms_of(value: str) -> frozenset[str]:
    """Return what a value looks like in texts, without forms that are too short."""
    import base64
    import json
    from urllib.parse import quote, quote_plus

    raw = value.encode()
    quoted = {quote(raw), quote(raw, safe=""), quote_plus(raw), quote_plus(raw, safe="/")}
    forms = {value, *quoted, *(re.sub("%..", lambda one: one[0].lower(), form) for form in quoted)}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    forms |= {repr(value)[1:-1], repr(raw)[2:-1]}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms |= {encode(raw).decode(), encode(raw).decode().rstrip("=")}
        for offset in range(3):
            # Bytes before and after share characters with the secret; those are not looked for.
            text = encode(b"\0" * offset + raw).decode().rstrip("=")
            whole = (offset + len(raw)) * 8 // 6
            forms.add(text[-(-offset * 8 // 6) : whole])
    return frozenset(form for form in forms if len(form) >= SHORTEST)
