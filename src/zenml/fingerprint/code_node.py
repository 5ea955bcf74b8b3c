"""One thing that the walk reached, and how texts refer to it."""

from __future__ import annotations

import os
import types

from zenml.fingerprint.code_shape import digest_of
from zenml.records.plan import CodePart, PartKind


class Node:
    """One thing that was reached."""

    def __init__(self, number: int, kind: PartKind, name: str, label: str, subject: object) -> None:
        self.number = number
        self.kind: PartKind = kind
        self.name = name
        self.label = label
        self.subject = subject
        self.file: str | None = None
        self.line: int | None = None
        self.shape: list[str] = []  # what it is by itself
        self.links: list[str] = []  # what it refers to; in the fingerprint, but not in its own digest
        self.docs = ""  # counts if anything that is reached reads docstrings

    def part(self) -> CodePart:
        """Return the node as a part of a fingerprint."""
        digest = digest_of(without_numbers("\n".join((self.kind, *self.shape))))
        return CodePart(self.name, self.kind, digest, self.file, self.line)

    def place(self) -> str:
        """Return the name and the place of the node, for people."""
        file = os.path.basename(self.file or "")
        line = f":{self.line}" if self.line else ""
        return f"`{self.name.rstrip('@')}`" + (f" ({file}{line})" if file else "")


def reference_to(number: int, label: str) -> str:
    """Return the text that refers to a node."""
    return f"{_NUMBER}{number}{_LABEL}{label}{_END}"


def is_reference(text: str) -> bool:
    """Tell whether the text is nothing but a reference to one node."""
    return text.startswith(_NUMBER) and text.count(_NUMBER) == 1 and text.endswith(_END)


def is_label(text: str) -> bool:
    """Tell whether the text says nothing but what is referred to, be it a node or something of a package."""
    return is_reference(text) or text.startswith(_LABELS)


def without_numbers(text: str) -> str:
    """Return the text with references by label alone: numbers depend on what else is reached."""
    first, *others = text.split(_NUMBER)
    return first + "".join(other.partition(_LABEL)[2] for other in others)


def name_of(function: types.FunctionType) -> str:
    """Return the dotted name of a function; that of its code if `functools.wraps` gave it the name of another."""
    name = function.__code__.co_qualname if "__wrapped__" in function.__dict__ else function.__qualname__
    return f"{function.__globals__.get('__name__')}.{name.replace('<locals>.', '')}"


# A reference to a node is written between control characters, which `repr` never leaves in a text. The number
# depends on what else is reached, so the digest of a single part is taken without it.
_NUMBER, _LABEL, _END = "\0", "\1", "\2"
# How texts begin that need no part of their own, because they say nothing but what is referred to.
_LABELS = tuple(
    f"{kind} "
    for kind in (
        "foreign", "builtin", "module", "wrapper", "property", "staticmethod", "classmethod", "method", "lru_cache",
        "cached_property", "singledispatchmethod", "slot", "field", "harmless", "logging", "object",
    )
)  # fmt: skip
