"""When a pipeline is to run by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from zenml.config.fields import explained
from zenml.config.preview import preview
from zenml.errors import ConfigurationError


@explained
class Schedule:
    """Times at which a pipeline is to run: by a cron expression, at an interval, or once.

    Example:
        `my_pipeline.with_options(schedule=Schedule(cron_expression="0 2 * * *"))()`

    Attributes:
        name: a name to find it by; one with the time in it if None.
        cron_expression: five fields: minute, hour, day of month, month, day of week.
        interval_second: the time between two runs, a timedelta.
        start_time: when it begins; with an interval also when the first run is due.
        end_time: after which nothing is due any more.
        run_once_start_time: when the only run is due.
        catchup: whether runs that were missed are made up for.
        timezone: the zone in which the cron expression is meant, such as "Europe/Berlin"; None for UTC.
    """

    def __init__(
        self,
        name: str | None = None,
        cron_expression: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        *,
        interval_second: timedelta | float | None = None,
        catchup: bool = False,
        run_once_start_time: datetime | str | None = None,
        timezone: str | None = None,
    ) -> None:
        """Check and keep a schedule; times may be ISO texts, and those without a zone are local."""
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise ConfigurationError(
                f"A schedule is called {preview(name)}. Give it a name, or leave `name` out."
            )
        if not isinstance(catchup, bool):
            raise ConfigurationError(
                f"`catchup` of a Schedule is {preview(catchup)}; it must be True or False."
            )
        self.name = name
        self.cron_expression = None if cron_expression is None else _read_cron(cron_expression)
        self.start_time = _read_moment("start_time", start_time)
        self.end_time = _read_moment("end_time", end_time)
        self.interval_second = None if interval_second is None else _read_interval(interval_second)
        self.catchup = catchup
        self.run_once_start_time = _read_moment("run_once_start_time", run_once_start_time)
        self.timezone = None if timezone is None else _read_zone(timezone)
        self._check()

    def _check(self) -> None:
        ways = ("cron_expression", "interval_second", "run_once_start_time")
        given = [way for way in ways if getattr(self, way) is not None]
        if len(given) != 1:
            told = ", ".join(f"`{way}`" for way in given) or "none of them"
            raise ConfigurationError(
                "A Schedule needs one of `cron_expression`, `interval_second` and `run_once_start_time`. "
                f"Got: {told}. For every day at two: `Schedule(cron_expression='0 2 * * *')`."
            )
        if self.start_time and self.end_time and self.end_time <= self.start_time:
            raise ConfigurationError(
                f"A Schedule ends at {self.end_time:%Y-%m-%d %H:%M}, before it starts "
                f"({self.start_time:%Y-%m-%d %H:%M}). Exchange `start_time` and `end_time`."
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        told = [f"{name}={value!r}" for name, value in vars(self).items() if value not in (None, False)]
        return f"Schedule({', '.join(told)})"


def _read_cron(text: Any) -> str:
    """Return a cron expression of five fields that can be read."""
    from cronsim import CronSim, CronSimError

    remedy = "Its fields are minute, hour, day of month, month and day of week, such as `0 2 * * *`."
    if not isinstance(text, str) or len(text.split()) != 5:
        raise ConfigurationError(
            f"`cron_expression` is {preview(text)}: it has {len(str(text).split())} fields instead of 5. {remedy}"
        )
    try:
        CronSim(text, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        at = ("minute", "hour", "day-of-month", "month", "day-of-week")
        shown = f" `{text.split()[at.index(field)]}`" if field in at else ""
        raise ConfigurationError(
            f"`cron_expression` is {preview(text)}: its field {field}{shown} is not possible. {remedy}"
        ) from error
    return text


def _read_interval(given: Any) -> timedelta:
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    try:
        found = timedelta(seconds=given) if is_number else given
    except (OverflowError, ValueError):
        found = None
    if not isinstance(found, timedelta) or found.total_seconds() < 1:
        raise ConfigurationError(
            f"`interval_second` of a Schedule is {preview(given)}; it must be seconds from 1 up, or a timedelta."
        )
    return found


def _read_moment(name: str, given: Any) -> datetime | None:
    """Return a time with its zone; one without is meant in local time."""
    if given is None:
        return None
    found = given
    if isinstance(given, str):
        try:
            found = datetime.fromisoformat(given)
        except ValueError:
            found = None
    if not isinstance(found, datetime):
        raise ConfigurationError(
            f"`{name}` of a Schedule is {preview(given)}; it must be a datetime, or text such as `2030-01-31T02:00:00`."
        )
    return found.astimezone() if found.tzinfo is None else found


def _read_zone(name: Any) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, TypeError, LookupError) as error:  # a missing zone is a KeyError
        raise ConfigurationError(
            f"`timezone` of a Schedule is {preview(name)}, which is no time zone. Give a name such as `Europe/Berlin`."
        ) from error
