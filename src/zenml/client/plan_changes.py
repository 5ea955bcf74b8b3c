"""How a pipeline differs from the plan that a run was begun with: its steps, and their code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.changes import Change
from zenml.client.code_changes import code_changes
from zenml.compile.said import MAIN
from zenml.fingerprint.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from zenml.records.plan import Plan, Source, StepDefinition
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
    before: Plan,
    after: Plan,
    store: Store,
    sources: Callable[[Iterable[StepDefinition]], Mapping[str, bytes]],
) -> PlanChanges:
    """Compare the plan of a run with the plan of its pipeline as it is now; nobody knows the steps of a dynamic one.

    Args:
        before: the plan of the run.
        after: the plan of now.
        store: holds the source text of then.
        sources: gives the source text of now, of some steps by digest.
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
            texts = sources(after.definitions.values()) if texts is None else texts
            code[step.name] = tuple(code_changes(old[name], step, _reader(texts, store)))
    return PlanChanges(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        code=dict(sorted(code.items())),
        lost=before.unsaid,
    )


def changes_of_dynamic(
    before: Plan,
    module: str,
    store: Store,
    sources: Callable[[Iterable[StepDefinition]], Mapping[str, bytes]],
) -> PlanChanges:
    """Compare the steps that a dynamic pipeline has called with their functions as they are now.

    Which steps it calls from here on, nobody knows.

    Args:
        before: the plan of the run, with the calls so far.
        module: what the module is called now that was `__main__` then.
        store: holds the source text of then.
        sources: gives the source text of now, of some steps by digest.
    """
    code: dict[str, tuple[Change, ...]] = {}
    for old in before.definitions.values():
        function = _function_of(old.source, module)
        if function is None or old.name in code:
            continue
        found = fingerprint(function)
        if found.digest != old.code:
            new = msgspec.structs.replace(old, code=found.digest, code_parts=found.parts)
            code[old.name] = tuple(code_changes(old, new, _reader(sources([new]), store)))
    return PlanChanges(code=dict(sorted(code.items())), lost=before.unsaid)


def _function_of(source: Source, main: str) -> Callable[..., Any] | None:
    """Return the function that a source names, if its module is loaded and it is still there."""
    found: Any = sys.modules.get(main if source.module == MAIN else source.module)
    for part in source.name.split("."):
        found = getattr(found, part, None)
    function = getattr(found, "__zenml_function__", found)
    return function if callable(function) else None


def _reader(texts: Mapping[str, bytes], store: Store) -> Callable[[str], bytes | None]:
    return lambda digest: texts.get(digest) or store.document(digest)
