"""What differs in what was declared for a step: settings, extra, environment, secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zenml.client.changes import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRET = "secret:"  # noqa: S105  the beginning of a key part's name


def mapping_changes(
    kind: Literal["settings", "extra"], old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[Change]:
    """Yield what differs between two mappings."""
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


def environment_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Yield the environment variables that differ."""
    for name in sorted({**old, **new}):
        was, now = old.get(name), new.get(name)
        if was != now:
            how = "added" if was is None else "removed" if now is None else f"{was} → {now}"
            text = f"environment changed: {name} ({how})"
            yield Change(kind="environment", name=name, text=text, before=was, after=now)


def secret_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Yield the secrets that differ between the parts of two cache keys; values are never known here."""
    for part in sorted(part for part in {**before, **after} if part.startswith(_SECRET)):
        was, now = before.get(part), after.get(part)
        if was != now:
            how = "was added" if was is None else "was removed" if now is None else "changed"
            name = part.removeprefix(_SECRET)
            yield Change(kind="secret", name=name, text=f"secret `{name}` {how}")
