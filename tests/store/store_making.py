"""What the machine of a store acts with: owners, runs as they see them, and the records that they write."""

import os

import msgspec
import pytest
from store_rows import SimulatedOwner
from store_samples import a_step, an_artifact
from store_world import DYNAMIC, ArtifactEntry, StepEntry

from zenml.errors import RunStoppedError
from zenml.records import wire
from zenml.records.hooks import HookRun
from zenml.records.ids import microseconds_now, new_id
from zenml.records.plan import PipelineOptions, Plan, Source
from zenml.records.status import RESUMABLE
from zenml.records.waits import Wait


def plan_of(pipeline):
    plan = Plan(
        pipeline=pipeline,
        source=None,
        options=PipelineOptions(),
        definitions={},
        invocations=(),
        is_dynamic=pipeline == DYNAMIC,
    )
    return wire.encode(plan)


PLANS = {name: plan_of(name) for name in ("training", DYNAMIC)}


def one_of(things, number):
    """One of several things, or None of none."""
    things = list(things)
    return things[number % len(things)] if things else None


class Making:
    """The part of the machine that has no rules."""

    # Choosing

    def steps_in(self, status):
        """The attempts in a state."""
        return [one for one in self.world.steps().values() if one.status == status]

    def resumable(self):
        """What was seen of the runs that can be resumed."""
        return [
            run
            for run in self.seen
            if run.id in self.world.runs and self.world.runs[run.id].status in RESUMABLE
        ]

    def able(self):
        """What was seen of the runs that may start steps."""
        return [run for run in self.seen if self.world.may_start(run.id, run.epoch, "running")]

    def claims(self):
        """The attempts in flight whose results others may want, of owners that can die."""
        living = {owner.id for owner in self.others.values()}
        return [
            one
            for one in self.steps_in("running")
            if one.key is not None and self.world.runs[one.run].owner in living
        ]

    def an_owner(self, number):
        """One of the owners that live: this process, or one of two others, anew where it is dead."""
        place = number % 3
        if place == 0:
            return self.here.id
        if place not in self.others:
            self.others[place] = SimulatedOwner(self.store)
        return self.others[place].id

    def a_view(self, number):
        """A run as an owner has it: mostly one that it still has, else one that goes on without it."""
        held = [run for run in self.seen if self.world.may_speak(run.id, run.epoch)]
        alive = {run.id for run in held}
        lost = [run for run in self.seen if run.id in alive and run not in held]
        return one_of((number % 3 and held) or lost or self.seen, number // 3)

    def write(self, view, batch, *, is_allowed):
        """Write for a run; what is refused must leave nothing, which the invariants see."""
        if is_allowed:
            with self.store.run_transaction(view) as transaction:
                transaction.write(batch)
            return
        self.happened["refused"] += 1
        with pytest.raises(RunStoppedError), self.store.run_transaction(view) as transaction:
            transaction.write(batch)

    def new_attempt(self, view, call, status, **fields):
        """The next attempt of a call, if none of it goes on; the record and the entry."""
        run = self.world.runs.get(view.id)
        known = run.attempts(call) if run is not None else []
        if any(step in run.open_steps for step in known):
            return None, None
        step = a_step(view, invocation_id=call, attempt=len(known) + 1, status=status, **fields)
        entry = StepEntry(
            step.id, view.id, call, step.attempt, status, step.cache_key, cached_from=step.cached_from
        )
        return step, entry

    def made(self, number, **fields):
        """An artifact, some with a folder that lies there; the record and the entry."""
        artifact = an_artifact(name=("data", "model")[number % 2], **fields)
        if number % 3 == 0:
            key = f"{artifact.producer or artifact.id}.output"
            os.makedirs(os.path.join(self.store.artifact_root, key), exist_ok=True)
            artifact = msgspec.structs.replace(artifact, key=key, inline=None)
        entry = ArtifactEntry(
            artifact.id,
            artifact.name,
            artifact.version,
            artifact.created_at,
            artifact.producer,
            artifact.saved_by,
            artifact.key,
        )
        return artifact, entry

    # Records

    def ending(self, entry, status, **fields):
        """The record with which an attempt goes into a state."""
        run = self.world.runs[entry.run]
        return a_step(
            run,
            **{
                "id": entry.id,
                "invocation_id": entry.invocation,
                "attempt": entry.attempt,
                "status": status,
                "cache_key": entry.key,
                "ended_at": microseconds_now(),
                **fields,
            },
        )

    def a_hook(self, entry):
        return HookRun(
            id=new_id(),
            run_id=entry.run,
            step_run_id=entry.id,
            hook="on_failure",
            source=Source("alerts", "tell"),
            created_at=microseconds_now(),
        )

    def a_wait(self, view):
        identifier = new_id()
        return Wait(
            id=identifier,
            run_id=view.id,
            name="ok",
            content=identifier,
            question="?",
            schema_text="{}",
            asked_at=microseconds_now(),
        )
