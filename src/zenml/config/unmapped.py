"""An argument that each element of a map gets as a whole."""

from __future__ import annotations

from typing import Any


class unmapped:  # noqa: N801  users write it like a function
    """A value that `map` and `product` pass whole to each element, and do not go through.

    Example:
        `score.map(parts, unmapped(weights))`

    Attributes:
        value: the value; a list, an output of a step, anything that the step takes.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"unmapped({self.value!r})"
