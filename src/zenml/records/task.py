"""What a worker is asked to do, and what it answers; both can be sent to another process."""

from __future__ import annotations

from typing import Any

import msgspec

from zenml.records.artifact_data import StoredValue
from zenml.records.models import ModelVersion
from zenml.records.plan import Invocation, StepDefinition, TagSpec, Value
from zenml.records.run import Failure, MemoryGuard
from zenml.records.stacks import PartAddress


class TaskArtifact(msgspec.Struct, frozen=True, tag="artifact"):
    """An input to be loaded: where its bytes are, and whether this store vouches for them."""

    id: str
    producer: str | None
    """The invocation of the same run that made it, if one did: whom to ask again when it is damaged."""
    name: str
    stored: StoredValue
    is_trusted: bool


class TaskList(msgspec.Struct, frozen=True, tag="list"):
    """Several inputs that the step takes as one list, one tuple or one mapping."""

    items: tuple[Value | TaskArtifact, ...]
    is_tuple: bool = False
    keys: tuple[str, ...] = ()


TaskInput = Value | TaskArtifact | TaskList


class TrackerTask(msgspec.Struct, frozen=True):
    """The experiment tracker of a step: how its process opens it."""

    address: PartAddress
    settings: dict[str, Any] = {}
    """What the step sets for it."""
    tags: tuple[str, ...] = ()
    """The tags of the run."""


class StepTask(msgspec.Struct, frozen=True):
    """One attempt of a step, complete: a worker needs nothing else but the code."""

    step_run_id: str
    run_id: str
    run_name: str
    pipeline: str
    invocation: Invocation
    definition: StepDefinition
    inputs: dict[str, TaskInput]
    artifact_root: str
    attempt: int = 1
    model: ModelVersion | None = None
    """The version of the model that the step works on."""
    tracker: TrackerTask | None = None
    store: PartAddress | None = None
    """The registered artifact store that takes its outputs; None for the folder of `artifact_root`."""
    stores: tuple[PartAddress, ...] = ()
    """Other registered artifact stores, which hold its inputs."""


class PackedState(msgspec.Struct, frozen=True):
    """What `on_init` returned, as it travels to other processes: pickled, or why it cannot be."""

    data: bytes | None = None
    problem: str | None = None


class Unrecorded(msgspec.Struct, frozen=True):
    """What a step in another process gets beside its task, and what is written down nowhere."""

    secrets: dict[str, str] = {}
    """The secrets that the step asked for, as environment variables."""
    state: PackedState = PackedState()
    seal: str = ""
    """What the step seals the outcome with that it keeps beside its artifacts; "" if it is to keep none."""


class Damage(msgspec.Struct, frozen=True):
    """An input that could not be read as it was written."""

    artifact_id: str
    producer: str | None
    message: str


class Usage(msgspec.Struct, frozen=True):
    """What the processes of an isolated step have used; the fields are those of its record."""

    cpu_time: int | None = None
    """Microseconds of processor time."""
    peak_memory: int | None = None
    """Bytes."""
    memory_guard: MemoryGuard | None = None
    """What kept its memory below its cap; None where it has none."""


class StepOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an attempt: its outputs in order, or a failure, or a damaged input."""

    outputs: tuple[StoredValue, ...] = ()
    output_metadata: dict[str, dict[str, Any]] = {}
    """What the step said of its outputs, by output: recorded together with them."""
    output_tags: dict[str, tuple[TagSpec, ...]] = {}
    failure: Failure | None = None
    damage: Damage | None = None
    started_at: int = 0
    ended_at: int = 0
    exception: bytes | None = None
    """The exception itself, pickled by the worker, when it came from another process."""
    usage: Usage | None = None
    """Filled in by the owner, where the step had a process of its own."""
