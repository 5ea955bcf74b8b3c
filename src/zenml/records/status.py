"""The states of a run and of a step attempt, and every legal transition between them.

This table is the only place that says what may follow what. Terminal states of a step are sinks:
what is recorded as ended stays ended, whoever writes later. A run that did not complete can be resumed.
"""

from __future__ import annotations

from typing import Literal, get_args

RunStatus = Literal["running", "stopping", "paused", "completed", "failed", "stopped", "interrupted"]
"""`paused`: it waits for an answer, and no process does anything for it."""
StepStatus = Literal[
    "retrying", "running", "completed", "cached", "failed", "retried", "skipped", "stopped", "interrupted"
]
"""`retrying`: an attempt that waits for its time; `retried`: one that failed and was followed by another."""

RUN_TRANSITIONS: dict[RunStatus, tuple[RunStatus, ...]] = {
    "running": ("stopping", "paused", "completed", "failed", "stopped", "interrupted"),
    "stopping": ("stopped", "failed", "interrupted"),
    "paused": ("running", "stopped"),
    "completed": (),
    "failed": ("running",),
    "stopped": ("running",),
    "interrupted": ("running",),
}
STEP_TRANSITIONS: dict[StepStatus, tuple[StepStatus, ...]] = {
    "retrying": ("running", "cached", "skipped", "interrupted"),
    "running": ("completed", "failed", "retried", "stopped", "interrupted"),
    "completed": (),
    "cached": (),
    "failed": (),
    "retried": (),
    "skipped": (),
    "stopped": (),
    "interrupted": (),
}

ENDED: frozenset[str] = frozenset(
    status
    for status in (*get_args(RunStatus), *get_args(StepStatus))
    if status not in ("running", "stopping", "retrying", "paused")
)
"""States that nothing changes by itself: a step's never change, a run's only when it is resumed."""
RESUMABLE: frozenset[str] = frozenset(
    status for status, following in RUN_TRANSITIONS.items() if "running" in following
)
"""States of a run that has ended or is paused, and that can be resumed."""
AT_REST: frozenset[str] = ENDED | {"paused"}
"""States of a run for which no process does anything."""

SUCCESSFUL: frozenset[str] = frozenset(("completed", "cached"))
"""Ended states that leave outputs behind."""
