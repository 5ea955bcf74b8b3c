"""How far the running steps of a run are, as its owner last wrote it beside the logs."""

from __future__ import annotations

import os

import msgspec

from zenml.records.events import Progress

_DECODER = msgspec.json.Decoder(dict[str, Progress])


def progress_path(root: str, run_id: str) -> str:
    """Return the file of a run; it is there only while steps that use `track` run."""
    return os.path.join(root, "logs", run_id, "progress.json")


def read_progress(root: str, run_id: str) -> dict[str, Progress]:
    """Return how far steps are, by id of step run; it is up to a second old.

    A step that has ended may still be in it, as may any step of a run whose process died.
    """
    try:
        with open(progress_path(root, run_id), "rb") as file:
            return _DECODER.decode(file.read())
    except (OSError, msgspec.DecodeError):  # nobody uses `track`; or a crash of the machine tore the file
        return {}
