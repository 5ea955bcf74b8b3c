"""What is told of a value beside its bytes: facts, a preview, pictures. Never a reason for a step to fail.

Facts and previews are kept in the artifact's row and are small; pictures are files beside the
value's own. Whatever goes wrong here is noted among the facts, and the value is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from zenml.materializers.base_materializer import BaseMaterializer

FACTS_LIMIT = 8192
"""Bytes of JSON that the facts of one value may take."""
_TEXT_LIMIT = 300
_ITEMS_LIMIT = 50
_to_json = msgspec.json.encode


def describe(
    value: Any, writer: BaseMaterializer, *, has_metadata: bool, has_visualizations: bool, has_folder: bool
) -> dict[str, Any]:
    """Return facts about a value, with its preview and the names of its pictures."""
    kind = type(writer)
    found: dict[str, Any] = {}
    if has_metadata and kind.extract_metadata is not BaseMaterializer.extract_metadata:
        found = bounded(_guarded(lambda: writer.extract_metadata(value), "metadata"))
    if not has_visualizations:
        return found
    if kind.extract_preview is not BaseMaterializer.extract_preview:
        preview = _guarded(lambda: writer.extract_preview(value), "preview")
        if preview and len(_to_json(preview)) <= FACTS_LIMIT:
            found["preview"] = preview
    if has_folder and kind.save_visualizations is not BaseMaterializer.save_visualizations:
        pictures = _guarded(lambda: writer.save_visualizations(value), "visualizations")
        note = pictures.pop("visualizations_note", None)
        if note:
            found["visualizations_note"] = note
        if pictures:
            found["visualizations"] = {
                _below(writer.uri, str(path)): str(kind) for path, kind in pictures.items()
            }
    return found


def bounded(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts as JSON values of limited size, with a note of what was left out."""
    kept = {str(name): _as_json(fact) for name, fact in facts.items()}
    if len(_to_json(kept)) <= FACTS_LIMIT:
        return kept
    kept = {name: _shortened(fact) for name, fact in kept.items()}
    dropped = []
    while len(_to_json(kept)) > FACTS_LIMIT - 200:
        largest = max(kept, key=lambda name: len(_to_json(kept[name])))
        dropped.append(largest[:40])
        del kept[largest]
    left_out = f"; left out: {', '.join(dropped)[:120]}" if dropped else ""
    return {**kept, "truncated": f"Only what fits into {FACTS_LIMIT} bytes is kept{left_out}."}


def _guarded(call: Callable[[], Any], what: str) -> dict[str, Any]:
    try:
        return dict(call() or {})
    except Exception as error:  # facts are a courtesy; code of users and libraries may raise anything
        return {f"{what}_note": f"none: {type(error).__name__}: {error}"[:_TEXT_LIMIT]}


def _shortened(fact: Any) -> Any:
    if isinstance(fact, str) and len(fact) > _TEXT_LIMIT:
        return fact[: _TEXT_LIMIT - 1] + "…"
    if isinstance(fact, list):
        return [_shortened(item) for item in fact[:_ITEMS_LIMIT]]
    if isinstance(fact, dict):
        return {name: _shortened(item) for name, item in list(fact.items())[:_ITEMS_LIMIT]}
    return fact


def _below(folder: str, path: str) -> str:
    return path.removeprefix(folder).lstrip("/")


def _as_json(fact: Any) -> Any:
    """Return a fact as it can be recorded: as itself if JSON has a form for it, else as text."""
    try:
        found = _finite(msgspec.to_builtins(fact, str_keys=True, enc_hook=_scalar))
        _to_json(found)  # text that is no Unicode is noticed here
    except (TypeError, ValueError, OverflowError, RecursionError):
        return str(fact)[:_TEXT_LIMIT].encode(errors="backslashreplace").decode()
    return found


def _scalar(fact: Any) -> Any:
    """Return the number in a scalar of numpy or its kind."""
    if getattr(fact, "shape", None) != ():
        raise TypeError
    return fact.item()


def _finite(fact: Any) -> Any:
    """Return the fact with text for infinities and what is no number: JSON would make null of them."""
    if isinstance(fact, float) and not math.isfinite(fact):
        return str(fact)
    if isinstance(fact, dict):
        return {name: _finite(item) for name, item in fact.items()}
    if isinstance(fact, (list, tuple)):
        return [_finite(item) for item in fact]
    return fact
