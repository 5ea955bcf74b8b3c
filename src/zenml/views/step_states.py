"""The states of many calls of steps: which come first, how they are counted out, and where they lie, as a strip."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

IN_ORDER = (
    "completed", "cached", "failed", "interrupted", "stopped", "skipped", "running", "retrying", "waiting",
)  # fmt: skip
"""The states of a step in the order in which they are counted out."""
WORST_FIRST = (
    "failed", "interrupted", "stopped", "running", "retrying", "skipped", "waiting", "completed", "cached",
)  # fmt: skip
"""The states of a step; the first that occurs among many calls is what a reader should know of them."""
SIGNS = {
    "failed": "✗",
    "interrupted": "!",
    "stopped": "■",
    "running": "╍",
    "retrying": "╍",
    "skipped": "-",
    "waiting": "┄",
    "completed": "━",
    "cached": "─",
}
"""What stands for a state in a strip; they differ also where there are no colours."""
CELLS = 40
"""The cells of a strip, at most."""
_RANK = {state: number for number, state in enumerate(WORST_FIRST)}
_OTHER = len(WORST_FIRST)


def rank(state: str) -> int:
    """Return the place of a state among `WORST_FIRST`, as it fits into a byte."""
    return _RANK.get(state, _OTHER)


def worst(states: Iterable[str]) -> str:
    """Return the state that a reader should know of."""
    return min(states, key=rank, default="waiting")


def strip(ranks: Sequence[int], cells: int = CELLS) -> tuple[str, ...]:
    """Return what is to be known of many calls, from the first to the last, in so many cells at most.

    Args:
        ranks: the state of each call, as `rank` has it; bytes are the fastest.
        cells: how many there may be.
    """
    total = len(ranks)
    cells = min(cells, total)
    bounds = [number * total // cells for number in range(cells + 1)] if cells else [0]
    lowest = [min(ranks[start:end]) for start, end in pairwise(bounds)]
    return tuple(WORST_FIRST[one] if one < _OTHER else "waiting" for one in lowest)


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts that are not 0, in the order in which they are told; states that are new come last."""
    known = {state: counts[state] for state in IN_ORDER if counts.get(state)}
    return known | {state: number for state, number in counts.items() if number and state not in known}


def words(counts: Mapping[str, int], *, run_status: str) -> dict[str, str]:
    """Return by state what is said of its count: `3 completed`, `1 failed (handled)`.

    A run that has completed although a step failed is one whose function took the failure.

    Args:
        counts: how many calls are in which state.
        run_status: how the run stands.
    """
    said = {}
    for state, number in ordered(counts).items():
        word = state
        if state == "failed" and run_status == "completed":
            word = "failed (handled)"
        elif state == "waiting" and run_status not in ("running", "stopping", "paused"):
            word = "not started"
        said[state] = f"{number} {word}"
    return said
