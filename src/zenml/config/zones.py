"""Time zones by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def zone_named(name: Any, what: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        ConfigurationError: there is none of this name on this machine.
    """
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (
        ValueError,
        OSError,
        TypeError,
        LookupError,
        AttributeError,
    ) as error:  # a missing one is a KeyError
        known = available_timezones()
        if not known:
            raise ConfigurationError(
                f"`timezone` of {what} is {preview(name)}, and this machine knows no time zones. "
                "Give it them: `pip install tzdata`."
            ) from error
        by_lower = {one.lower(): one for one in known}
        close = nearest(str(name).lower(), by_lower) if isinstance(name, str) and name else None
        hint = f"Did you mean `{by_lower[close]}`?" if close else "Give a name such as `Europe/Berlin`."
        raise ConfigurationError(
            f"`timezone` of {what} is {preview(name)}, which is no time zone. {hint}"
        ) from error
