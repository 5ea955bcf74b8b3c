"""How the outputs of two runs differ: by value where it can be read without running code, else by what is noted.

Nothing is unpickled and no type is imported for it: values are loaded as those of a stranger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.frame_changes import MOST_CELLS
from zenml.client.value_changes import ValueChange, shown, value_changes
from zenml.components.artifact_stores import artifact_stores
from zenml.errors import ArtifactNotTrustedError, ZenMLError
from zenml.materializers import storage
from zenml.records import values
from zenml.records.value_objects import OBJECT_TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zenml.client.run_pairs import StepPair
    from zenml.records.run import Artifact
    from zenml.store.store import Store

MB = 1_000_000
LARGEST = 8 * MB
"""Bytes of a stored value up to which it is loaded for a comparison."""
LARGEST_ARRAY = 64 * MB
_ARRAYS = ("numpy", "numpy-memmap", "numpy-scalar")
_FRAMES = ("pandas", "polars", "polars-series", "arrow")
_TEXTS = ("html", "markdown", "csv", "json-text")
_COMPARED = ("json", "composite", *_ARRAYS, *_FRAMES, *_TEXTS)
_DRAWN = ("preview", "visualizations")
"""What is noted for drawing, and says nothing that the value does not say."""
_SHORT = 50
"""Characters of two values that are shown as a whole."""


class OutputDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One output of one step in two runs."""

    step: str
    output: str
    is_same: bool
    """Whether the stored bytes are the same, by digest."""
    text: str
    """For people: `0.91 → 0.93`, `2 added, 1 changed`, `other content`."""
    before: str | None = None
    """Digest of the earlier artifact; None where there is none."""
    after: str | None = None
    before_id: str | None = None
    after_id: str | None = None
    metadata: dict[str, tuple[Any, Any]] = {}
    """What the materializer noted of both and differs: rows, columns, statistics."""
    changes: tuple[ValueChange, ...] = ()
    """The differences inside the value, if it could be read."""
    not_compared: str | None = None
    """Why the values were not compared, if they differ and were not."""

    @property
    def diff(self) -> str | None:
        """A unified diff, where both are text as a whole."""
        return self.changes[0].diff if len(self.changes) == 1 and not self.changes[0].path else None


class _NotReadError(Exception):
    """Why a value is not read."""


def output_diffs(store: Store, pairs: Iterable[StepPair]) -> Iterator[OutputDiff]:
    """Compare all outputs of the steps of two runs, by step and name of the output."""
    pairs = list(pairs)
    made = store.outputs_of(list(dict.fromkeys(one for pair in pairs for one in pair.producers if one)))
    for pair in pairs:
        sides = [{one.output: one for one in made.get(producer or "", ())} for producer in pair.producers]
        for output in {**sides[0], **sides[1]}:
            yield _output_diff(store, pair.name, output, sides[0].get(output), sides[1].get(output))


def _output_diff(
    store: Store, step: str, output: str, before: Artifact | None, after: Artifact | None
) -> OutputDiff:
    about = OutputDiff(
        step=step,
        output=output,
        is_same=False,
        text="is new" if before is None else "is missing",
        before=before.digest if before is not None else None,
        after=after.digest if after is not None else None,
        before_id=before.id if before is not None else None,
        after_id=after.id if after is not None else None,
    )
    if before is None or after is None:
        return about
    if (before.digest, before.type) == (after.digest, after.type):
        return msgspec.structs.replace(about, is_same=True, text="same content")
    noted = _noted(_facts(before), _facts(after))
    try:
        sides = _read(store, before), _read(store, after)
        found = tuple(value_changes(*sides))
    except _NotReadError as error:
        reason = str(error)
    except Exception as error:  # libraries raise anything at values that they cannot compare
        reason = f"comparing it failed: {type(error).__name__}: {error}"
    else:
        text = _value_text(before, after, found, *sides)
        return msgspec.structs.replace(about, text=text, metadata=noted, changes=found)
    text = _noted_text(before, after, noted)
    return msgspec.structs.replace(about, text=text, metadata=noted, not_compared=reason)


# Reading values


