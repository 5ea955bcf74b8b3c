"""What an isolated step came to, kept beside its artifacts until its owner has recorded it.

The process of the step writes the file before it answers. If the owner dies before the record is made, the
step need not be executed again when the run is resumed. The file counts only with the seal that the owner
gave to this very attempt, which nobody can make without the key of the store. It is not made durable: what a
power loss leaves of it does not fit its seal, and the step is executed again.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

import msgspec

from zenml import fs
from zenml.artifacts.commit import STAGING, key_for
from zenml.records import wire
from zenml.records.events import LoggedMetadata, LoggedTags, Target
from zenml.records.task import StepOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.store.store import Store

_NAME = "outcome.json"
Told = LoggedMetadata | LoggedTags
"""What a step said of itself that can be said again: it changes nothing if it was recorded before."""


class Kept(msgspec.Struct, frozen=True):
    """What an attempt came to, and what it said before, which may be lost with its owner."""

    outcome: StepOutcome
    told: tuple[Told, ...] = ()

    def told_of(self, before: str, now: str) -> list[Told]:
        """Return what it said, as another attempt of the same call says it."""
        return [
            msgspec.structs.replace(event, target=Target("step", now))
            if event.target == Target("step", before)
            else event
            for event in self.told
        ]


def seal_of(store: Store, step_run_id: str) -> str:
    """Return what an attempt seals its outcome with."""
    return store.mac("outcome", step_run_id)


def keep(root: str, step_run_id: str, kept: Kept, seal: str) -> None:
    """Write an outcome, whole or not at all; a disk that refuses is no reason to fail."""
    body = wire.encode(kept)
    path = _path(root, step_run_id)
    try:
        fs.make_folder(os.path.dirname(path))
        fs.write_whole(path, _sealed(body, seal) + b"\n" + body)
    except OSError:
        return


def read(root: str, step_run_id: str, seal: str) -> Kept | None:
    """Return a kept outcome; None if there is none, or not one that this attempt has written."""
    try:
        said, _, body = fs.read_whole(_path(root, step_run_id)).partition(b"\n")
    except OSError:
        return None
    if not hmac.compare_digest(said, _sealed(body, seal)):
        return None
    try:
        return wire.decode(body, Kept)
    except msgspec.MsgspecError:  # another version of this package wrote it
        return None


def left_of(root: str, step_run_ids: Iterable[str]) -> list[str]:
    """Return which attempts left something behind, an outcome perhaps, recorded or not; it is one look into a folder."""
    try:
        left = set(os.listdir(os.path.join(root, STAGING)))
    except OSError:
        return []
    return [identifier for identifier in step_run_ids if key_for(identifier) in left]


def drop(root: str, step_run_ids: Iterable[str]) -> None:
    """Remove outcomes that are recorded by now."""
    for identifier in step_run_ids:
        path = _path(root, identifier)
        try:
            fs.remove(path)
        except OSError:  # it kept none
            continue
        fs.remove_if_empty(os.path.dirname(path))


def _path(root: str, step_run_id: str) -> str:
    return os.path.join(root, STAGING, key_for(step_run_id), _NAME)


def _sealed(body: bytes, seal: str) -> bytes:
    return hmac.digest(seal.encode(), body, "sha256").hex().encode()
