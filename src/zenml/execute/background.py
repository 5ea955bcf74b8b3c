"""Handing a compiled run to a process of its own, which outlives this one and its terminal.

The new process gets the plan and the live functions over its standard input, takes a new
session, leaves its parent, records the run and says so; only then does the caller go on. So a
run that cannot begin is an error of the caller, and one that has begun belongs to the new
process: it holds the lease, writes the logs, and is followed, waited for and stopped like any.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

from zenml.compile.variables import Filled
from zenml.context import masking
from zenml.errors import ConfigurationError, StepProcessError
from zenml.execute.isolation import is_importable
from zenml.materializers import pickling, registry
from zenml.records import type_names, wire
from zenml.records.plan import Plan
from zenml.records.run import Artifact, Failure, Run
from zenml.worker import failures

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.store.store import Store

ENTRY = "zenml.execute.background_process"


class Reference(msgspec.Struct, frozen=True):
    """A step's function by the place it can be imported from."""

    module: str
    name: str


class RunParcel(msgspec.Struct, frozen=True):
    """A whole run on its way to another process."""

    plan: Plan
    importable: dict[str, Reference]
    """By definition: functions that the other process imports."""
    live: bytes
    """A pickle of `Live`: everything that has to travel by value."""
    externals: dict[str, Artifact]
    root: str
    """The store."""
    run_name: str | None
    filled: Filled
    script: str | None
    secrets: tuple[str, ...]
    resumed: Run | None = None
    """The run to go on with, instead of a new one."""


class Answer(msgspec.Struct, frozen=True):
    """What the new process says once: the run has begun, or could not."""

    run_id: str | None = None
    failure: Failure | None = None
    exception: bytes | None = None


class Start(msgspec.Struct, frozen=True):
    """What comes first: without it the parcel could not be read."""

    sys_path: tuple[str, ...]
    parcel: bytes


def start_in_background(compiled: Compiled, store: Store, *, resumed: Run | None = None) -> str:
    """Start a run in a new process, or go on with one there; return the id of the run when it is recorded.

    Raises:
        ConfigurationError: the store lies in the memory of this process.
        Exception: what kept the run from beginning.
    """
    if store.root == ":memory:":
        raise ConfigurationError(
            "A run in the background needs a store on the disk; this one lies in the memory of this process."
        )
    message = wire.encode(Start(tuple(sys.path), wire.encode(_pack(compiled, store, resumed))))
    reading, writing = os.pipe()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", ENTRY, str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
        ) as process:
            os.close(writing)
            writing = -1
            process.communicate(message)  # it leaves at once: its child is the one that works
        with open(reading, "rb", closefd=False) as pipe:
            said = pipe.read()
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    return _read(said)


def _read(said: bytes) -> str:
    if not said:
        raise StepProcessError(
            "The background process ended before the run began. Run it in the foreground to see why: "
            "leave out `synchronous: false`."
        )
    answer = wire.decode(said, Answer)
    if answer.run_id is not None:
        return answer.run_id
    error = failures.unpack(answer.exception)
    if error is None and answer.failure is not None:
        error = failures.from_record(answer.failure, "The background process")
    raise error if error is not None else AssertionError("an answer says what happened")


def _pack(compiled: Compiled, store: Store, resumed: Run | None) -> RunParcel:
    importable, functions, hooks = {}, {}, {}
    for digest, program in compiled.programs.items():
        source = compiled.plan.definitions[digest].source
        if is_importable(source, program):
            importable[digest] = Reference(source.module, source.name)
        else:
            functions[digest] = program.function
        if program.hooks:
            hooks[digest] = program.hooks
    again = compiled.again if compiled.plan.is_dynamic else None
    live = (functions, hooks, compiled.hooks, registry.of_users(), again)
    return RunParcel(
        plan=compiled.plan,
        importable=importable,
        live=pickling.dumps(live),
        externals=compiled.externals,
        root=store.root,
        run_name=compiled.run_name,
        filled=compiled.filled,
        script=type_names.main_script(),
        secrets=masking.registered(),
        resumed=resumed,
    )
