"""Hooks that the earlier owner of a resumed run left pending: which are called now, and which are superseded.

A hook of a step that has ended is called now, and so at least once. A start hook is superseded by that of the
attempt which follows, and a hook of the run by that of the resumed run: it begins and ends anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.execute.hook_runner import Due
from zenml.records.hooks import HookRun
from zenml.records.run import Artifact, StepRun
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.compile.compiler import Compiled
    from zenml.store.store import Store

_OF_ENDED = ("on_success", "on_failure", "on_end")


def settle(rows: Iterable[HookRun], compiled: Compiled, store: Store) -> list[Due]:
    """Return the calls that are still owed; what is superseded is recorded as skipped."""
    owed = []
    definitions = {one.id: one.definition for one in compiled.plan.invocations}
    for row in rows:
        program = compiled.programs.get(definitions.get(row.invocation_id or "", ""))
        function = program.hooks.get(row.hook) if program is not None else None
        step = store.get(StepRun, row.step_run_id) if row.step_run_id is not None else None
        artifacts = tuple(store.select(Artifact, producer=step.id)) if step is not None else ()
        can_load = all(store.is_trusted(one) for one in artifacts if one.needs_trust)
        if row.hook not in _OF_ENDED or function is None or step is None or not can_load:
            store.update(HookRun, row.id, status="skipped")
            continue
        error = None
        if step.failure is not None:
            error = failures.from_record(step.failure, f"Step `{step.invocation_id}`")
        owed.append(Due(row, function, step, artifacts, error))
    return owed
