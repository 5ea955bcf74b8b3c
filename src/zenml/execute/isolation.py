"""Isolated steps: what is sent to a launcher, what comes back, and how it becomes an outcome.

A function that can be imported travels by name; one of `__main__`, of a notebook or of another
function travels by value. The other side, in the fresh process, is `execute.worker`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.launcher import LaunchTask
from zenml.context import masking
from zenml.execute import process_ends
from zenml.execute.launchers import Launched
from zenml.materializers import pickling, registry
from zenml.records import type_names, wire
from zenml.records.events import StepEvent
from zenml.records.ids import microseconds_now
from zenml.records.task import StepOutcome, StepTask, Usage
from zenml.worker import failures, inline_environment
from zenml.worker.process import Parcel, RegisteredSecret

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.compile.program import Program
    from zenml.components.launcher import LaunchEnd
    from zenml.execute.launchers import Chosen
    from zenml.records.plan import Source
    from zenml.records.run import Failure
    from zenml.records.task import Unrecorded

WORKER_MODULES = (
    "cloudpickle",
    "json",
    "zenml.worker.process",
    "zenml.components.artifact_stores",
    "zenml.flavors.local_artifact_store",
    "zenml.materializers.builtin_materializer",
)
"""What every isolated step needs: imported once, before the first fork."""
DECLARING = ("zenml.declare.pipeline", "zenml.declare.step")
"""What the modules of users import, from which steps come: their own imports would pay for it in every process."""
STORING = {
    "matplotlib": ("zenml.materializers.matplotlib_materializer",),
    "numpy": ("zenml.materializers.numpy_materializer",),
    "pandas": ("pyarrow.parquet", "zenml.materializers.pandas_materializer"),
    "PIL": ("zenml.materializers.pillow_materializer",),
    "scipy": ("zenml.materializers.scipy_materializer",),
    "sklearn": ("skops.io", "zenml.materializers.sklearn_materializer"),
}
"""By library: what stores its values, and is otherwise imported with the first one stored or loaded."""
_EVENTS = msgspec.json.Decoder(StepEvent | RegisteredSecret)
ENTRY = "zenml.worker.process:run_isolated"


def launch(
    chosen: Chosen,
    task: StepTask,
    program: Program,
    *,
    preload: tuple[str, ...],
    unrecorded: Unrecorded,
    on_output: Callable[[bytes], None],
    on_event: Callable[[StepEvent], None],
    on_end: Callable[[StepOutcome, BaseException | None], None],
) -> Launched:
    """Start a step in a process of its own.

    Its environment holds from the start of the process that its process is forked from, which is
    why libraries heed it. Secrets come with the task: they are in no process that outlives the step.
    """
    started = microseconds_now()
    parcel = msgspec.structs.replace(_pack(task, program), unrecorded=unrecorded)
    with inline_environment.Originals() as originals:
        handle = chosen.launcher.launch(
            LaunchTask(
                name=f"step `{task.invocation.id}`",
                entry=ENTRY,
                payload=wire.encode(parcel),
                environment={**originals, **task.definition.options.environment},
                working_directory=os.getcwd(),
                sys_path=tuple(sys.path),
                preload=WORKER_MODULES + (DECLARING if parcel.module else ()) + preload + _of_tracker(task),
                memory_limit=_memory_cap(task),
                settings=chosen.settings,
            ),
            on_end=lambda end: on_end(*_unpack(end, task, started)),
            on_event=lambda data: _hear(_EVENTS.decode(data), on_event),
            on_output=on_output,
        )
    return Launched(chosen.launcher, handle)


def _of_tracker(task: StepTask) -> tuple[str, ...]:
    if task.tracker is None:
        return ()
    from zenml.components.registry import load_flavor

    return load_flavor("experiment_tracker", task.tracker.address.flavor).preload


def _hear(event: StepEvent | RegisteredSecret, on_event: Callable[[StepEvent], None]) -> None:
    if isinstance(event, RegisteredSecret):
        masking.register_secret(event.value)
    else:
        on_event(event)


def _pack(task: StepTask, program: Program) -> Parcel:
    source, script, materializers = task.definition.source, type_names.main_script(), _of_users()
    python = sys.version_info[:2]
    if is_importable(source, program):
        live = pickling.dumps((None, "", materializers)) if materializers else b""
        return Parcel(task, live, source.module, source.name, script, masking.registered(), python=python)
    live = pickling.dumps((program.function, program.name, materializers))
    return Parcel(task, live, script=script, secrets=masking.registered(), python=python)


def _of_users() -> tuple[bytes, ...]:
    """Return users' materializers by value, one by one: a step may run where one cannot be imported."""
    return tuple(pickling.dumps(one) for one in registry.of_users())


def is_importable(source: Source, program: Program) -> bool:
    """Tell whether another process gets a program's function by importing what its source names."""
    if source.module == "__main__" or "<locals>" in source.name:
        return False
    found: Any = sys.modules.get(source.module)
    if getattr(found, "__file__", None) is None:
        return False
    for part in source.name.split("."):
        found = getattr(found, part, None)
    return getattr(found, "__zenml_function__", found) is program.function


def _memory_cap(task: StepTask) -> int | None:
    """Return the bytes that a step and all that it starts may have; None where it declares nothing."""
    if "resources" not in task.definition.options.settings:
        return None
    from zenml.execute import step_needs

    return step_needs.declared(task.definition).memory or None


def _unpack(end: LaunchEnd, task: StepTask, started: int) -> tuple[StepOutcome, BaseException | None]:
    """Turn the end of a launch into an outcome and, for a failure, a live exception."""
    step = task.invocation.id
    usage = Usage(
        None if end.cpu_seconds is None else round(end.cpu_seconds * 1e6),
        end.peak_memory,
        end.memory_guard,
    )
    if end.answer is None or end.is_over_memory:  # what it still answers then does not count
        error = process_ends.error_of(end, step, _memory_cap(task))
        failure = failures.describe(error)
        now = microseconds_now()
        return StepOutcome(failure=failure, started_at=started, ended_at=now, usage=usage), error
    outcome = msgspec.structs.replace(wire.decode(end.answer, StepOutcome), usage=usage)
    if outcome.failure is None:
        return outcome, None
    return msgspec.structs.replace(outcome, exception=None), _live_exception(outcome, outcome.failure, step)


def _live_exception(outcome: StepOutcome, failure: Failure, step: str) -> BaseException:
    error = failures.unpack(outcome.exception)
    if error is None:
        return failures.from_record(failure, f"Step `{step}`")
    error.add_note(f"Traceback in the step's process:\n{failure.traceback}")
    return error


def heavy_modules() -> tuple[str, ...]:
    """Return the third-party packages this process has loaded: what a step is likely to import too."""
    found = []
    for name, module in list(sys.modules.items()):
        if "." in name or name.startswith("_"):
            continue
        file = getattr(module, "__file__", None) or ""
        if "site-packages" in file or "dist-packages" in file:
            found += [name, *STORING.get(name, ())]
    return tuple(sorted(found))
