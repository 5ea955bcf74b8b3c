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
                f"`cron_expression` is {preview(given)}: its field {field.name} `{part}` is not possible: "
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
        if "?" in term:
            return "`?` is written `*` here"
        base, _, step = term.partition("/")
        if "/" in term and (not re.fullmatch(r"[0-9]{1,9}", step) or int(step) == 0):
            return f"its step `{preview(step)[1:-1]}` is no number from 1 up"
        ends = re.split(r"[-#]", base, maxsplit=1)
        for one in ends[: 1 if "#" in base else 2]:
            if said := _wrong_end(one, field):
                return said
        if "#" in base:
            return f"what is after `#` is no number from 1 to 5, or {field.name} has no `#`"
        if len(ends) == 2 and _number(ends[0], field) > _number(ends[1], field):
            return f"its range `{base}` goes down; write `{base.split('-')[0]}-{field.last},{field.first}-{ends[1]}`"
    return "it cannot be read"


def _wrong_end(text: str, field: _Field) -> str | None:
    """Return what is wrong with one number or name of a field."""
    if text == "*":
        return None
    shown = preview(text)[1:-1]
    if re.fullmatch(r"[0-9]{1,9}", text):
        number = int(text)
        if number > field.last:
            return f"`{shown}` is above {field.last}"
        return f"`{shown}` is below {field.first}" if number < field.first else None
    if text.upper() in field.names:
        return None
    close = nearest(text.upper(), field.names) if field.names and len(text) > 1 else None
    return f"`{shown}` is no {field.name}{f'; did you mean `{close}`' if close else ''}"


def _number(text: str, field: _Field) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.first
    return int(text) if text != "*" else field.first


def _allowed(field: _Field) -> str:
    first, last = field.first, field.last
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return (
        f"It may be {first} to {last}{names}, a list `{first},{first + 2}`, a range `{first}-{first + 4}`, "
        f"steps `*/2`, or `*`{field.more}."
    )
