"""A limit of time for a call that waits for a service, whatever the library below it does.

The timeouts of libraries hold for each read: a service that sends a byte now and then, or a name server
that does not answer, goes beyond them. So the call is made in a thread of its own, and given up.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what a call returns, and raise what it raises.

    Raises:
        TimeoutError: it has not ended after so many seconds; it goes on in a daemon thread, unheard.
    """
    ended = threading.Event()
    context = contextvars.copy_context()
    came: dict[str, Any] = {}

    def call() -> None:
        try:
            came["result"] = context.run(work)
        except BaseException as error:  # it belongs to whoever waits
            came["error"] = error
        finally:
            ended.set()

    threading.Thread(target=call, name="zenml-time-limit", daemon=True).start()
    if not ended.wait(seconds):
        raise TimeoutError(f"no answer within {seconds:g} s")
    if "error" in came:
        raise came["error"]
    result: T = came["result"]
    return result
