"""What the agent can do: search in a collection of texts, read one of them, and calculate."""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Library = dict[str, str]
"""Texts by title."""
OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
SMALL_WORDS = {"of", "the", "per", "a", "in"}


def best_matches(library: Library, words: str, most: int = 2) -> list[str]:
    """Return the titles of the texts in which most of the words stand."""
    wanted = set(words.lower().split()) - SMALL_WORDS
    hits = {title: len(wanted & set(re.findall(r"\w+", text.lower()))) for title, text in library.items()}
    ranked = sorted((title for title in hits if hits[title]), key=lambda title: (-hits[title], title))
    return ranked[:most]


def value_of(expression: str) -> float:
    """Return the value of a sum, difference, product or quotient of numbers; nothing else is evaluated."""

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.BinOp(left, kind, right) if type(kind) in OPERATORS:
                return OPERATORS[type(kind)](value(left), value(right))
        raise ValueError(f"`{expression}` is no calculation with numbers and + - * /.")

    return value(ast.parse(expression, mode="eval").body)
