"""What is remembered of schedules: when a pipeline is to run, and what became of each of those times.

A schedule is desired state under a name. Each instant at which it is due becomes one `Tick`, the only
one of its key, so whoever adds the row has claimed it, and everybody can read what it came to.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from zenml.records.ids import PipelineId, RunId, ScheduleId
from zenml.records.run import Record

Overlap = Literal["skip", "queue", "cancel", "allow"]
"""What becomes of a fire while a run of the same schedule goes on."""
Catchup = Literal["none", "latest", "all"]
"""What becomes of instants that passed while no scheduler was there."""
Outcome = Literal["queued", "claimed", "fired", "skipped", "missed", "failed"]
"""`queued`: it waits for its turn; `claimed`: its run is being started; all others are ends."""
Cause = Literal["time", "event", "manual"]
EventKind = Literal["run_ended", "artifact", "model_version"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What starts a run instead of a time: the end of a run, a new version of an artifact or of a model."""

    kind: EventKind
    name: str
    """Of the pipeline, the artifact or the model."""
    statuses: tuple[str, ...] = ()
    """In which a run has to end."""


class Schedule(Record, frozen=True, kw_only=True):
    """When a pipeline is to run, what is to run then, and how far that is done."""

    table = "schedules"
    id: ScheduleId
    name: str
    pipeline_id: PipelineId | None = None
    pipeline_name: str
    plan: str
    """Digest of the stored plan."""
    folder: str
    """Where it was made, and where its runs begin."""
    python: str
    """The interpreter that it was made with, and that runs it."""
    run_name: str | None = None
    parameters: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    cron_expression: str | None = None
    every: int | None = None
    """Microseconds between two runs."""
    run_once_at: int | None = None
    event: Event | None = None
    start_at: int | None = None
    end_at: int | None = None
    timezone: str | None = None
    """In which the cron expression is meant; None for UTC."""
    overlap: Overlap = "skip"
    catchup: Catchup = "latest"
    catchup_limit: int = 100
    """How many instants `all` makes up for, the newest ones."""
    jitter: int | None = None
    """Microseconds: each fire is put off by a part of it, always the same one for the same instant."""
    max_runs: int | None = None
    is_active: bool = True
    paused_at: int | None = None
    pause_reason: str | None = None
    problem: str | None = None
    """Why it cannot be evaluated; it fires no more until it is changed."""
    since: int
    """Every instant until here is in the ledger, or is not owed."""
    next_instant: int | None = None
    next_at: int | None = None
    """When that is due, its jitter included; None if a scheduler has nothing to do for it by time."""
    revision: int = 0
    """Counts changes, by people and by schedulers: who has seen an older one changes nothing."""
    created_at: int
    updated_at: int


class Tick(Record, frozen=True, kw_only=True):
    """One instant or event of a schedule, and what became of it; or many of them that were missed in a row."""

    table = "ticks"
    schedule_id: ScheduleId
    key: str
    """Unique in the schedule: of a time its instant, of an event what appeared, of a person an id."""
    cause: Cause
    instant: int
    due_at: int
    """The instant with its jitter."""
    outcome: Outcome
    run_id: RunId
    """The id that its run has, if it ever gets one; it follows from the schedule and the key."""
    reason: str | None = None
    subject: str | None = None
    """The id of the run, artifact or version of a model that caused it."""
    last_instant: int | None = None
    """For many in one row: the last one."""
    count: int = 1
    owner_id: str | None = None
    """The scheduler that starts its run."""
    attempts: int = 0
    recorded_at: int
    ended_at: int | None = None
    """When the outcome was known; of a fire, when its run began."""
    settled_at: int | None = None
    """When nothing more will become of it: it was not fired, or its run has ended."""
    alert: str | None = None
    """`due` until people were told; then when, or why it failed."""


class Scheduler(Record, frozen=True, kw_only=True):
    """A process that serves the schedules of a store."""

    table = "schedulers"
    owner_id: str
    started_at: int


def key_of_time(instant: int) -> str:
    """Return the key of the tick of an instant; keys sort as instants do."""
    return f"t{instant:017d}"


def run_id_of(schedule_id: str, key: str, instant: int) -> RunId:
    """Return the id that the run of a tick has: a second start of the same tick cannot record another run."""
    digest = hashlib.sha256(f"{schedule_id} {key}".encode()).hexdigest()
    return RunId(f"{instant:013x}{digest[:11]}")
