"""One row of the table: our figure, the floor it is compared with, the budget, and whether it is met.

A time is judged by its median; a ratio by the median of the ratios of single repetitions, because
floor and figure of one repetition were measured side by side and share the noise of that moment.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """What was measured; the figures of all repetitions are kept."""

    case: str
    what: str
    unit: str
    ours: tuple[float, ...] = ()
    floor: tuple[float, ...] = ()
    floor_is: str = ""
    budget: float | None = None
    """The largest figure, in the row's unit."""
    budget_ratio: float | None = None
    """The largest ratio to the floor, where the budget is a ratio."""
    ratios: tuple[float, ...] = ()
    """The ratio to the floor, where it is not simply ours by floor."""
    is_binding: bool = True
    """Whether the budget is about this row; if not, the row is there to be seen beside it."""
    broken: str = ""
    """A part of the budget that is no number and was not kept."""
    remark: str = ""
    problem: str = ""
    """Why the row could not be measured."""

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        """The median ratio of our figure to the floor."""
        if self.ratios:
            return statistics.median(self.ratios)
        if not self.floor or not self.ours or statistics.median(self.floor) == 0:
            return None
        if len(self.floor) == len(self.ours) and all(self.floor):
            return statistics.median(o / f for o, f in zip(self.ours, self.floor, strict=True))
        return self.median / statistics.median(self.floor)

    @property
    def is_met(self) -> bool | None:
        """Whether the budget is kept; None where there is none or nothing was measured."""
        if self.problem or not self.ours:
            return None
        if self.budget_ratio is not None:
            within = self.ratio is not None and self.ratio <= self.budget_ratio
        elif self.budget is not None:
            within = self.median <= self.budget
        else:
            return None
        return within and not self.broken

    @property
    def verdict(self) -> str:
        """`yes`, `no`, and in brackets where the budget is not about this row."""
        if self.problem:
            return "not measured"
        if self.is_met is None:
            return "-"
        word = "yes" if self.is_met else "no"
        return word if self.is_binding else f"({word})"

    def as_json(self) -> dict[str, Any]:
        """Return everything, for `--json`."""
        return {**asdict(self), "ratio": self.ratio, "is_met": self.is_met}


def number(value: float) -> str:
    """Return a number with three significant digits, and whole numbers as such."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    if abs(value) >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.5f}"
