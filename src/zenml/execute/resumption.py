"""Going on with a run that did not complete: taking it over, and what its engine has to know of before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.errors import ResumeError
from zenml.execute.model_linking import asked_models
from zenml.execute.recorded import Recorded
from zenml.execute.running import macs_of
from zenml.records import wire
from zenml.records.hooks import HookRun
from zenml.records.ids import short
from zenml.records.models import key_of
from zenml.records.plan import Plan

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.execute.engine import Engine
    from zenml.records.plan import ModelSpec
    from zenml.records.run import Run
    from zenml.store.store import Store


class Resumption(msgspec.Struct, frozen=True):
    """A run that is to be resumed, as it was found."""

    run: Run

    is_child: bool = False
    """Whether the function of another run calls it, with arguments that may have changed since."""

    def begin(self, compiled: Compiled, store: Store) -> Run:
        """Take the run over and return it as it is recorded now.

        The definitions of its earlier attempts stay in its plan, so that they can be understood later.

        Raises:
            ResumeError: another process was quicker.
        """
        body = store.document(self.run.plan)
        before = wire.decode(body, Plan) if body is not None else compiled.plan
        if not compiled.plan.is_dynamic:  # there each definition is a document of its own
            compiled.plan = msgspec.structs.replace(
                compiled.plan, definitions={**before.definitions, **compiled.plan.definitions}
            )
        encoded = wire.encode(compiled.plan)
        digest = wire.digest_of(encoded)
        run = msgspec.structs.replace(
            self.run,
            status="running",
            epoch=self.run.epoch + 1,
            owner_id=store.owner().id,
            plan=digest,
            options=compiled.plan.options,
            parameters=compiled.plan.parameters if self.is_child else self.run.parameters,
            variables={**self.run.variables, **macs_of(compiled.filled.variables, store)},
            ended_at=None,
            reason=None,
            failure=None,
        )
        documents = (
            {}
            if digest == self.run.plan
            else {digest: encoded, **compiled.sources(compiled.plan.definitions.values())}
        )
        if not store.resume_run(run, documents, _new_models(compiled.plan, run, store)):
            raise ResumeError(
                f"Run `{run.name}` ({short(run.id)}) was resumed or changed by another process at this moment. "
                f"Follow it: zenml run watch {short(run.id)}"
            )
        return run

    def tell(self, engine: Engine) -> None:
        """Have the engine know what is recorded: results, numbers of attempts, and hooks that are due."""
        engine.admission.resume(Recorded.read(engine.store, self.run.id))
        due = engine.store.select(HookRun, run_id=self.run.id, status="pending")
        if engine.hooks is not None:
            engine.hooks.owed = due
            engine.hooks.is_after_pause = self.run.status == "paused"
        else:
            for one in due:  # there is no such function any more
                engine.store.update(HookRun, one.id, status="skipped")


def _new_models(plan: Plan, run: Run, store: Store) -> list[ModelSpec]:
    """Return the versions of models that a run works on since its code was changed."""
    asked = asked_models(plan)
    if not asked:
        return []
    linked = store.models.of_run(run.id)
    return [spec for spec in asked if key_of(spec) not in linked]
