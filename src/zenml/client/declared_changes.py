"""What differs between two step definitions beside the code: outputs, settings, environment, secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zenml.client.changes import Change
from zenml.compile.cache_key import counted
from zenml.config.placeholders import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zenml.records.plan import Output, StepDefinition

_VARIABLE = "variable:"
_OPERATOR = "operator:"
_SECRET = "secret:"  # noqa: S105  the beginning of a key part's name
_DEPENDENCIES = {
    "file": "file `{}`",
    "source": "the code of `{}`",
    "cache_func": "the answer of `{}()`",
}


def declared_changes(
    before: dict[str, str], after: dict[str, str], old: StepDefinition, new: StepDefinition
) -> Iterator[Change]:
    """Yield what differs of the declared parts of two cache keys, given the definitions they were made from."""
    yield from _dependency_changes(before, after)
    if before.get("outputs") != after.get("outputs"):
        yield _outputs_change(old, new)
    if before.get("settings") != after.get("settings"):
        yield from _mapping_changes("settings", counted(old.options.settings), counted(new.options.settings))
    yield from _operator_changes(before, after)
    if before.get("extra") != after.get("extra"):
        yield from _mapping_changes("extra", old.options.extra, new.options.extra)
    if before.get("environment") != after.get("environment"):
        yield from _environment_changes(old.options.environment, new.options.environment)
    yield from _secret_changes(before, after)
    for name in sorted(before.keys() & after.keys()):
        if name.startswith(_VARIABLE) and before[name] != after[name]:
            variable = name_of(name.removeprefix(_VARIABLE))
            yield Change(kind="variable", name=variable, text=f"variable {variable} changed")


def _dependency_changes(before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    """Yield what changed of the things that a cache policy names."""
    for part in sorted({**before, **after}):
        kind, _, name = part.partition(":")
        if kind not in _DEPENDENCIES or before.get(part) == after.get(part):
            continue
        verb = "changed" if part in before and part in after else "counts now"
        verb = "counts no more" if part not in after else verb
        text = f"{_DEPENDENCIES[kind].format(name)} {verb}"
        yield Change(kind="dependency", name=name, text=text, before=before.get(part), after=after.get(part))


def _operator_changes(before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    """Yield what changed of the environment that a step operator makes."""
    for part in sorted(part for part in {**before, **after} if part.startswith(_OPERATOR)):
        was, now, field = before.get(part), after.get(part), part.removeprefix(_OPERATOR)
        if was != now:
            text = f"step operator: `{field}` = {was or 'nothing'} → {now or 'nothing'}"
            yield Change(kind="settings", name=f"step_operator.{field}", text=text, before=was, after=now)


def _outputs_change(old: StepDefinition, new: StepDefinition) -> Change:
    was, now = (
        ", ".join(_output_text(one, output) for output in one.outputs) or "none" for one in (old, new)
    )
    return Change(kind="outputs", name="outputs", text=f"outputs: {was} → {now}", before=was, after=now)


def _output_text(definition: StepDefinition, output: Output) -> str:
    chosen = definition.options.output_materializers.get(output.name) or output.materializer
    names = chosen if isinstance(chosen, tuple) else (chosen,)
    stored = ", ".join(name for name in names if name)
    return f"`{output.name}`" + (f" by {stored}" if stored else "")


def _mapping_changes(
    kind: Literal["settings", "extra"], old: dict[str, object], new: dict[str, object]
) -> Iterator[Change]:
    for name in sorted({**old, **new}):
        was, now = (repr(one[name]) if name in one else None for one in (old, new))
        if was == now:
            continue
        if was is None:
            text = f"{kind}: `{name}` was added"
        elif now is None:
            text = f"{kind}: `{name}` was removed"
        else:
            text = f"{kind}: `{name}` = {was} → {now}"
        yield Change(kind=kind, name=name, text=text, before=was, after=now)


def _environment_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Yield the environment variables that differ."""
    for name in sorted({**old, **new}):
        was, now = old.get(name), new.get(name)
        if was != now:
            how = "added" if was is None else "removed" if now is None else f"{was} → {now}"
            text = f"environment changed: {name} ({how})"
            yield Change(kind="environment", name=name, text=text, before=was, after=now)


def _secret_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Yield the secrets that differ between the parts of two cache keys; values are never known here."""
    for part in sorted(part for part in {**before, **after} if part.startswith(_SECRET)):
        was, now = before.get(part), after.get(part)
        if was != now:
            how = "was added" if was is None else "was removed" if now is None else "changed"
            name = part.removeprefix(_SECRET)
            yield Change(kind="secret", name=name, text=f"secret `{name}` {how}")
