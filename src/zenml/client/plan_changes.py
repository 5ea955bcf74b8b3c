"""How a pipeline differs from the plan that a run was begun with: its steps, and their code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.client.changes import Change
from zenml.client.code_changes import code_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.records.plan import Plan
    from zenml.store.store import Store


class PlanChanges(msgspec.Struct, frozen=True):
    """What differs between two plans of one pipeline."""

    added: tuple[str, ...] = ()
    """Ids of calls that are new."""
    removed: tuple[str, ...] = ()
    """Ids of calls that are gone."""
    code: dict[str, tuple[Change, ...]] = {}
    """By name of a step: what changed in the code that it reaches."""
    lost: tuple[str, ...] = ()
    """Options that were said of the run and could not be written down."""


def plan_changes(
    before: Plan, after: Plan, store: Store, sources: Callable[[], Mapping[str, bytes]]
) -> PlanChanges:
    """Compare the plan of a run with the plan of its pipeline as it is now; nobody knows the steps of a dynamic one.

    Args:
        before: the plan of the run.
        after: the plan of now.
        store: holds the source text of then.
        sources: gives the source text of now, by digest.
    """
    if after.is_dynamic:
        return PlanChanges(lost=before.unsaid)
    old = {one.id: before.definitions[one.definition] for one in before.invocations}
    new = {one.id: after.definitions[one.definition] for one in after.invocations}
    code: dict[str, tuple[Change, ...]] = {}
    texts: Mapping[str, bytes] | None = None
    for name in new.keys() & old.keys():
        step = new[name]
        if old[name].code != step.code and step.name not in code:
            texts = sources() if texts is None else texts
            code[step.name] = tuple(code_changes(old[name], step, _reader(texts, store)))
    return PlanChanges(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        code=dict(sorted(code.items())),
        lost=before.unsaid,
    )


def _reader(texts: Mapping[str, bytes], store: Store) -> Callable[[str], bytes | None]:
    return lambda digest: texts.get(digest) or store.document(digest)
