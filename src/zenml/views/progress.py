"""How a run stands, as its owner last wrote it beside the logs: how far running steps are, and what waits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from zenml.records.events import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the store does not know of a run that goes on."""

    steps: dict[str, Progress] = {}
    """How far steps are that use `track`, by id of step run."""
    called: dict[str, int] = {}
    """How often a dynamic pipeline has called what, by map or step (`step_tree.group_of`): what the store does not
    have of it waits. A number of those that wait would be older than the store."""

    def waiting(self, begun: Iterable[str]) -> dict[str, int]:
        """Return how many calls wait, by group.

        Args:
            begun: the group of each call that the store knows.
        """
        left = dict(self.called)
        for group in begun if left else ():
            if group in left:
                left[group] -= 1
        return {group: number for group, number in left.items() if number > 0}


_DECODER = msgspec.json.Decoder(Standing)


def progress_path(root: str, run_id: str) -> str:
    """Return the file of a run; it is there only while steps use `track`, or calls of a dynamic pipeline wait."""
    return os.path.join(root, "logs", run_id, "progress.json")


def read_standing(root: str, run_id: str) -> Standing:
    """Return how a run stands; it is up to a second old.

    A step that has ended may still be in it, as may any step of a run whose process died.
    """
    try:
        with open(progress_path(root, run_id), "rb") as file:
            return _DECODER.decode(file.read())
    except (OSError, msgspec.DecodeError):  # there is nothing to say; or a crash of the machine tore the file
        return Standing()


def read_progress(root: str, run_id: str) -> dict[str, Progress]:
    """Return how far steps are, by id of step run; it is up to a second old."""
    return read_standing(root, run_id).steps
