"""What is said of a message that an alerter could not deliver."""

from __future__ import annotations

from collections.abc import Iterable

from zenml.components.alert_text import keep_begin, one_line, without
from zenml.errors import ComponentError

LONGEST_WORDS = 300
"""Letters of what a service answers that are shown: some answer with whole pages."""


def not_taken(who: str, why: str, remedy: str, *, secrets: Iterable[str] = ()) -> ComponentError:
    """Return the error for a message that did not arrive.

    Args:
        who: the alerter and its service, such as "Alerter `team` (webhook at https://example.com)".
        why: what happened, with the service's own words.
        remedy: what to do, as a sentence.
        secrets: what the service may have repeated, and nobody is to see.
    """
    words = keep_begin(one_line(without(why, secrets)), LONGEST_WORDS).rstrip(".")
    return ComponentError(f"{who} did not take the message: {words}. {remedy}")
