"""Fingerprint the code of a step: the function, and everything of the project that it reaches.

    fingerprint(train).digest        enters the cache key
    fingerprint(train).parts         say what changed between two runs
    fingerprint(train).blind_spots   say where the walk could not look

What counts is what runs: the code objects and values of this process. Functions and classes of the project are
followed through calls, captured variables, defaults, decorators and constants; installed packages count by version.
Comments, formatting, docstrings, names of local variables, and where a file lies do not count.

A global value counts as it is when the fingerprint is taken, so a registry that is filled at run time counts with what
it holds then. An installed package counts by version only: one that is edited in place needs a new version, or an
editable install, whose code counts like the project's.
"""

from __future__ import annotations

import types

import msgspec

from zenml.errors import DeclarationError
from zenml.fingerprint.class_nodes import describe_class
from zenml.fingerprint.code_node import Node
from zenml.fingerprint.code_walk import Walk
from zenml.fingerprint.function_nodes import describe_decorators, describe_function
from zenml.fingerprint.source_text import source_text
from zenml.fingerprint.static_imports import StaticModule
from zenml.fingerprint.wrappers import without_own
from zenml.records.plan import CodePart

__all__ = ["CodePart", "Fingerprint", "fingerprint", "source_text"]


class Fingerprint(msgspec.Struct, frozen=True):
    """What a step's code is, as one digest and as its parts."""

    digest: str
    parts: tuple[CodePart, ...]
    blind_spots: tuple[str, ...]


def fingerprint(function: object) -> Fingerprint:
    """Return the fingerprint of a function, step or pipeline.

    Raises:
        DeclarationError: `function` cannot be called, so it has no code.
    """
    if not callable(without_own(function)):
        raise DeclarationError(
            f"Only functions have a fingerprint, but this is a `{type(function).__qualname__}`: {function!r:.80}. "
            "Pass the function, step or pipeline itself."
        )
    walk = Walk(_describe)
    digest = walk.run(function)
    return Fingerprint(digest, walk.parts(), walk.blind_spots())


def _describe(walk: Walk, node: Node) -> None:
    """Describe one node of the walk."""
    subject = node.subject
    if isinstance(subject, types.FunctionType):
        describe = describe_decorators if node.kind == "decorator" else describe_function
        describe(walk, node, subject)
    elif isinstance(subject, StaticModule):
        node.file = subject.file
        node.shape.append(subject.digest)
    elif isinstance(subject, type):
        describe_class(walk, node, subject)
