"""What the terminal can show, and what the user wants of it."""

from __future__ import annotations

import os
from typing import Any

from zenml.logs.output import terminal


def is_live() -> bool:
    """Tell whether a run is drawn on the terminal, and not told in lines."""
    stream = terminal()
    return (
        not is_quiet()
        and os.environ.get("TERM", "") not in ("", "dumb")
        and _is_terminal(stream)
        and "utf" in str(getattr(stream, "encoding", "")).lower()  # else the signs cannot be written
    )


def is_quiet() -> bool:
    """Tell whether runs are to say nothing at all."""
    return os.environ.get("ZENML_QUIET") == "1"


def has_colours() -> bool:
    """Tell whether messages are coloured: a no of the user counts more than a yes."""
    if os.environ.get("NO_COLOR") or _is_on("ZENML_LOGGING_COLORS_DISABLED"):
        return False
    if _is_on("FORCE_COLOR"):
        return True
    return os.environ.get("TERM", "") not in ("", "dumb") and _is_terminal(terminal())


def red(text: str) -> str:
    """Return a message about a failure as it is written."""
    return f"\x1b[31m{text}\x1b[0m" if has_colours() else text


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").lower() not in ("", "0", "false", "no")


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False  # there is no standard error, or it was closed
