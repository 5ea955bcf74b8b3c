"""Times and sizes on the command line: how long ago, or when; how many bytes."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any

import click

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def read_age(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return an age such as `30d`, `12h`, `90m` or `2w` in seconds."""
    if value is None:
        return None
    found = _AGO.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(f"`{value}` is no age. Write a number with s, m, h, d or w, such as 30d.")
    return float(found[1]) * _SECONDS[found[2]]


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?", re.IGNORECASE)
_THOUSANDS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def read_size(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return a size such as `50GB`, `500 MB` or `2GiB` in bytes."""
    if value is None:
        return None
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(f"`{value}` is no size. Write a number with MB, GB or TB, such as 50GB.")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _THOUSANDS[found[2].lower()])


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases of click only
    """`30s`, `10m`, `2h`, `1d` ago, or an ISO time, local if it names no zone; as microseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the moment that a text names."""
        if isinstance(value, int):
            return value
        if ago := _AGO.fullmatch(value.strip()):
            return time.time_ns() // 1000 - int(float(ago[1]) * _SECONDS[ago[2]] * 1_000_000)
        try:
            return int(datetime.fromisoformat(value).timestamp() * 1_000_000)
        except ValueError:
            self.fail(
                f"`{value}` is no time. Write `30s`, `10m`, `2h`, `1d`, or `2026-01-31T12:00`.", param, ctx
            )
