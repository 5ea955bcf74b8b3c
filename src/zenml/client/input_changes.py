"""What differs between the arguments of a step then and now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.client.changes import Change
from zenml.errors import ZenMLError
from zenml.fingerprint.part_text import shown
from zenml.records import value_text, values
from zenml.records.plan import ArtifactRef, Collection, OutputRef, Value
from zenml.records.run import Artifact, StepInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.records.plan import Binding
    from zenml.records.run import StepRun
    from zenml.store.store import Store

    Item = Value | OutputRef | ArtifactRef

NAMED_ITEMS = 3
"""Items of a list that are named one by one; more are counted."""


class Arguments:
    """The arguments of one step run: its bindings, and the artifacts that stood behind them."""

    def __init__(self, step: StepRun, artifacts: Mapping[tuple[str, int], Artifact]) -> None:
        self.bindings = step.invocation.inputs
        self._artifacts = artifacts

    def artifact(self, name: str, position: int = 0) -> Artifact | None:
        """Return the artifact that was given as an argument, or as one item of it."""
        return self._artifacts.get((name, position))


def read_arguments(store: Store, *steps: StepRun) -> list[Arguments]:
    """Read the arguments of step runs."""
    rows = store.select(StepInput, step_run_id=[step.id for step in steps])
    artifacts = {
        artifact.id: artifact
        for artifact in store.select(Artifact, id=list({row.artifact_id for row in rows}))
    }
    return [
        Arguments(
            step,
            {
                (row.name, row.position): artifacts[row.artifact_id]
                for row in rows
                if row.step_run_id == step.id and row.artifact_id in artifacts
            },
        )
        for step in steps
    ]


def input_change(name: str, before: Arguments, after: Arguments, *, counted: tuple[bool, bool]) -> Change:
    """Return how an argument differs that is known to differ.

    Args:
        name: the name of the argument.
        before: the arguments of the earlier step run.
        after: the arguments of the later one.
        counted: whether the argument counted for the cache, before and after.
    """
    old, new = before.bindings.get(name), after.bindings.get(name)
    was, now = _described(name, old, before), _described(name, new, after)
    is_parameter = isinstance(new or old, Value)
    if old is None or new is None:
        text = f"`{name}` is a new argument: {now}" if old is None else f"`{name}` is no longer given: {was}"
    elif counted != (True, True):
        text = f"`{name}` {'counts now' if counted[1] else 'does not count any more'} (cache policy)"
    elif isinstance(old, Value) and isinstance(new, Value):
        text = f"`{name}`: {was} → {now}" if was != now else f"`{name}` has another value"
    elif isinstance(old, Collection) and isinstance(new, Collection):
        text = _list_text(name, old, new, before, after)
    elif isinstance(old, (OutputRef, ArtifactRef)) and isinstance(new, (OutputRef, ArtifactRef)):
        how = _artifact_text(before.artifact(name), after.artifact(name))
        text = f"`{name}`: {_origin(new)} {how}"
    else:
        text = f"`{name}` was {was} and is {now}"
    return Change(
        kind="parameter" if is_parameter else "input",
        name=name,
        text=text,
        before=was,
        after=now,
        step=new.step if isinstance(new, OutputRef) else None,
    )


def shown_value(name: str, data: msgspec.Raw) -> str:
    """Return a stored parameter for people: short, and hidden where its name says that it is a secret."""
    try:
        value = values.decode(data, allow_types=False)
    except ZenMLError:
        # An object of the user's: shown by what is stored of it, since looking at a run imports nothing.
        value = value_text.text_of(data)
        return shown(name, value).partition(" = ")[2].strip("'\"")
    return shown(name, value).partition(" = ")[2]


def _list_text(name: str, old: Collection, new: Collection, before: Arguments, after: Arguments) -> str:
    if len(old.items) != len(new.items):
        return f"`{name}`: {len(old.items)} → {len(new.items)} items"
    changed = [
        (position, item)
        for position, (one, item) in enumerate(zip(old.items, new.items, strict=True))
        if not _is_same(one, item, before.artifact(name, position), after.artifact(name, position))
    ]
    if not changed:
        return f"`{name}` has other items"
    if len(changed) > NAMED_ITEMS:
        return f"`{name}`: {len(changed)} of {len(new.items)} items have other content"
    listed = ", ".join(f"{position + 1} ({_origin(item)})" for position, item in changed)
    return f"`{name}`: item{'s' if len(changed) > 1 else ''} {listed} {_have(changed)} other content"


def _have(items: list[tuple[int, Item]]) -> str:
    return "have" if len(items) > 1 else "has"


def _is_same(old: Item, new: Item, before: Artifact | None, after: Artifact | None) -> bool:
    if isinstance(old, Value) or isinstance(new, Value):
        return old == new
    return before is not None and after is not None and _artifact_text(before, after) == ""


def _artifact_text(before: Artifact | None, after: Artifact | None) -> str:
    """Return how two artifacts differ as inputs; "" if they do not."""
    if before is None or after is None or before.digest != after.digest:
        return "has other content"
    if before.type != after.type:
        return f"is of type {after.type} now, and was of {before.type}"
    if before.materializer != after.materializer:
        return f"is stored by {after.materializer} now, and was by {before.materializer}"
    return ""


def _origin(item: Item) -> str:
    if isinstance(item, OutputRef):
        return f"output `{item.name}` of step `{item.step}`"
    return f"artifact `{item.id}`" if isinstance(item, ArtifactRef) else "a value"


def _described(name: str, binding: Binding | None, arguments: Arguments) -> str | None:
    """Return what was given as an argument."""
    if binding is None:
        return None
    if isinstance(binding, Value):
        return shown_value(name, binding.data)
    if isinstance(binding, Collection):
        return f"a list of {len(binding.items)} items"
    artifact = arguments.artifact(name)
    content = f", {artifact.digest.partition(':')[2][:12]}" if artifact is not None else ""
    return f"{_origin(binding)}{content}"
