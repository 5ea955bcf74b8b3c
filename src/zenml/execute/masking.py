"""Keeping registered secrets out of what is stored: logs, messages, tracebacks.

A secret is found as it is, in base64 at each of its three offsets, URL-quoted, and as JSON writes it.
This is best effort: a secret that a program encrypts, reverses or prints letter by letter is not found.
"""

from __future__ import annotations

import re
import threading

SHORTEST = 6
"""Characters; masking shorter values would make logs unreadable and hide little."""
MASK = "***"

_lock = threading.Lock()
_values: set[str] = set()
_forms: tuple[str, ...] = ()
_pattern: re.Pattern[str] | None = None
_bytes_pattern: re.Pattern[bytes] | None = None


def register_secret(value: str) -> None:
    """Mask a value from now on, in all its forms; values shorter than six characters are left alone."""
    global _forms, _pattern, _bytes_pattern
    if len(value) < SHORTEST:
        return
    with _lock:
        if value in _values:
            return
        _values.add(value)
        # The longest first: an alternation takes the first form that fits, not the longest.
        found = {form for one in _values for form in _forms_of(one)}
        _forms = tuple(sorted(found, key=len, reverse=True))
        joined = "|".join(map(re.escape, _forms))
        _bytes_pattern = re.compile(joined.encode(errors="surrogatepass"))
        _pattern = re.compile(joined)


def registered() -> tuple[str, ...]:
    """Return all registered values, for a process that has to mask the same ones."""
    return tuple(_values)


def is_needed() -> bool:
    """Tell whether there is anything to mask."""
    return _pattern is not None


def mask(text: str) -> str:
    """Return a text with every registered secret replaced by `***`."""
    return text if _pattern is None else _pattern.sub(MASK, text)


def mask_bytes(data: bytes) -> bytes:
    """Return UTF-8 text with every registered secret replaced."""
    return data if _bytes_pattern is None else _bytes_pattern.sub(MASK.encode(), data)


def begun_at(data: bytes) -> int:
    """Return where a secret begins that may go on after the end of the data; its length if none does."""
    if _bytes_pattern is None:
        return len(data)
    begin = len(data)
    for form in _forms:
        secret = form.encode(errors="surrogatepass")
        for length in range(min(len(secret) - 1, len(data)), len(data) - begin, -1):
            if data.endswith(secret[:length]):
                begin = len(data) - length
                break
    return begin


def _forms_of(value: str) -> set[str]:
    import base64
    import json
    from urllib.parse import quote, quote_plus

    raw = value.encode(errors="surrogatepass")
    forms = {value, quote(raw), quote(raw, safe=""), quote_plus(raw)}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # Bytes before and after share characters with the secret; those are not looked for.
            text = encode(b"\0" * offset + raw).decode().rstrip("=")
            whole = (offset + len(raw)) * 8 // 6
            forms.add(text[-(-offset * 8 // 6) : whole])
    return {form for form in forms if len(form) >= SHORTEST}
