"""Finding and deleting schedules by what a person types."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from zenml.errors import AmbiguousNameError, NotFoundError
from zenml.records.run import Schedule

if TYPE_CHECKING:
    from zenml.store.store import Store


def find_schedule(store: Store, text: str) -> Schedule:
    """Return the schedule that a name, an id, or the beginning of a name or either end of an id stands for.

    Raises:
        NotFoundError: nothing fits; close names are listed.
        AmbiguousNameError: several schedules fit; they are listed.
    """
    known = store.select(Schedule)
    exact = [one for one in known if text in (one.id, one.name)]
    found = exact or [
        one
        for one in known
        if text
        and (
            one.name.startswith(text)
            or (len(text) >= 4 and (one.id.startswith(text) or one.id.endswith(text)))
        )
    ]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"`{one.name}`" for one in found)
        raise AmbiguousNameError(
            f"`{text}` fits {len(found)} schedules: {listed}. Type more of the name or id."
        )
    names = [one.name for one in known]
    listed = ", ".join(f"`{name}`" for name in difflib.get_close_matches(text, names, 3) or names[-3:])
    raise NotFoundError(
        f"There is no schedule `{text}`. "
        + (f"Close or recent: {listed}. " if listed else "The store has no schedules. ")
        + "List them with `Client().list_schedules()`."
    )
