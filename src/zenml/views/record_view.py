"""What the views of runs, steps, artifacts and versions of models have in common: an id, metadata; a state, times, a failure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zenml.enums import ExecutionStatus
from zenml.records.models import ModelVersion
from zenml.records.run import Artifact, Run, StepRun
from zenml.views.noted import history_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.run import Failure, NotedKind
    from zenml.store.store import Store

R = TypeVar("R", bound=Run | StepRun | Artifact | ModelVersion)
E = TypeVar("E", bound=Run | StepRun)


class RecordView(Generic[R]):
    """A record, and the store that answers what the record does not say itself."""

    kind: NotedKind
    """What metadata is noted of."""

    def __init__(self, record: R, store: Store) -> None:
        self.record = record
        self._store = store

    @property
    def id(self) -> str:
        """The id; its last digits are enough on the command line."""
        return self.record.id

    @property
    def run_metadata(self) -> dict[str, Any]:
        """What was logged of it, by name: of each name the newest value."""
        return {name: values[-1] for name, values in self.metadata_history.items()}

    @property
    def metadata_history(self) -> dict[str, list[Any]]:
        """Every value that was logged of it, by name, the oldest first."""
        return history_of(self._store, self.kind, self._noted_ids())

    def _noted_ids(self) -> Sequence[str]:
        """Return the ids under which its metadata is noted."""
        return [self.id]


class ExecutionView(RecordView[E]):
    """Something that began, takes a while, and ends well or not: a run or a step."""

    @property
    def status(self) -> ExecutionStatus:
        """What has become of it."""
        return ExecutionStatus(self.record.status)

    @property
    def reason(self) -> str | None:
        """Why it was stopped, interrupted, skipped or not cached, if there is something to say."""
        return self.record.reason

    @property
    def failure(self) -> Failure | None:
        """The exception that it failed with, as a value."""
        return self.record.failure

    @property
    def start_time(self) -> datetime:
        """When it began, UTC."""
        return instant(self._began)

    @property
    def end_time(self) -> datetime | None:
        """When it ended, UTC; None while it goes on."""
        return None if self.record.ended_at is None else instant(self.record.ended_at)

    @property
    def duration(self) -> float | None:
        """How long it took, in seconds; None while it goes on."""
        return None if self.record.ended_at is None else (self.record.ended_at - self._began) / 1e6

    @property
    def _began(self) -> int:
        """When it began, in microseconds since 1970."""
        return self.record.created_at if isinstance(self.record, Run) else self.record.started_at


def instant(microseconds: int) -> datetime:
    """Return a stored time as a datetime in UTC."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
