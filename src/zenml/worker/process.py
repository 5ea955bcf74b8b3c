"""The side of an isolated step that runs in the fresh process: unpack, run, answer.

This module is imported once by the server that forks the processes, so what it prepares is
there when a step begins.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.program import Program
from zenml.components.artifact_stores import artifact_stores_of
from zenml.context import masking
from zenml.errors import ConfigurationError, ContextError
from zenml.materializers import pickling
from zenml.records import type_names
from zenml.records.events import Began, Progress
from zenml.records.task import StepTask, Unrecorded
from zenml.worker import failures, kept_outcomes
from zenml.worker.step_runner import run_step
from zenml.worker.step_session import StepSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.records.events import StepEvent


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
    unrecorded: Unrecorded = Unrecorded()
    python: tuple[int, int] = (0, 0)
    """The version of the owner's interpreter: code that travels by value is read by that version only."""

    def pipeline_state(self) -> Any:
        """Return what `on_init` returned.

        Raises:
            ContextError: it could not be sent to this process.
        """
        state = self.unrecorded.state
        if state.problem is not None:
            raise ContextError(state.problem)
        return None if state.data is None else pickling.loads(state.data)


class RegisteredSecret(msgspec.Struct, frozen=True, tag="secret"):
    """What the owner has to mask from now on; it is on its way before anything that the step prints later."""

    value: str


_DECODER = msgspec.json.Decoder(Parcel)
_ENCODER = msgspec.json.Encoder()


def run_isolated(payload: bytes, send: Callable[[bytes], None]) -> bytes:
    """Run one step in this fresh process; return its encoded outcome."""
    parcel = _DECODER.decode(payload)
    if parcel.task.definition.options.timeout is not None:
        send(_ENCODER.encode(Began()))
    for secret in parcel.secrets:
        masking.register_secret(secret)
    masking.tell(lambda value: send(_ENCODER.encode(RegisteredSecret(value))))
    os.register_at_fork(after_in_child=lambda: masking.tell(None))  # a fork cannot speak for the step
    os.environ.update(parcel.unrecorded.secrets)  # before the step's own module is imported
    type_names.adopt_script(parcel.script)
    program = _program(parcel)
    store = artifact_stores_of(parcel.task)
    told: list[StepEvent] = []

    def tell(event: StepEvent) -> None:
        if not isinstance(event, Progress):
            told.append(event)
        send(_ENCODER.encode(event))

    session = StepSession(parcel.task, None, tell, state=parcel.pipeline_state)
    outcome, error = run_step(parcel.task, program, store, session)
    if error is not None:
        outcome = msgspec.structs.replace(outcome, exception=failures.pack(error))
    elif parcel.unrecorded.seal and outcome.damage is None:
        sayable = tuple(event for event in told if isinstance(event, kept_outcomes.Told))
        if len(sayable) == len(told):  # an artifact that it saved would be saved twice
            kept = kept_outcomes.Kept(outcome, sayable)
            task = parcel.task
            kept_outcomes.keep(task.artifact_root, task.step_run_id, kept, parcel.unrecorded.seal)
    return _ENCODER.encode(outcome)


def _program(parcel: Parcel) -> Program:
    """Return the program of a parcel, as declared in this process."""
    if not parcel.module and parcel.python != sys.version_info[:2]:
        theirs, ours = (".".join(map(str, one)) for one in (parcel.python, sys.version_info[:2]))
        raise ConfigurationError(
            f"Step `{parcel.task.definition.name}` cannot run in Python {ours}: its function travels by value from "
            f"Python {theirs}, and bytecode is of one version. Put the step into a module that can be imported, "
            "or use the same version."
        )
    if parcel.live:
        function, name, materializers = pickling.loads(parcel.live)
        for one in materializers:
            with suppress(ImportError):  # of a library that this step's environment does not have
                pickling.loads(one)  # a materializer registers itself when it is made
        if function is not None:
            return Program(name, function)
    return Program(parcel.task.definition.name, import_function(parcel.module, parcel.name))


def import_function(module: str, name: str) -> Any:
    """Return the function of a step that can be imported."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return getattr(found, "__zenml_function__", found)
