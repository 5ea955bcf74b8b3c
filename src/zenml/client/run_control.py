"""Waiting for runs, asking them to stop, deleting them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Literal

from zenml.client.resolving import find_run
from zenml.errors import ConfigurationError, ContextError
from zenml.records.ids import short
from zenml.records.run import Owner
from zenml.records.status import AT_REST, ENDED
from zenml.store import owners
from zenml.store.removal import delete_runs as delete_rows
from zenml.store.removal import with_children
from zenml.store.stopping import request_stop
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zenml.records.run import Run
    from zenml.store.database import Database

StopOutcome = Literal["asked", "ended", "killed"]

GRACE = 10.0
"""Seconds that a process which was told to end gets before it is ended."""


def wait_for_run(store: Database, run: str, timeout: float | None = None) -> RunView:
    """Return a run when it has ended, or as it is when the time is over.

    Args:
        store: the store that holds the run.
        run: name, id or short id of the run.
        timeout: seconds to wait at most; None for as long as it takes.
    """
    return RunView(find_run(store, run), store).wait(timeout)


def stop_run(
    store: Database, run: str, *, reason: str, is_forced: bool = False
) -> tuple[StopOutcome, RunView]:
    """Ask the owner of a run to stop it; a run whose owner is dead is interrupted at once.

    Args:
        store: the store that holds the run.
        run: name, id or short id of the run.
        reason: why; the run records it.
        is_forced: end the owner's process as well, with SIGTERM, and with SIGKILL if it does not go.

    Raises:
        ContextError: the process is to be ended, and is this very one, or one of another host.
    """
    record = find_run(store, run)
    store.interrupt_dead_runs()
    record = find_run(store, record.id)
    if record.status in ENDED:
        return "ended", RunView(record, store)
    request_stop(store, record.id, reason)
    if record.status == "paused":
        view = RunView(find_run(store, record.id), store)
        if view.record.status in ENDED:
            return "ended", view
    if is_forced:
        return _end_owner(store, record)
    return "asked", RunView(find_run(store, record.id), store)


def delete_runs(store: Database, runs: Sequence[str]) -> list[Run]:
    """Delete ended or paused runs with their steps and children; their artifacts stay until they are collected.

    Raises:
        ConfigurationError: one of them has not ended; then none is deleted.
    """
    store.interrupt_dead_runs()
    ids = with_children(store, [find_run(store, run).id for run in runs])
    found = [find_run(store, one) for one in ids]
    for record in found:
        if record.status not in AT_REST:
            raise ConfigurationError(
                f"Run `{record.name}` ({short(record.id)}) is {record.status} and cannot be deleted. "
                f"Stop it first: zenml run stop {short(record.id)}"
            )
    gone = set(delete_rows(store, [record.id for record in found]))
    return [record for record in found if record.id in gone]


def _end_owner(store: Database, record: Run) -> tuple[StopOutcome, RunView]:
    """End the process that owns a run: it may do so in good order, and must be gone after the grace."""
    owner = store.get(Owner, record.owner_id)
    if owner is None or owner.id == store.owner().id or not owners.is_this_host(owner):
        where = "this very process" if owner is not None and owners.is_this_host(owner) else "another host"
        raise ContextError(
            f"The process of run `{record.name}` ({short(record.id)}) belongs to {where} and cannot be ended "
            "from here. It was asked to stop; wait for it with `zenml run wait`."
        )
    owners.send_signal(owner, signal.SIGTERM)
    view = wait_for_run(store, record.id, GRACE)
    if view.record.status in ENDED:
        return "ended", view
    owners.send_signal(owner, signal.SIGKILL)
    return "killed", wait_for_run(store, record.id, GRACE)
