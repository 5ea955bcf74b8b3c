"""The process of a run in the background: `python -m zenml.execute.background_process DESCRIPTOR`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.execute.background import Answer, RunParcel
    from zenml.records.plan import Plan
    from zenml.records.run import Run


def main() -> None:
    """Read the parcel, leave the parent, run, and answer through a descriptor when the run has begun."""
    descriptor = int(sys.argv[1])
    data = sys.stdin.buffer.read()
    if os.fork():
        os._exit(0)  # nobody waits for the one that works: the caller may end before it does
    os.set_inheritable(descriptor, False)
    from zenml.execute.background import Answer, Start
    from zenml.records import wire

    try:
        start = wire.decode(data, Start)
        sys.path[:] = start.sys_path
        _run(start.parcel, descriptor)
    except BaseException as error:  # the caller waits for an answer
        from zenml.worker import failures

        _answer(descriptor, Answer(failure=failures.describe(error), exception=failures.pack(error)))
        raise


def _run(data: bytes, descriptor: int) -> None:
    from zenml.context import masking
    from zenml.execute.background import RunParcel
    from zenml.execute.running import run_plan
    from zenml.records import type_names, wire
    from zenml.reporting.reporter import PlainReporter
    from zenml.store.opening import open_store

    parcel = wire.decode(data, RunParcel)
    for secret in parcel.secrets:
        masking.register_secret(secret)
    type_names.adopt_script(parcel.script)

    class Announcing(PlainReporter):
        """Tells the caller that the run has begun, and where this process writes from now on."""

        def run_started(self, run: Run, plan: Plan) -> None:
            """Answer, and take the run's own file for what is written from here on."""
            from zenml.execute.background import Answer

            _write_into(f"{parcel.root}/logs/{run.id}")
            super().run_started(run, plan)
            _answer(descriptor, Answer(run_id=run.id))

    resumption = None
    if parcel.resumed is not None:
        from zenml.execute.resumption import Resumption

        resumption = Resumption(parcel.resumed)
    run_plan(
        _unpack(parcel), open_store(parcel.root), reporter=Announcing(), resumption=resumption
    )  # a failure of a step is recorded with the run, where people look for it


def _unpack(parcel: RunParcel) -> Compiled:
    """Return what was compiled, as declared in this process."""
    from zenml.compile.compiler import Compiled
    from zenml.compile.program import Program
    from zenml.materializers import pickling
    from zenml.worker.process import import_function

    # A materializer registers itself when it is made.
    functions, hooks, run_hooks, _, again = pickling.loads(parcel.live)
    if again is not None:  # a dynamic pipeline, whose calls are compiled where its function runs
        dynamic: Compiled = again()
        return dynamic
    for digest, reference in parcel.importable.items():
        functions[digest] = import_function(reference.module, reference.name)
    programs = {
        digest: Program(definition.name, functions[digest], hooks=hooks.get(digest))
        for digest, definition in parcel.plan.definitions.items()
    }
    compiled = Compiled(parcel.plan, programs, parcel.externals, run_hooks, parcel.filled)
    compiled.run_name = parcel.run_name
    return compiled


def _answer(descriptor: int, answer: Answer) -> None:
    """Tell the caller, unless it was told before."""
    try:
        os.write(descriptor, msgspec.json.encode(answer))
        os.close(descriptor)
    except OSError:  # it was told, or it is gone
        pass


def _write_into(folder: str) -> None:
    """Have standard output and standard error go to a file beside the logs of the run."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    file = os.open(f"{folder}/process.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


if __name__ == "__main__":
    main()
