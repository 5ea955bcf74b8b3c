"""What steps set for step operators: packages written out as the plan records them, and what counts for the cache.

A step whose packages changed may give another result, so what makes up its environment is part of its cache
key; which operator it runs on, and how that gets at packages, is not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml.components.requirements import requirement_lines
from zenml.config.placeholders import expressions

if TYPE_CHECKING:
    from collections.abc import Mapping

_KIND = "step_operator"
_HOW = frozenset(("installer_args", "index_url", "find_links", "cache_size", "unused_days", "timeout"))
"""Fields that say how an environment is made, and not what is in it."""


def with_packages(settings: dict[str, Any], what: str) -> dict[str, Any]:
    """Return settings with the content of requirements files in their place, and lists of packages in order.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    written = dict(settings)
    for key, value in settings.items():
        if not _is_of_operator(key) or not isinstance(value, dict):
            continue
        packages = value.get("requirements")
        if isinstance(packages, (str, list)) and not any(expressions(packages)):
            lines = requirement_lines(packages, os.getcwd(), f"`settings.{key}.requirements` of {what}")
            written[key] = {**value, "requirements": list(lines)}
    return written


def counted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a result depends on, as far as those of step operators go."""
    found = {}
    for key, value in settings.items():
        if not _is_of_operator(key) or not isinstance(value, dict):
            found[key] = value
        elif made_of := {
            name: one for name, one in value.items() if name not in _HOW and one not in (None, [])
        }:
            found[key] = made_of
    return found


def by_field(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that count, those of step operators field by field, as they are compared for people."""
    found: dict[str, Any] = {}
    for key, value in counted(settings).items():
        if _is_of_operator(key) and isinstance(value, dict):
            found |= {f"{key}.{name}": one for name, one in value.items()}
        else:
            found[key] = value
    return found


def _is_of_operator(key: str) -> bool:
    return key.partition(".")[0] == _KIND
