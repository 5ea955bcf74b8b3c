"""What is remembered of a hook that was due: a row, pending from the transaction that made it due until it has run."""

from __future__ import annotations

from typing import Literal, NewType

from zenml.records.ids import RunId, StepRunId
from zenml.records.plan import HookName, Source
from zenml.records.run import Failure, Record

HookRunId = NewType("HookRunId", str)
HookStatus = Literal["pending", "completed", "failed", "skipped"]


class HookRun(Record, frozen=True, kw_only=True):
    """One call of one hook, for a step run or for the run itself."""

    table = "hook_runs"
    id: HookRunId
    run_id: RunId
    step_run_id: StepRunId | None = None
    """The step run that it is called for; None for a hook of the run."""
    invocation_id: str | None = None
    hook: HookName
    source: Source
    status: HookStatus = "pending"
    """`skipped` where its step was stopped before it began."""
    failure: Failure | None = None
    created_at: int
    started_at: int | None = None
    ended_at: int | None = None
    log: str | None = None
    """Path of the log that holds what it printed, if it printed anything."""
    posted: str | None = None
    """What it had an alerter post, so that it is not posted again."""

    @property
    def title(self) -> str:
        """What it is called in messages."""
        whose = f" of step `{self.invocation_id}`" if self.invocation_id is not None else ""
        return f"Hook `{self.hook}`{whose} (`{self.source.dotted}`)"
