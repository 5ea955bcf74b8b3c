"""Which tags there are, and how much has each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from zenml.store.store import Store


class TagCount(msgspec.Struct, frozen=True, kw_only=True):
    """A tag, and the number of things that were given it."""

    name: str
    runs: int = 0
    artifacts: int = 0
    """Versions of artifacts; those that only belong to a run with a cascading tag do not count."""
    pipelines: int = 0
    models: int = 0
    model_versions: int = 0


def count_tags(store: Store) -> list[TagCount]:
    """Return the tags that something has, by name."""
    counts: dict[str, dict[str, int]] = {}
    for name, kind, number in store.tag_counts():
        counts.setdefault(name, {})[f"{kind}s"] = number
    return [TagCount(name=name, **of_kind) for name, of_kind in sorted(counts.items())]