def _read(store: Store, artifact: Artifact) -> Any:
    """Return a value that can be read without trust, or raise `_NotReadError`."""
    name, size = artifact.materializer, artifact.size
    if name not in _COMPARED:
        raise _NotReadError(
            f"of values stored by {name} only the digest and what is noted of them is compared"
        )
    limit = LARGEST_ARRAY if name in _ARRAYS else LARGEST
    if size > limit:
        raise _NotReadError(
            f"it has {size / MB:.0f} MB, and values of more than {limit / MB:.0f} MB are not read"
        )
    cells = _cells(artifact.metadata.get("shape")) if name in _FRAMES else 0
    if cells > MOST_CELLS:
        raise _NotReadError(
            f"it has {cells} cells, and frames of more than {MOST_CELLS} are compared by their columns"
        )
    stored = artifact.stored_value()
    if stored.key is None:
        stored = msgspec.structs.replace(stored, inline=store.inline_bytes(artifact.id))
    try:
        return storage.load(stored, artifact_store=artifact_stores(store), trusted=False)
    except ArtifactNotTrustedError:
        if name == "json" and stored.inline is not None:
            return _untyped(msgspec.json.decode(stored.inline))
        raise _NotReadError("reading it could run code") from None
    except ZenMLError as error:  # damaged, deleted, or its library is missing
        raise _NotReadError(str(error)) from error


def _untyped(tree: Any) -> Any:
    """Return stored JSON with the fields of objects as dicts, so that no type is imported."""
    if isinstance(tree, list):
        return [_untyped(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "$" not in tree:
        return {key: _untyped(item) for key, item in tree.items()}
    if tree["$"] not in OBJECT_TAGS:
        try:
            return values.decode(msgspec.json.encode(tree), allow_types=False)
        except ArtifactNotTrustedError:
            return _untyped(tree["v"])
    name, state = tree["v"]
    plain = _untyped(state)
    return {"type": name, **plain} if isinstance(plain, dict) else {"type": name, "value": plain}


def _cells(shape: Any) -> int:
    if not isinstance(shape, list) or not all(isinstance(one, int) for one in shape):
        return 0
    return int(shape[0]) * (shape[1] if len(shape) > 1 else 1) if shape else 0


# Saying what differs


def _value_text(before: Artifact, after: Artifact, found: tuple[ValueChange, ...], old: Any, new: Any) -> str:
    if before.type != after.type:
        return f"{before.type} → {after.type}"
    if not found:
        return "equal values, stored in another way"
    if len(found) == 1 and not found[0].path:
        return found[0].text
    sides = repr(old), repr(new)
    if len(sides[0]) + len(sides[1]) <= _SHORT:
        return f"{sides[0]} → {sides[1]}"
    return f"{len(found)} values differ" if len(found) > 1 else f"{found[0].path}: {found[0].text}"


def _noted_text(before: Artifact, after: Artifact, noted: dict[str, tuple[Any, Any]]) -> str:
    if before.type != after.type:
        return f"{before.type} → {after.type}"
    listed = [f"{name} {shown(was)} → {shown(now)}" for name, (was, now) in list(noted.items())[:3]]
    return "; ".join(listed) or f"other content, {before.size} → {after.size} bytes"


def _facts(artifact: Artifact) -> dict[str, Any]:
    return {name: fact for name, fact in artifact.metadata.items() if name not in _DRAWN}


def _noted(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Return what differs between two notes, with the parts of nested ones under dotted names."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in {**before, **after}:
        was, now = _by_name(before.get(name)), _by_name(after.get(name))
        if isinstance(was, dict) and isinstance(now, dict):
            found.update(_noted(was, now, f"{prefix}{name}."))
        elif was != now:
            found[f"{prefix}{name}"] = (was, now)
    return found


def _by_name(fact: Any) -> Any:
    """Return a list of named things, such as the columns of a frame, by their names."""
    is_named = (
        isinstance(fact, list) and fact and all(isinstance(one, dict) and "name" in one for one in fact)
    )
    if not is_named:
        return fact
    return {str(one["name"]): {key: value for key, value in one.items() if key != "name"} for one in fact}
