"""What steps set for step operators, packages written out as the plan records them."""

from __future__ import annotations

import os
from typing import Any

from zenml.components.requirements import requirement_lines
from zenml.config.placeholders import expressions

_KIND = "step_operator"


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


def _is_of_operator(key: str) -> bool:
    return key.partition(".")[0] == _KIND
