"""What is remembered of runs, step runs and artifacts: one frozen record per table row.

Field names are column names. Times are whole microseconds since 1970, UTC. A field that is
itself a record, a dict or a tuple is stored as JSON.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from zenml.enums import ArtifactType
from zenml.records.artifact_data import FileEntry, StoredValue
from zenml.records.ids import ArtifactId, OwnerId, PipelineId, RunId, ScheduleId, StepRunId
from zenml.records.plan import Invocation, PipelineOptions, Plan, StepDefinition, TagSpec
from zenml.records.status import RunStatus, StepStatus

OUTSIDE_STEPS = StepRunId("")
"""Stands for the step run in `Artifact.saved_by` where `save_artifact` was called outside of steps."""
NotedKind = Literal["run", "step", "artifact", "pipeline", "model", "model_version"]
"""What can have metadata or tags."""
MemoryGuard = Literal["cgroup", "watchdog"]
"""What ends a step that takes more memory than its cap: the kernel, or our own looks at it now and then."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the store."""

    table: ClassVar[str]


class Owner(Record, frozen=True, kw_only=True):
    """A process that owns runs: enough to tell later whether it still lives."""

    table = "owners"
    id: OwnerId
    host: str
    boot_id: str
    pid: int
    process_start: str
    created_at: int


class Pipeline(Record, frozen=True, kw_only=True):
    """A pipeline by name; unlisted runs have none."""

    table = "pipelines"
    id: PipelineId
    name: str
    created_at: int


class Failure(msgspec.Struct, frozen=True):
    """An exception as a value: what a reader in another process can know of it."""

    type: str
    """Dotted name of its class."""
    message: str
    traceback: str = ""
    notes: tuple[str, ...] = ()
    exit_code: int | None = None
    signal: int | None = None
    bases: tuple[str, ...] = ()
    """Dotted names of the classes that its class is derived from, the nearest first."""
    first_cause: str = ""
    """The exception with which it began, as type and text, where that is another one."""


class Run(Record, frozen=True, kw_only=True):
    """One run of a pipeline, or of a single step."""

    table = "runs"
    id: RunId
    name: str
    status: RunStatus
    pipeline_id: PipelineId | None = None
    pipeline_name: str
    owner_id: OwnerId
    epoch: int = 0
    """Raised by every take-over; writes of an earlier owner carry the old number and change nothing."""
    created_at: int
    ended_at: int | None = None
    reason: str | None = None
    failure: Failure | None = None
    plan: str
    """Digest of the stored plan."""
    environment: str
    """Digest of the stored environment."""
    changes: str | None = None
    """Digest of the uncommitted changes to tracked files; None for none, or outside a repository."""
    options: PipelineOptions
    parameters: dict[str, msgspec.Raw] = {}
    variables: dict[str, str] = {}
    """By expression of a placeholder (`NAME`, `NAME:-default`): the HMAC of what it stood for."""
    parent_id: RunId | None = None
    """The run whose function called it."""
    original_id: RunId | None = None
    """The run that it reproduces."""
    stack: str | None = None
    """Digest of the stored stack; None for the default one."""
    schedule_id: ScheduleId | None = None
    """The schedule that has started it."""


class StepRun(Record, frozen=True, kw_only=True):
    """One attempt of one invocation in one run."""

    table = "step_runs"
    id: StepRunId
    run_id: RunId
    invocation_id: str
    attempt: int = 1
    status: StepStatus
    definition: str
    invocation: Invocation
    cache_key: str | None = None
    key_parts: dict[str, str] = {}
    """What went into the key, part by part: the material of `step why`."""
    reason: str | None = None
    """Why it ran, was cached or was skipped, as decided at the time."""
    cached_from: StepRunId | None = None
    started_at: int
    """When it began; while it is `retrying`, when it will."""
    ended_at: int | None = None
    failure: Failure | None = None
    log: str | None = None
    """Path of the log file below the store, once something was written."""
    invalidated_at: int | None = None
    """When somebody said that the cache is not to answer with its result any more."""
    cpu_time: int | None = None
    """Microseconds of processor time that its processes took, where it had some of its own."""
    peak_memory: int | None = None
    """Bytes that its largest process had at most; the whole tree of its processes where its memory is capped."""
    memory_guard: MemoryGuard | None = None
    """What kept its memory below its cap; None where it has none."""
    child_run_id: RunId | None = None
    """For the call of a pipeline: the run that it is; it may not have been recorded."""


