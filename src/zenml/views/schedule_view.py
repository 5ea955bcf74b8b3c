"""A schedule as a user reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from zenml.records.ids import short
from zenml.views.record_view import instant

if TYPE_CHECKING:
    from datetime import datetime

    from zenml.records.run import Schedule


class ScheduleView:
    """A stored schedule of a pipeline."""

    def __init__(self, record: Schedule) -> None:
        self.record = record

    @property
    def id(self) -> str:
        """The id."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name, unique in the store."""
        return self.record.name

    @property
    def pipeline_name(self) -> str:
        """The name of the pipeline that is to run."""
        return self.record.pipeline_name

    @property
    def cron_expression(self) -> str | None:
        """The cron expression, if it has one."""
        return self.record.cron_expression

    @property
    def interval_second(self) -> timedelta | None:
        """The time between two runs, if it has one."""
        return None if self.record.every is None else timedelta(microseconds=self.record.every)

    @property
    def start_time(self) -> datetime | None:
        """When it begins, UTC."""
        return _instant(self.record.start_at)

    @property
    def end_time(self) -> datetime | None:
        """When it ends, UTC."""
        return _instant(self.record.end_at)

    @property
    def run_once_start_time(self) -> datetime | None:
        """When the only run is due, UTC."""
        return _instant(self.record.run_once_at)

    @property
    def catchup(self) -> bool:
        """Whether runs that were missed are made up for."""
        return self.record.catchup

    @property
    def timezone(self) -> str | None:
        """The zone in which the cron expression is meant; None for UTC."""
        return self.record.timezone

    @property
    def active(self) -> bool:
        """Whether it is to fire."""
        return self.record.is_active

    @property
    def created(self) -> datetime:
        """When it was stored, UTC."""
        return instant(self.record.created_at)

    def __repr__(self) -> str:
        return f"<schedule `{self.name}` ({short(self.id)}) of pipeline `{self.pipeline_name}`>"


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else instant(microseconds)
