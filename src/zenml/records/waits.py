"""What is remembered of a question that a run asks a person: asked once, answered once."""

from __future__ import annotations

from typing import Any, Literal, NewType

import msgspec

from zenml.records.ids import RunId
from zenml.records.run import Record

WaitId = NewType("WaitId", str)
WaitStatus = Literal["open", "answered", "expired", "withdrawn"]
"""`withdrawn`: the run asks something else now, because its code was changed."""

WAIT_TRANSITIONS: dict[WaitStatus, tuple[WaitStatus, ...]] = {
    "open": ("answered", "expired", "withdrawn"),
    "answered": (),
    "expired": (),
    "withdrawn": ("open",),
}


def reason_of(name: str) -> str:
    """Return why a run is paused that asks something."""
    return f"it waits for an answer to `{name}`"


class Wait(Record, frozen=True, kw_only=True):
    """One question of one run."""

    table = "waits"
    id: WaitId
    run_id: RunId
    name: str
    """What it is called in its run."""
    content: str
    """Digest of question and schema."""
    question: str
    schema_text: str
    """What an answer looks like: a JSON Schema, as text, since the order of its fields is that of the form."""
    status: WaitStatus = "open"
    asked_at: int
    expires_at: int | None = None
    """When it is too late for an answer."""
    answer: Any = None
    """As JSON."""
    answered_at: int | None = None
    answered_by: str | None = None

    @property
    def answer_schema(self) -> dict[str, Any]:
        """What an answer looks like: a JSON Schema."""
        found: dict[str, Any] = msgspec.json.decode(self.schema_text)
        return found

    def is_late(self, now: int) -> bool:
        """Tell whether it has no answer, and it is too late for one."""
        if self.status == "expired":
            return True
        return self.status == "open" and self.expires_at is not None and self.expires_at <= now
