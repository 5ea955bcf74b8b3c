"""Values without values inside that JSON does not know: bytes, times, decimals, paths and so on.

Each kind has a tag and two functions: one that writes a value as plain JSON, one that reads
it back. `records.values` wraps the result in its tag object.
"""

from __future__ import annotations

import binascii
import datetime as dt
import decimal
import sys
import uuid
from collections.abc import Callable
from typing import Any

from zenml.errors import MaterializerError

Leaf = tuple[str, Callable[[Any], Any]]

PATH_TYPES = ("PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath")


def find_leaf(kind: type) -> Leaf | None:
    """Return the tag and the writer for values of exactly this type, if it is a leaf."""
    leaf = _LEAVES.get(kind)
    if (
        leaf is None
        and kind.__name__ in PATH_TYPES
        and getattr(sys.modules.get("pathlib"), kind.__name__, None) is kind
    ):
        leaf = ("path", lambda path: [type(path).__name__, write_text(str(path))])
    return leaf


def write_text(text: str) -> str | dict[str, str]:
    """Write text; lone surrogates have no UTF-8 form, so text with any is written as tagged bytes."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"$": "text", "v": _to_base64(text.encode("utf-8", "surrogatepass"))}
    return text


def write_float(number: float) -> float | dict[str, str]:
    """Write a float; infinities and NaN have no JSON form."""
    return number if number - number == 0 else {"$": "float", "v": repr(number)}


def _to_base64(data: bytes | bytearray) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _from_base64(text: str) -> bytes:
    return binascii.a2b_base64(text, strict_mode=True)


def _read_text(value: str | dict[str, str]) -> str:
    return value if isinstance(value, str) else _from_base64(value["v"]).decode("utf-8", "surrogatepass")


def _read_float(value: float | dict[str, str]) -> float:
    return float(value["v"]) if isinstance(value, dict) else float(value)


def _write_zone(zone: dt.tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        return [_write_delta(zone.utcoffset(None)), *zone.__getinitargs__()[1:]]  # type: ignore[attr-defined]  # the pickling protocol of `timezone`: offset, then the name if it has one
    zoneinfo, key = sys.modules.get("zoneinfo"), getattr(zone, "key", None)
    if zoneinfo is not None and type(zone) is zoneinfo.ZoneInfo and key is not None:
        return key
    raise MaterializerError(
        f"has the time zone {zone!r}, which has no portable name; use `zoneinfo.ZoneInfo` or `datetime.timezone`"
    )


def _read_zone(data: Any) -> dt.tzinfo | None:
    if data is None:
        return None
    if isinstance(data, str):
        import zoneinfo

        try:
            return zoneinfo.ZoneInfo(data)
        except zoneinfo.ZoneInfoNotFoundError as error:
            raise MaterializerError(
                f"The time zone `{data}` of a stored value is unknown on this machine. Install the zones with"
                " `pip install tzdata`, then load again."
            ) from error
    return dt.timezone(_read_delta(data[0]), *data[1:])


def _write_moment(value: dt.datetime | dt.time) -> list[Any]:
    return [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, _write_zone(value.tzinfo)]


def _read_datetime(data: Any) -> dt.datetime:
    return dt.datetime.fromisoformat(data[0]).replace(fold=data[1], tzinfo=_read_zone(data[2]))


def _read_time(data: Any) -> dt.time:
    return dt.time.fromisoformat(data[0]).replace(fold=data[1], tzinfo=_read_zone(data[2]))


def _write_delta(value: dt.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _read_delta(data: Any) -> dt.timedelta:
    return dt.timedelta(data[0], data[1], data[2])


def _read_path(data: Any) -> Any:
    import pathlib

    if data[0] not in PATH_TYPES:
        raise ValueError(data[0])
    return getattr(pathlib, data[0])(_read_text(data[1]))


def _write_complex(value: complex) -> list[Any]:
    return [write_float(value.real), write_float(value.imag)]


_LEAVES: dict[type, Leaf] = {
    bytes: ("bytes", _to_base64),
    bytearray: ("bytearray", _to_base64),
    complex: ("complex", _write_complex),
    range: ("range", lambda value: [hex(value.start), hex(value.stop), hex(value.step)]),
    dt.datetime: ("datetime", _write_moment),
    dt.date: ("date", dt.date.isoformat),
    dt.time: ("time", _write_moment),
    dt.timedelta: ("timedelta", _write_delta),
    decimal.Decimal: ("decimal", str),
    uuid.UUID: ("uuid", str),
}

LEAF_READERS: dict[str, Callable[[Any], Any]] = {
    "text": lambda data: _read_text({"v": data}),
    "float": float,
    "int": lambda data: int(data, 16),
    "bytes": _from_base64,
    "bytearray": lambda data: bytearray(_from_base64(data)),
    "complex": lambda data: complex(_read_float(data[0]), _read_float(data[1])),
    "range": lambda data: range(*(int(part, 16) for part in data)),
    "datetime": _read_datetime,
    "date": dt.date.fromisoformat,
    "time": _read_time,
    "timedelta": _read_delta,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "path": _read_path,
}
"""How each tag of a leaf is read back."""
