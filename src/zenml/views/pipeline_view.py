"""A pipeline as a user reads it: its runs, its schedules and its tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.errors import NotFoundError
from zenml.records.query import Condition, Query
from zenml.records.run import Run
from zenml.views.noted import TagName, tags_of
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.store.store import Store
    from zenml.views.schedule_view import ScheduleView


class PipelineView:
    """A pipeline by name."""

    def __init__(self, name: str, identifier: str | None, store: Store) -> None:
        self.name = name
        self.id = identifier
        self._store = store

    @property
    def runs(self) -> list[RunView]:
        """All runs of the pipeline, the newest first."""
        found = self._store.select(Run, pipeline_name=self.name)
        return [RunView(run, self._store) for run in reversed(found)]

    @property
    def last_run(self) -> RunView:
        """The newest run of the pipeline."""
        newest = Query((Condition("pipeline_name", "equals", self.name),), size=1, needs_total=False)
        runs = self._store.find(Run, newest).items
        if not runs:
            raise NotFoundError(f"Pipeline `{self.name}` has no runs yet. Call it once.")
        return RunView(runs[0], self._store)

    @property
    def schedules(self) -> list[ScheduleView]:
        """The schedules of the pipeline, the oldest first."""
        from zenml.records.schedules import Schedule
        from zenml.views.schedule_view import ScheduleView

        found = self._store.select(Schedule, pipeline_name=self.name)
        return [ScheduleView(one, self._store) for one in found]

    @property
    def tags(self) -> list[TagName]:
        """The tags of the pipeline."""
        return tags_of(self._store, "pipeline", str(self.id))

    def __repr__(self) -> str:
        return f"<pipeline `{self.name}`>"
