"""When a pipeline is to run by itself."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from zenml.config.cron_text import read_cron
from zenml.config.fields import explained, nearest
from zenml.config.preview import preview
from zenml.config.schedule_events import NewArtifact, NewModelVersion, RunEnded, read_event
from zenml.config.zones import zone_named
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.config.schedule_events import Event

__all__ = ["CATCHUPS", "OVERLAPS", "WAYS", "NewArtifact", "NewModelVersion", "RunEnded", "Schedule"]

Overlap = Literal["skip", "queue", "cancel", "allow"]
Catchup = Literal["none", "latest", "all"]
OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)
CATCHUPS: tuple[Catchup, ...] = get_args(Catchup)
WAYS = ("cron_expression", "interval_second", "run_once_start_time", "on")
"""What says when it is due; a schedule has one of them."""
C = TypeVar("C", bound=str)


@explained
class Schedule:
    """When a pipeline is to run: by a cron expression, at an interval, once, or after something happened.

    Example:
        `my_pipeline.with_options(schedule=Schedule(cron_expression="0 2 * * *"))()`

    Attributes:
        name: a name to find it by; one with the time in it if None.
        cron_expression: five fields: minute, hour, day of month, month, day of week; or a word such as `@daily`.
        interval_second: the time between two runs, a timedelta.
        run_once_start_time: when the only run is due.
        on: what starts a run instead of a time: `RunEnded`, `NewArtifact` or `NewModelVersion`.
        start_time: when it begins; with an interval also when the first run is due.
        end_time: after which nothing is due any more.
        timezone: the zone in which the cron expression is meant, such as "Europe/Berlin"; None for UTC.
        overlap: what becomes of a run that is due while an earlier one goes on: `skip` it, `queue` it,
            `cancel` the earlier one, or `allow` both.
        catchup: which of the runs are made up for that were missed while no scheduler was there: `none`,
            the `latest`, or `all`; True means `all`, and False `latest`.
        catchup_limit: how many `all` makes up for, the newest ones.
        jitter: a timedelta; each run is put off by a part of it, so that many schedules do not start at once.
        max_runs: after how many runs it is over.
    """

    def __init__(
        self,
        name: str | None = None,
        cron_expression: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        *,
        interval_second: timedelta | float | None = None,
        run_once_start_time: datetime | str | None = None,
        on: Event | Mapping[str, Any] | None = None,
        timezone: str | None = None,
        overlap: str | None = "skip",
        catchup: str | bool | None = "latest",
        catchup_limit: int | None = 100,
        jitter: timedelta | float | None = None,
        max_runs: int | None = None,
    ) -> None:
        """Check and keep a schedule; times may be ISO texts, and those without a zone are local."""
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise ConfigurationError(
                f"A schedule is called {preview(name)}. Give it a name, or leave `name` out."
            )
        self.name = name
        self.cron_expression = None if cron_expression is None else read_cron(cron_expression)
        self.interval_second = _read_interval(interval_second)
        self.run_once_start_time = _read_moment("run_once_start_time", run_once_start_time)
        self.on = None if on is None else read_event(on)
        self.start_time = _read_moment("start_time", start_time)
        self.end_time = _read_moment("end_time", end_time)
        self.timezone = None if timezone is None else zone_named(timezone, "a Schedule").key
        self.overlap: Overlap = _read_choice("overlap", overlap, OVERLAPS, "skip")
        self.catchup: Catchup = _read_catchup(catchup)
        self.catchup_limit = _read_count("catchup_limit", catchup_limit) or 100
        self.jitter = _read_jitter(jitter, self.interval_second)
        self.max_runs = _read_count("max_runs", max_runs)
        self._check()

    def _check(self) -> None:
        given = [way for way in WAYS if getattr(self, way) is not None]
        if len(given) != 1:
            told = ", ".join(f"`{way}`" for way in given) or "none of them"
            raise ConfigurationError(
                "A Schedule needs one of `cron_expression`, `interval_second`, `run_once_start_time` and `on`. "
                f"Got: {told}. For every day at two: `Schedule(cron_expression='0 2 * * *')`."
            )
        start, end, once = self.start_time, self.end_time, self.run_once_start_time
        if start and end and end <= start:
            raise ConfigurationError(
                f"A Schedule ends at {end:%Y-%m-%d %H:%M}, before it starts "
                f"({start:%Y-%m-%d %H:%M}). Exchange `start_time` and `end_time`."
            )
        for name, limit, is_outside in (
            ("start_time", start, once and start and once < start),
            ("end_time", end, once and end and once > end),
        ):
            if is_outside:
                raise ConfigurationError(
                    f"A Schedule is to run once at {once:%Y-%m-%d %H:%M}, and its `{name}` is "
                    f"{limit:%Y-%m-%d %H:%M}: it would never run. Leave `{name}` out."
                )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        import inspect

        usual = {name: one.default for name, one in inspect.signature(type(self)).parameters.items()}
        told = [f"{name}={value!r}" for name, value in vars(self).items() if value != usual[name]]
        return f"Schedule({', '.join(told)})"


def _read_choice(name: str, given: Any, allowed: tuple[C, ...], usual: C) -> C:
    if given is None:
        return usual
    for one in allowed:
        if isinstance(given, str) and given == one:
            return one
    close = nearest(given, allowed) if isinstance(given, str) else None
    hint = f" Did you mean `{close}`?" if close else ""
    listed = ", ".join(f"`{one}`" for one in allowed)
    raise ConfigurationError(f"`{name}` of a Schedule is {preview(given)}; it can be {listed}.{hint}")


def _read_catchup(given: Any) -> Catchup:
    """Return which missed runs are made up for; others write True and False."""
    if isinstance(given, bool):
        return "all" if given else "latest"
    return _read_choice("catchup", given, CATCHUPS, "latest")


def _read_count(name: str, given: Any) -> int | None:
    if given is not None and (type(given) is not int or given < 1):
        raise ConfigurationError(
            f"`{name}` of a Schedule is {preview(given)}; it must be a whole number from 1 up."
        )
    return given


def _read_duration(given: Any) -> timedelta | None:
    """Return seconds, or a timedelta, as a timedelta; None for anything else."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    try:
        found = timedelta(seconds=given) if is_number else given
    except (OverflowError, ValueError):
        return None
    return found if isinstance(found, timedelta) else None


