"""Whether the logs of two runs differ, and the first lines in which short ones do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from zenml.client.run_pairs import BlindSpot
from zenml.client.text_changes import text_change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.client.run_pairs import RunPair
    from zenml.views.logs import StepLogs
    from zenml.views.step_view import StepView

LONGEST = 200_000
"""Bytes of a log up to which it is compared; of a longer one only its size is."""
SHOWN = 10
"""Lines of the difference that are kept."""


class LogChange(msgspec.Struct, frozen=True):
    """A log that differs."""

    step: str
    """The id of the step inside its run; `run` for what was printed outside of steps."""
    text: str
    """For people: `2 lines added, 1 removed`."""
    diff: str | None
    """The first lines of a unified diff without context, of short logs."""


def log_changes(runs: RunPair, blind: list[BlindSpot]) -> Iterator[LogChange]:
    """Yield the logs that differ, of steps that were executed in both runs; note those that are too long."""
    both = [(name, one.logs, other.logs) for name, one, other in runs.both() if _are_executed(one, other)]
    for name, before, after in [*both, ("run", runs.before.logs, runs.after.logs)]:
        sizes = _size(before), _size(after)
        if max(sizes) > LONGEST:
            if sizes[0] != sizes[1]:
                yield LogChange(name, f"{sizes[0]} → {sizes[1]} bytes", None)
            blind.append(BlindSpot(f"log of {name}", f"it has more than {LONGEST // 1000} kB: only its size is compared"))  # fmt: skip
            continue
        texts = ["" if logs is None else str(logs) for logs in (before, after)]
        if texts[0] != texts[1]:
            change = text_change(*texts, context=0)
            lines = change.diff.splitlines()[2:] if change.diff else []
            first = [line for line in lines if not line.startswith("@@")][:SHOWN]
            yield LogChange(name, change.text, "\n".join(first) or None)


def _are_executed(*steps: StepView) -> bool:
    return all(step.record.status not in ("cached", "skipped") for step in steps)


def _size(logs: StepLogs | None) -> int:
    return 0 if logs is None else sum(os.path.getsize(path) for path in logs.parts())
