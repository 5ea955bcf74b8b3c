"""How two artifacts differ: numbers by value, texts by lines, everything else by what is known of it.

Nothing is unpickled and no type is imported for it: what is read is plain JSON and text of
small values, and the metadata that materializers noted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import ZenMLError
from zenml.records import values

if TYPE_CHECKING:
    from zenml.records.run import Artifact
    from zenml.store.store import Store

LONGEST_VALUE = 60
"""Characters of a value that are shown."""
PLAIN_TEXT = frozenset(("html", "markdown", "csv", "json-text"))
"""Materializers whose bytes are the text itself."""
MOST_LINES = 2000
"""Lines of each side that are compared; a longer text is compared by its digest."""


class OutputDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One output of one step in two runs."""

    step: str
    output: str
    is_same: bool
    """Whether the stored bytes are the same, by digest."""
    text: str
    """For people: `0.91 → 0.93`, `120 → 118 rows`, `other content`."""
    before: str | None = None
    """Digest of the earlier artifact; None where there is none."""
    after: str | None = None
    before_id: str | None = None
    after_id: str | None = None
    metadata: dict[str, tuple[Any, Any]] = {}
    """What is noted of both and differs: rows, columns, statistics."""
    diff: str | None = None
    """A unified diff, where both are text."""


def output_diff(
    store: Store, step: str, output: str, before: Artifact | None, after: Artifact | None
) -> OutputDiff:
    """Compare an output of a step with that of another run."""
    is_same = (
        before is not None
        and after is not None
        and (before.digest, before.type) == (after.digest, after.type)
    )
    text, noted, diff = "same content", {}, None
    if before is None or after is None:
        text = "is new" if before is None else "is missing"
    elif not is_same:
        noted = _noted(before.metadata, after.metadata)
        text, diff = _described(store, before, after, noted)
    return OutputDiff(
        step=step,
        output=output,
        is_same=is_same,
        text=text,
        before=before.digest if before is not None else None,
        after=after.digest if after is not None else None,
        before_id=before.id if before is not None else None,
        after_id=after.id if after is not None else None,
        metadata=noted,
        diff=diff,
    )


def _described(
    store: Store, before: Artifact, after: Artifact, noted: dict[str, tuple[Any, Any]]
) -> tuple[str, str | None]:
    if before.type != after.type:
        return f"{before.type} → {after.type}", None
    old, new = _plain(store, before), _plain(store, after)
    if isinstance(old, str) and isinstance(new, str) and ("\n" in old or "\n" in new):
        return _text_diff(old, new)
    if old is not None and new is not None:
        return f"{_shown(old)} → {_shown(new)}", None
    if noted:
        listed = [f"{name} {_shown(was)} → {_shown(now)}" for name, (was, now) in list(noted.items())[:3]]
        return "; ".join(listed), None
    return f"other content, {before.size} → {after.size} bytes", None


def _plain(store: Store, artifact: Artifact) -> Any:
    """Return a small value that is plain JSON or text; None for everything else."""
    if artifact.key is not None:
        return None
    body = store.inline_bytes(artifact.id)
    if artifact.materializer in PLAIN_TEXT:
        return body.decode(errors="replace")
    try:
        return values.decode(body, allow_types=False)
    except (ZenMLError, msgspec.DecodeError, ValueError):
        return None  # another format, or an object of the user's


def _text_diff(old: str, new: str) -> tuple[str, str | None]:
    import difflib

    lines = old.splitlines(), new.splitlines()
    if max(map(len, lines)) > MOST_LINES:
        return f"other text, {len(lines[0])} → {len(lines[1])} lines", None
    diff = list(difflib.unified_diff(*lines, "before", "after", lineterm=""))
    added = sum(line.startswith("+") for line in diff[2:])
    removed = sum(line.startswith("-") for line in diff[2:])
    return f"{added} lines added, {removed} removed", "\n".join(diff)


def _noted(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Return what differs between two notes, with the parts of nested ones under dotted names."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            found.update(_noted(was, now, f"{prefix}{name}."))
        elif was != now:
            found[f"{prefix}{name}"] = (was, now)
    return found


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
