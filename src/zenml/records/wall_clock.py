"""What clocks on the wall of a zone show, and when they are changed.

Times on the wall are datetimes without a zone, instants are whole seconds since 1970 in UTC. Nothing here
knows which changes a zone has: offsets are asked for, and the second of a change is found between two of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ON_THE_WALL = datetime(1970, 1, 1)  # noqa: DTZ001  it is on the wall
_SECOND = timedelta(seconds=1)
_STEP = 3 * 86_400
"""How far apart offsets are asked for. No zone was ever changed and changed back within it: the closest
two changes of all zones are 95 hours apart (Africa/Freetown in 1939)."""


def offset_at(second: int, zone: tzinfo) -> timedelta:
    """Return how far clocks of a zone are ahead of UTC."""
    return (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset() or timedelta()


def wall_at(second: int, zone: tzinfo) -> datetime:
    """Return what clocks of a zone show."""
    return (_EPOCH + timedelta(seconds=second)).astimezone(zone).replace(tzinfo=None, fold=0)


def second_of(wall: datetime, offset: timedelta) -> int:
    """Return when clocks show a time, if they are ahead of UTC by an offset."""
    return (wall - offset - _EPOCH_ON_THE_WALL) // _SECOND


def resolve(wall: datetime, zone: tzinfo) -> int:
    """Return when clocks of a zone show a time first; for one that they leave out, when they are put forward."""
    first = wall.replace(tzinfo=zone)
    before = first.utcoffset() or timedelta()
    second = second_of(wall, before)
    if offset_at(second, zone) == before:
        return second
    after = first.replace(fold=1).utcoffset() or timedelta()
    return _bisect(second_of(wall, after), second, zone)


def next_change(second: int, until: int, zone: tzinfo) -> int | None:
    """Return the first second after one, and until another, from which clocks have another offset than at the first."""
    offset = offset_at(second, zone)
    while second < until:
        probe = min(second + _STEP, until)
        if offset_at(probe, zone) != offset:
            return _bisect(second, probe, zone)
        second = probe
    return None


def _bisect(low: int, high: int, zone: tzinfo) -> int:
    """Return the second of the change between two that have different offsets."""
    offset = offset_at(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high
