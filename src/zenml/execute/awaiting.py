"""Waiting for steps in an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml.execute.futures import StepRunFuture
    from zenml.execute.map_future import MapFuture


async def settled(future: StepRunFuture[Any] | MapFuture[Any]) -> None:
    """Return when a step, or all elements of a map, have ended; the loop does other things meanwhile."""
    loop = asyncio.get_running_loop()
    has_ended = asyncio.Event()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(has_ended.set))
    await has_ended.wait()
