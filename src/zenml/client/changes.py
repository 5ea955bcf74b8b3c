"""One thing that differs between two runs of a step."""

from __future__ import annotations

from typing import Literal

import msgspec

ChangeKind = Literal[
    "code",
    "package",
    "parameter",
    "input",
    "dependency",
    "outputs",
    "settings",
    "extra",
    "environment",
    "secret",
    "variable",
]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A difference, as a sentence and as its parts."""

    kind: ChangeKind
    name: str
    """What changed: the dotted name of a piece of code, the name of a package, an input, a setting."""
    text: str
    """For people, without a full stop: `clean()` in features.py:12 changed."""
    before: str | None = None
    after: str | None = None
    file: str | None = None
    line: int | None = None
    step: str | None = None
    """The step of the same run whose output it is, where that has other content."""
    diff: str | None = None
    """A unified diff of the source, where both texts are stored."""