class StepOutline(msgspec.Struct, frozen=True, gc=False):
    """What a list or a tree of a run's steps says of an attempt: cheap to have for a hundred thousand."""

    id: StepRunId
    invocation_id: str
    attempt: int
    status: StepStatus
    definition: str
    started_at: int
    ended_at: int | None
    reason: str | None
    cached_from: StepRunId | None
    upstream: tuple[str, ...]
    """The ids of the calls that it waited for."""
    map: str | None = None
    """The map whose element it is."""
    failure: Failure | None = None
    cpu_time: int | None = None
    peak_memory: int | None = None
    memory_guard: str | None = None
    child_run_id: RunId | None = None


class StepInput(Record, frozen=True, kw_only=True):
    """That a step run took an artifact as (part of) an argument."""

    table = "step_inputs"
    step_run_id: StepRunId
    name: str
    position: int
    artifact_id: ArtifactId


class Artifact(Record, frozen=True, kw_only=True):
    """One version of a named artifact."""

    table = "artifacts"
    id: ArtifactId
    name: str
    version: int = 0
    """Given by the store when the row is written: one more than the highest that the name ever had."""
    producer: StepRunId | None = None
    """The step run whose output it is."""
    saved_by: StepRunId | None = None
    """The step run that saved it beside its outputs; `OUTSIDE_STEPS` if a user saved it where none was running."""
    output: str
    type: str
    materializer: str
    digest: str
    size: int
    inline: bytes | None = None
    key: str | None = None
    files: tuple[FileEntry, ...] = ()
    metadata: dict[str, Any] = {}
    needs_trust: bool = False
    kind: str = ArtifactType.DATA.value
    """What it is for people who browse: data, a model, a service …"""
    signature: bytes = b""
    created_at: int
    store_id: str | None = None
    """The registered artifact store in which its files are; None for the folder beside the database."""

    def stored_value(self) -> StoredValue:
        """Return the part of the record that a materializer needs to load it."""
        return StoredValue(
            type=self.type,
            materializer=self.materializer,
            digest=self.digest,
            size=self.size,
            inline=self.inline,
            key=self.key,
            files=self.files,
            metadata=self.metadata,
            needs_trust=self.needs_trust,
            kind=self.kind,
            store_id=self.store_id,
        )


class RunOutput(Record, frozen=True, kw_only=True):
    """An output of a whole pipeline run."""

    table = "run_outputs"
    run_id: RunId
    position: int
    artifact_id: ArtifactId


class Tag(Record, frozen=True, kw_only=True):
    """A tag on a run, pipeline, artifact or model, or on a version of a model."""

    table = "tags"
    kind: NotedKind
    target_id: str
    name: str
    color: str | None = None
    is_exclusive: bool = False
    is_cascading: bool = False


class Metadata(Record, frozen=True, kw_only=True):
    """A value that a user logged under a name; the newest of a name holds, the others are its history."""

    table = "metadata"
    kind: NotedKind
    target_id: str
    name: str
    value: Any
    created_at: int


class Secret(Record, frozen=True, kw_only=True):
    """Values under a name that nobody reads from the database: all of them, with their keys, are encrypted."""

    table = "secrets"
    id: str
    name: str
    key_id: str
    """Which key it was encrypted with."""
    body: bytes
    created_at: int
    updated_at: int


class Document(Record, frozen=True, kw_only=True):
    """A value stored once under its digest: a plan, a step definition, an environment."""

    table = "documents"
    digest: str
    body: bytes


def tag_on(kind: NotedKind, target_id: str, tag: TagSpec) -> Tag:
    """Return the row for a tag on something."""
    return Tag(
        kind=kind,
        target_id=target_id,
        name=tag.name,
        color=tag.color,
        is_exclusive=tag.is_exclusive,
        is_cascading=tag.is_cascading,
    )


class Environment(msgspec.Struct, frozen=True):
    """What reproduces a run beside its plan and parameters."""

    python: str
    platform: str
    packages: dict[str, str]
    command: tuple[str, ...]
    folder: str
    commit: str | None = None


DocumentBody = Plan | StepDefinition | Environment
