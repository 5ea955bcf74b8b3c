"""Getting out of a pipeline's function whose run ends, also if the function catches what tells it so.

The first time it is told by the reason itself, an exception that it may catch to clean up. After that by `Unwinding`,
which `except Exception` does not catch. A function that catches even this, again and again, is left through
its own `except` blocks: at each of its lines the exception is raised once more.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_PACKAGE = __name__.partition(".")[0] + "."
PATIENCE = 10
"""How often a function may catch `Unwinding`."""


class Unwinding(BaseException):
    """The run ends, and so does the function of its pipeline."""


def leave_by_force() -> None:
    """Have `Unwinding` be raised at the next line that this thread runs outside of this package."""

    def raise_at_line(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            raise Unwinding  # which also ends the tracing
        return raise_at_line

    frame = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(_PACKAGE):
            frame.f_trace = raise_at_line
        if frame.f_back is None:
            break
        frame = frame.f_back
    sys.settrace(lambda *_: None)
