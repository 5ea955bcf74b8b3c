"""From what users give as tags to what is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.config.preview import preview
from zenml.config.tag import Tag
from zenml.errors import ConfigurationError
from zenml.records.plan import TagSpec

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_tags(given: Any, what: str) -> tuple[TagSpec, ...]:
    """Return tags from one or a list of texts and `Tag`s; of several with one name, the last."""
    items: Iterable[Any] = given if isinstance(given, (list, tuple, set, frozenset)) else (given,)
    if given is None:
        return ()
    found = {}
    for item in items:
        if isinstance(item, str):
            item = Tag(item)  # which says what is wrong with an empty name  # noqa: PLW2901
        if not isinstance(item, Tag):
            raise ConfigurationError(f"{what} has the tag {preview(item)}. A tag is text, or a `Tag(…)`.")
        found[item.name] = TagSpec(item.name, item.color, bool(item.exclusive), bool(item.cascade))
    return tuple(found.values())
