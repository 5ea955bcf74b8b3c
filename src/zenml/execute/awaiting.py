"""Waiting for steps in an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml.execute.futures import StepRunFuture


async def settled(future: StepRunFuture[Any]) -> None:
    """Return when a step has ended; the loop does other things meanwhile."""
    loop = asyncio.get_running_loop()
    has_ended = asyncio.Event()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(has_ended.set))
    await has_ended.wait()
