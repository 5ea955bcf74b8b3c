"""What differs between the code of a step then and now, part by part."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zenml.client.changes import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.records.plan import CodePart, StepDefinition

    Pair = tuple[CodePart | None, CodePart | None]
    ReadDocument = Callable[[str], bytes | None]

WITH_SOURCE = ("function", "class", "module", "decorator")
"""Kinds of parts whose source text is stored under their digest."""
_ORDER = (*WITH_SOURCE, "default", "closure", "constant", "package")
_PYTHON = "python"
_CHANGED = " changed"


def code_changes(before: StepDefinition, after: StepDefinition, document: ReadDocument) -> list[Change]:
    """Return how the code of two definitions differs.

    Args:
        before: the definition of the earlier step run.
        after: the definition of the later one.
        document: gives the source text that is stored under the digest of a part.
    """
    pairs = _differing(before.code_parts, after.code_parts)
    has_new_python = any(_is_python(old) or _is_python(new) for old, new in pairs)
    found = []
    for old, new in sorted(pairs, key=_order):
        texts = _sources(old, new, document)
        if has_new_python and texts is not None and texts[0] == texts[1]:
            continue  # another Python compiles the same lines to other instructions
        found.append(_change(old, new, texts))
    if found or before.code == after.code:
        return found
    text = "the code changed, but no part of it by itself: parts refer to each other in another way"
    return [Change(kind="code", name=after.source.dotted, text=text)]


def is_opaque(change: Change) -> bool:
    """Tell whether only the digests are known of a piece of code that changed, and so not what changed in it."""
    is_known = change.diff is not None or change.before is not None or change.after is not None
    return not is_known and change.text.endswith(_CHANGED)


def _differing(before: Sequence[CodePart], after: Sequence[CodePart]) -> list[Pair]:
    """Pair the parts of two fingerprints, and return the pairs whose sides differ.

    Parts belong together that have the same name; else the same content, which was renamed or moved;
    else the same last part of their name, because a module may run as `__main__` or by its name.
    """
    old = {part.name: part for part in before}
    new = {part.name: part for part in after}
    pairs: list[Pair] = [(old.pop(name), new.pop(name)) for name in list(old) if name in new]
    contents = {(part.kind, part.digest): name for name, part in old.items()}
    for name, part in list(new.items()):
        other = contents.pop((part.kind, part.digest), None)
        if other is not None:
            del old[other], new[name]
    labels = {(part.kind, label_of(part)): name for name, part in old.items()}
    for name, part in list(new.items()):
        other = labels.pop((part.kind, label_of(part)), None)
        if other is not None:
            pairs.append((old.pop(other), new.pop(name)))
    pairs += [(part, None) for part in old.values()] + [(None, part) for part in new.values()]
    return [(one, two) for one, two in pairs if one is None or two is None or one.digest != two.digest]


def _change(old: CodePart | None, new: CodePart | None, texts: tuple[str, str] | None) -> Change:
    part = new or old
    if part is None:
        raise ValueError("A difference needs at least one side.")
    before, after = _value(old), _value(new)
    if old is None:
        text = f"{_described(part)} is used now"
    elif new is None:
        text = f"{_described(part)} is no longer used"
    elif part.kind == "package":
        text = f"{part.name} {before or 'changed'} → {after}" if before != after else f"{part.name} changed"
    elif part.kind in WITH_SOURCE or before is None or before == after:
        text = f"{_described(part)}{_CHANGED}"
    else:
        text = f"{_described(part)} = {before} → {after}"
    return Change(
        kind="package" if part.kind == "package" else "code",
        name=part.name,
        text=text,
        before=before,
        after=after,
        file=part.file,
        line=part.line,
        diff=_diff(*texts) if texts is not None and texts[0] != texts[1] else None,
    )


def _described(part: CodePart) -> str:
    """Return what a part is called in a sentence."""
    label = label_of(part)
    place = f" in {os.path.basename(part.file)}:{part.line}" if part.file and part.line else ""
    if part.kind == "function":
        return f"`{label}()`{place}"
    if part.kind == "constant":
        return f"`{label}`"
    if part.kind == "package":
        return f"package {part.text or part.name}"
    if part.kind == "default":
        function, _, parameter = label.rpartition(".")
        return f"default of `{function}({parameter})`"
    if part.kind == "closure":
        return f"captured `{label}`"
    if part.kind == "decorator":
        return f"a decorator of `{label.rstrip('@')}()`{place}"
    return f"{part.kind} `{label}`{place}"


def label_of(part: CodePart) -> str:
    """Return the name of a part without that of its module."""
    names = part.name.split(".")
    module = os.path.splitext(os.path.basename(part.file or ""))[0]
    for home in (module, "__main__"):
        if home in names[:-1]:
            return ".".join(names[names.index(home) + 1 :])
    is_inside = part.kind in ("default", "closure") and len(names) > 1
    return ".".join(names[-2:]) if is_inside else names[-1]


def _value(part: CodePart | None) -> str | None:
    """Return the value of a constant or the version of a package, as it was noted."""
    if part is None or part.text is None:
        return None
    if part.kind == "package":
        return part.text.removeprefix(part.name).strip()
    return part.text.partition(" = ")[2] or None


def _sources(old: CodePart | None, new: CodePart | None, document: ReadDocument) -> tuple[str, str] | None:
    """Return the stored source of both sides, or None if one has none."""
    if old is None or new is None or new.kind not in WITH_SOURCE:
        return None
    bodies = document(old.digest), document(new.digest)
    if bodies[0] is None or bodies[1] is None:
        return None
    return bodies[0].decode(errors="replace"), bodies[1].decode(errors="replace")


def _diff(before: str, after: str) -> str:
    import difflib

    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "now", lineterm="")
    return "\n".join(lines)


def _is_python(part: CodePart | None) -> bool:
    return part is not None and part.kind == "package" and part.name == _PYTHON


def _order(pair: Pair) -> tuple[int, str]:
    part = pair[1] or pair[0]
    if part is None:
        return len(_ORDER), ""
    return (_ORDER.index(part.kind) if part.kind in _ORDER else len(_ORDER)), part.name
