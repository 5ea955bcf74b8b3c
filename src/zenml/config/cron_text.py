"""Cron expressions as people write them: checked field by field, so that an error names what is wrong."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

SHORT_FORMS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Words for usual expressions, and what they stand for."""


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    more: str = ""


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day-of-month", 1, 31, more=", `L` for the last day, `LW` for the last weekday"),
    _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")),
    _Field(
        "day-of-week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
        ", `MON#2` for the second Monday, `5L` for the last Friday",
    ),
)  # fmt: skip
_REMEDY = "Its fields are minute, hour, day of month, month and day of week, such as `0 2 * * *`."
_EARLIEST = datetime(2000, 1, 1)  # noqa: DTZ001  it is on the wall
"""Where the search for a first time begins: each date comes within the 50 years that are searched."""


def read_cron(given: Any) -> str:
    """Return a cron expression of five fields, or a word such as `@daily`, that can be read and comes some time.

    Raises:
        ConfigurationError: it cannot be read, or never comes.
    """
    text = " ".join(given.split()) if isinstance(given, str) else ""
    if text.startswith("@"):
        return _read_short_form(text)
    fields = text.split()
    if len(fields) != 5:
        shown = fields or str(given).split()
        zone = re.match(r"(?:CRON_)?TZ=(\S+)", text)
        remedy = f"Give the zone as `timezone={zone[1]!r}`." if zone else _REMEDY
        raise ConfigurationError(
            f"`cron_expression` is {preview(given)}: it has {len(shown)} fields instead of 5. {remedy}"
        )
    for position, (field, part) in enumerate(zip(_FIELDS, fields, strict=True)):
        alone = ["*"] * 5
        alone[position] = part
        if not _is_readable(" ".join(alone)):
            raise ConfigurationError(
                f"`cron_expression` is {preview(given)}: its field {field.name} `{_shown(part)}` is not possible: "
                f"{_reason(part, field)}. {_allowed(field)}"
            )
    if not _comes(text):
        raise ConfigurationError(
            f"`cron_expression` is {preview(given)}: no day is ever like that. "
            f"Its day-of-month is `{fields[2]}`, its month `{fields[3]}`, its day-of-week `{fields[4]}`; change one."
        )
    return text


def expanded(text: str) -> str:
    """Return the five fields that a word such as `@daily` stands for, and anything else as it is."""
    return SHORT_FORMS.get(text, text)


def _read_short_form(text: str) -> str:
    word = text.lower()
    if word in SHORT_FORMS:
        return word
    if word == "@reboot":
        raise ConfigurationError(
            "`cron_expression` is '@reboot', which is no time: a schedule belongs to a store, not to a machine that "
            "starts. Give it a time, such as `@daily`, or run the pipeline where the machine starts its services."
        )
    close = nearest(word, SHORT_FORMS)
    hint = (
        f"Did you mean `{close}`?" if close else f"There are {', '.join(f'`{one}`' for one in SHORT_FORMS)}."
    )
    raise ConfigurationError(f"`cron_expression` is {preview(text)}, which stands for nothing. {hint}")


def _is_readable(text: str) -> bool:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(text, _EARLIEST)
    except (CronSimError, ValueError):  # a ValueError for a number of thousands of digits
        return False
    return True


def _comes(text: str) -> bool:
    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(text, _EARLIEST), None) is not None
    except CronSimError:  # it knows of some without looking
        return False


def _reason(part: str, field: _Field) -> str:
    """Return the first thing that is wrong with a field."""
    for term in part.split(","):
        if not term:
            return "a part of its list is empty"
        base, has_step, step = term.partition("/")
        if has_step and not _is_count(step):
            return f"its step `{_shown(step)}` is no number from 1 up"
        if "#" in base:
            return _wrong_nth(base, field)
        low, has_range, high = base.partition("-")
        said = _wrong_range(low, high, field) if has_range else _wrong_value(base, field)
        if said:
            return said
    return "it cannot be read"


def _wrong_nth(base: str, field: _Field) -> str:
    if field.name != "day-of-week":
        return "`#` is for the day-of-week"
    day, _, nth = base.partition("#")
    return _wrong_value(day, field) or f"`{_shown(nth)}` after `#` is no number from 1 to 5"


def _wrong_range(low: str, high: str, field: _Field) -> str | None:
    for end in (low, high):
        if not end:
            return f"its range `{_shown(f'{low}-{high}')}` lacks an end"
        if end.upper() in ("*", "L", "LW"):
            return f"`{end}` stands alone, not in a range"
        if said := _wrong_value(end, field):
            return said
    if _number(low, field) <= _number(high, field):
        return None
    return f"its range `{low}-{high}` goes down; write `{low}-{field.last},{field.first}-{high}`"


def _wrong_value(text: str, field: _Field) -> str | None:
    """Return what is wrong with one number or name of a field."""
    if text == "*" or text.upper() in field.names:
        return None
    if text == "?":
        return "`?` is written `*` here"
    if _is_number(text):
        number = int(text)
        if number > field.last:
            return f"`{text}` is above {field.last}"
        return f"`{text}` is below {field.first}" if number < field.first else None
    close = nearest(text.upper(), field.names) if field.names and len(text) > 1 else None
    return f"`{_shown(text)}` is no {field.name}{f', and `{close}` is one' if close else ''}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", text) is not None


def _is_count(text: str) -> bool:
    return _is_number(text) and int(text) > 0


def _shown(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}…"


def _number(text: str, field: _Field) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.first
    return int(text)


def _allowed(field: _Field) -> str:
    first, last = field.first, field.last
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return (
        f"It may be {first} to {last}{names}, a list `{first},{first + 2}`, a range `{first}-{first + 4}`, "
        f"steps `*/2`, or `*`{field.more}."
    )
