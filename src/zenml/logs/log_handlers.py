"""Handlers of `logging` that were made before a run: they hold the real streams.

While a run is active they write to the routers instead. So a step's log has each record once, as
the terminal shows it: with the user's own format, levels and filters. `logging` is never imported
for that; handlers that are made while a run is active find the routers by themselves.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def redirect(streams: Mapping[Any, Any]) -> None:
    """Give every handler that writes to one of these streams the other one."""
    logging = sys.modules.get("logging")
    if logging is None:
        return
    by_id = {id(stream): other for stream, other in streams.items()}
    for reference in list(getattr(logging, "_handlerList", ())):
        handler = reference()
        if not isinstance(handler, logging.StreamHandler):
            continue
        stream = vars(handler).get("stream")  # not an attribute of the last resort, which asks `sys.stderr`
        if stream is not None and id(stream) in by_id:
            handler.setStream(by_id[id(stream)])
