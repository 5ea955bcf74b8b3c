"""The SQL of the store as psycopg has it: `:name` and `?` become `%(name)s` and `%s`, `instr` is called `strpos`."""

from __future__ import annotations

import re
from functools import lru_cache

# Text in quotes is passed over as a whole: a colon in it names nothing.
_TOKEN = re.compile(r"'(?:[^']|'')*'|:([A-Za-z_]\w*)|\?|%|\binstr(?=\()")
_OTHERWISE = {"?": "%s", "instr": "strpos"}

LONGEST_KEPT = 8192
"""Characters: a longer statement names hundreds of values, and hardly comes again as it is."""


def translated(sql: str) -> str:
    """Return a statement with the placeholders of psycopg; each text is translated once."""
    return _kept(sql) if len(sql) <= LONGEST_KEPT else _TOKEN.sub(_replacement, sql)


@lru_cache(maxsize=1024)
def _kept(sql: str) -> str:
    return _TOKEN.sub(_replacement, sql)


def _replacement(found: re.Match[str]) -> str:
    if found[1]:
        return f"%({found[1]})s"
    return _OTHERWISE.get(found[0]) or found[0].replace("%", "%%")