def _read_interval(given: Any) -> timedelta | None:
    if given is None:
        return None
    found = _read_duration(given)
    if found is None or found < timedelta(seconds=1):
        raise ConfigurationError(
            f"`interval_second` of a Schedule is {preview(given)}; it must be seconds from 1 up, or a timedelta."
        )
    return found


def _read_jitter(given: Any, interval: timedelta | None) -> timedelta | None:
    if given is None:
        return None
    found = _read_duration(given)
    if found is None or found <= timedelta():
        raise ConfigurationError(
            f"`jitter` of a Schedule is {preview(given)}; it must be seconds greater than 0, or a timedelta."
        )
    if interval is not None and found >= interval:
        raise ConfigurationError(
            f"`jitter` of a Schedule is {found}, and `interval_second` {interval}: a run could be due after "
            "the next one. Give a shorter jitter."
        )
    return found


def _read_moment(name: str, given: Any) -> datetime | None:
    """Return a time with its zone; one without is meant in local time, and a day at its beginning."""
    if given is None:
        return None
    found = given
    try:
        if isinstance(given, str):
            found = datetime.fromisoformat(given)
        elif isinstance(given, date) and not isinstance(given, datetime):
            found = datetime.combine(given, time())
        if isinstance(found, datetime):
            return found.astimezone() if found.utcoffset() is None else found
    except (ValueError, OverflowError, OSError):  # no time, or one that this machine cannot count to
        pass
    raise ConfigurationError(
        f"`{name}` of a Schedule is {preview(given)}; it must be a datetime, or text such as `2030-01-31T02:00:00`."
    )
