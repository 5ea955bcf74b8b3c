"""The side of an isolated step that runs in the fresh process: unpack, run, answer.

This module is imported once by the server that forks the processes, so what it prepares is
there when a step begins.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.program import Program
from zenml.components.registry import load_flavor
from zenml.execute import failures, masking
from zenml.execute.step_runner import run_step
from zenml.execute.step_session import StepSession
from zenml.materializers import pickling
from zenml.records import type_names
from zenml.records.events import Began
from zenml.records.task import StepTask

if TYPE_CHECKING:
    from collections.abc import Callable


class Parcel(msgspec.Struct, frozen=True):
    """What travels to the process of a step."""

    task: StepTask
    live: bytes
    """The step's function by value, None when `module` and `name` say where it is; and users' materializers."""
    module: str = ""
    name: str = ""
    script: str | None = None
    """The owner's `__main__`, whose types keep their names in the fresh process."""
    secrets: tuple[str, ...] = ()
    """What must not stand in the failure that this process reports."""


_DECODER = msgspec.json.Decoder(Parcel)
_ENCODER = msgspec.json.Encoder()


def run_isolated(payload: bytes, send: Callable[[bytes], None]) -> bytes:
    """Run one step in this fresh process; return its encoded outcome."""
    parcel = _DECODER.decode(payload)
    if parcel.task.definition.options.timeout is not None:
        send(_ENCODER.encode(Began()))
    for secret in parcel.secrets:
        masking.register_secret(secret)
    type_names.adopt_script(parcel.script)
    program = _program(parcel)
    store = load_flavor("artifact_store", "local")(parcel.task.artifact_root)
    session = StepSession(parcel.task, None, lambda event: send(_ENCODER.encode(event)))
    outcome, error = run_step(parcel.task, program, store, session)
    if error is not None:
        outcome = msgspec.structs.replace(outcome, exception=failures.pack(error))
    return _ENCODER.encode(outcome)


def _program(parcel: Parcel) -> Program:
    """Return the program of a parcel, as declared in this process."""
    if parcel.live:
        function, name, _ = pickling.loads(parcel.live)  # a materializer registers itself when it is made
        if function is not None:
            return Program(name, function)
    found: Any = importlib.import_module(parcel.module)
    for part in parcel.name.split("."):
        found = getattr(found, part)
    return Program(parcel.task.definition.name, getattr(found, "__zenml_function__", found))
