"""The results that the cache would answer with, for people who look at them or want them gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client.resolving import find_run
from zenml.errors import ConfigurationError
from zenml.records.ids import microseconds_now
from zenml.store import cached_results

if TYPE_CHECKING:
    from zenml.store.cached_results import CachedResult
    from zenml.store.database import Database

_KEY_DIGITS = frozenset("0123456789abcdef")


def list_cached(
    store: Database,
    *,
    step: str | None = None,
    pipeline: str | None = None,
    run: str | None = None,
    key: str | None = None,
    limit: int = 100,
) -> list[CachedResult]:
    """Return the newest results that the cache would answer with.

    Args:
        store: the store to look into.
        step: only of steps with this invocation id.
        pipeline: only of this pipeline.
        run: only those made by the run with this name, id or part of an id.
        key: only those whose key begins so.
        limit: how many at most.
    """
    filters = _filters(store, run, step=step, pipeline=pipeline, key=key)
    return cached_results.list_results(store, filters, limit)


def invalidate_cached(
    store: Database,
    *,
    step: str | None = None,
    pipeline: str | None = None,
    run: str | None = None,
    key: str | None = None,
    older_than: float | None = None,
    everything: bool = False,
) -> int:
    """Take results out of use, so that the steps run again; what they made stays, and can be loaded.

    Args:
        store: the store to change.
        step: those of steps with this invocation id.
        pipeline: those of this pipeline.
        run: those made by the run with this name, id or part of an id.
        key: those whose key begins so.
        older_than: those made more than this many seconds ago.
        everything: all results of the store; needed where nothing else is given.

    Returns:
        how many results there were.

    Raises:
        ConfigurationError: it is not said which results are meant.
    """
    filters = _filters(store, run, step=step, pipeline=pipeline, key=key)
    if older_than is not None:
        filters["before"] = microseconds_now() - int(older_than * 1e6)
    if not filters and not everything:
        raise ConfigurationError(
            "Say which results are to be invalidated: of a step, a pipeline, a run, a key, an age, or everything."
        )
    return cached_results.invalidate(store, filters, microseconds_now())


def _filters(store: Database, run: str | None, **given: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    key = found.get("key")
    if key is not None and not (key and set(key) <= _KEY_DIGITS):
        raise ConfigurationError(
            f"`{key}` is no cache key. A key is made of 0-9 and a-f; its beginning is enough."
        )
    if run is not None:
        found["run"] = find_run(store, run).id
    return found
