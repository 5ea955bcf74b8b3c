"""Any order of what owners and people do to a store, each step compared with the model of `store_world`."""

import os
import shutil
import tempfile
from collections import Counter

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from store_collecting import CollectingRules
from store_making import PLANS, Making, one_of
from store_rows import History, assert_equal
from store_samples import a_run
from store_world import RunEntry, World

from zenml.records.ids import microseconds_now
from zenml.records.models import ModelLink
from zenml.records.run import RunOutput, StepInput
from zenml.store import owners
from zenml.store.database import Database
from zenml.store.store import Batch, RunDocuments, StepEnd

ANY = st.sampled_from(range(12))
FLAG = st.booleans()
BEGINNINGS = ("running", "running", "completed", "completed", "failed", "paused")
"""Stands for one of several: the machine takes the remainder."""
KEYS = ("key-1", "key-2")
CALLS = ("load", "train")
DAY = 86_400_000_000
MEMORY = "/dev/shm"  # noqa: S108  nobody else knows the name below it


class StoreMachine(Making, CollectingRules, RuleBasedStateMachine):
    """Owners, people and a store; `World` says what must come of it."""

    template = None
    """The folder of a store without records, which each example gets a copy of."""
    examples = 0
    happened = Counter()
    """How often what matters happened: a machine that never came to it would prove nothing."""

    @classmethod
    def prepare(cls, folder):
        """Make the store that every example begins with."""
        cls.template, cls.examples, cls.happened = str(folder), 0, Counter()
        store = Database(cls.template, is_durable=False)
        version = store.models.create_version(store.models.create("churn", {}).name, None)
        cls.version_id = version.id
        store.close()

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp(dir=MEMORY if os.path.isdir(MEMORY) else None)
        self.store = Database(shutil.copytree(self.template, f"{self.folder}/store"), is_durable=False)
        self.world = World(self.version_id)
        self.history = History()
        self.here = self.store.owner()
        self.store.insert([self.here])
        self.others = {}
        self.seen = []
        """Runs as owners have seen them when they began with them: what they write carries that epoch."""

    def teardown(self):
        type(self).examples += 1
        try:
            assert self.store.file.read("PRAGMA foreign_key_check") == []
            assert self.store.file.read("PRAGMA integrity_check") == [("ok",)]
        finally:
            for owner in self.others.values():
                owner.kill()
            self.store.close()
            owners.forget_leases(self.store.root)
            shutil.rmtree(self.folder)

    @invariant()
    def the_tables_are_what_the_model_says(self):
        assert_equal(self.store, self.world)
        self.history.check(self.store)

    @invariant()
    def the_cache_finds_what_is_finished(self):
        found = self.store.look_up(KEYS)
        for key in KEYS:
            entry, expected = found.get(key), self.world.answer(key)
            assert (entry and (entry.step_run_id, entry.is_finished)) == expected
            if entry is not None:
                made = {one.id for one in self.world.artifacts.values() if one.producer == entry.step_run_id}
                assert {one.id for one in entry.artifacts} == made

    # What owners do

    @initialize(
        owner=ANY, key=st.sampled_from(KEYS), outputs=ANY, status=st.sampled_from(BEGINNINGS), is_old=FLAG
    )
    def begin(self, owner, key, outputs, status, *, is_old):
        """A run with a result, so that there is something to lose; most have ended."""
        self.start_run(owner, 0, 0, 1)
        self.ask_the_cache_and_start(1, 0, key)
        self.end_step(0, "completed", outputs, outputs)
        if status != "running":
            self.end_run(1, status, outputs, is_old=is_old)

    @rule(owner=ANY, pipeline=ANY, name=ANY, parent=ANY)
    def start_run(self, owner, pipeline, name, parent):
        pipeline = one_of(PLANS, pipeline // 2)
        above = one_of(self.world.runs, parent // 2) if parent % 2 == 0 else None
        run = a_run(
            self.an_owner(owner),
            name=f"run-{name}",
            pipeline_name=pipeline,
            plan=f"plan-{pipeline}",
            environment=f"environment-{name % 2}",
            parent_id=above,
        )
        is_new = run.name not in {one.name for one in self.world.runs.values()}
        source = {f"source-{pipeline}": b"def f(): ..."}

        assert self.store.start_run(run, RunDocuments(PLANS[pipeline], b"environment", source)) is is_new

        if run.plan not in self.world.documents:
            self.world.documents |= {*source}
        self.world.documents |= {run.plan, run.environment}
        if is_new:
            self.seen.append(run)
            self.world.runs[run.id] = RunEntry(
                run.id, run.name, pipeline, run.owner_id, run.created_at, run.plan, run.environment, above
            )

    @rule(view=ANY, call=ANY, key=ANY, status=st.sampled_from(("running", "running", "skipped")), takes=ANY)
    def start_step(self, view, call, key, status, takes):
        view = self.a_view(view)
        if view is None:
            return
        key = one_of((None, *KEYS), key) if status == "running" else None
        step, entry = self.new_attempt(view, one_of(CALLS, call), status, cache_key=key)
        taken = one_of(self.world.artifacts, takes)
        if step is None:
            return
        inputs = (
            [] if taken is None else [StepInput(step_run_id=step.id, name="x", position=0, artifact_id=taken)]
        )
        is_allowed = self.world.may_start(view.id, view.epoch, status)

        self.write(view, Batch(started=[step], inputs=inputs), is_allowed=is_allowed)

        if is_allowed:
            entry.inputs = tuple(one.artifact_id for one in inputs)
            self.world.runs[view.id].steps[step.id] = entry

    @rule(view=ANY, call=ANY, key=st.sampled_from((*KEYS, KEYS[0])))
    def ask_the_cache_and_start(self, view, call, key):
        """What an engine does: a finished result answers, work in flight is waited for, else it begins."""
        view = one_of(self.able(), view)
        if view is None:
            return
        with self.store.run_transaction(view) as transaction:
            entry = transaction.look_up([key]).get(key)
            known = self.world.answer(key)
            if known is not None and not known[1]:
                owner = self.world.runs[self.world.steps()[known[0]].run].owner
                if owner in self.world.dead and self.world.steps()[known[0]].run != view.id:
                    self.happened["found dead by a look-up"] += 1
                    self.bury_one(owner)  # nobody waits for the dead
            assert (entry and (entry.step_run_id, entry.is_finished)) == self.world.answer(key)
            if entry is not None and not entry.is_finished:
                return
            if not self.world.may_start(view.id, view.epoch, "running"):
                return  # its own owner was found dead: it is one that looks after its death
            status = "running" if entry is None else "cached"
            answered = entry.step_run_id if entry is not None else None
            step, made = self.new_attempt(
                view, one_of(CALLS, call), status, cache_key=key, cached_from=answered
            )
            if step is not None:
                self.happened[status] += 1
                transaction.write(Batch(started=[step]))
                self.world.runs[view.id].steps[step.id] = made

    @precondition(lambda self: self.steps_in("running"))
    @rule(step=ANY, status=st.sampled_from(("completed",) * 4 + ("failed", "stopped")), outputs=ANY, more=ANY)
    def end_step(self, step, status, outputs, more):
        entry = one_of(self.world.steps().values() if more % 4 == 0 else self.steps_in("running"), step)
        view = one_of([run for run in self.seen if run.id == entry.run], -1)
        record = self.ending(entry, status)
        made = []
        if status == "completed":
            made = [self.made(outputs + i, producer=entry.id) for i in range(outputs % 3)]
        hooks = [self.a_hook(entry)] if more % 3 == 1 else []
        links = [
            ModelLink(version_id=self.version_id, kind="artifact", target_id=artifact.id)
            for artifact, _ in made
            if more % 3 == 2
        ]
        is_allowed = entry.status == "running"
        artifacts = tuple(artifact for artifact, _ in made)

        self.write(
            view, Batch(ended=[StepEnd(record, artifacts)], hooks=hooks, links=links), is_allowed=is_allowed
        )

        if is_allowed:
            entry.status, entry.hooks = status, tuple(hook.id for hook in hooks)
            self.world.links |= {link.target_id for link in links}
            for _, one in made:
                self.world.add_artifact(one)

    @precondition(lambda self: self.steps_in("running"))
    @rule(step=ANY)
    def announce_another_attempt(self, step):
        entry = one_of(self.steps_in("running"), step)
        if self.world.runs[entry.run].status != "running":
            return
        view = one_of([run for run in self.seen if run.id == entry.run], -1)
        entry.status = "retried"
        again, announced = self.new_attempt(view, entry.invocation, "retrying", cache_key=entry.key)

        self.write(
            view, Batch(ended=[StepEnd(self.ending(entry, "retried"))], started=[again]), is_allowed=True
        )

        self.world.runs[view.id].steps[again.id] = announced

    @precondition(lambda self: self.steps_in("retrying"))
    @rule(view=ANY, step=ANY, status=st.sampled_from(("running", "skipped")))
    def begin_what_was_announced(self, view, step, status):
        entry = one_of(self.world.steps().values() if view % 4 == 1 else self.steps_in("retrying"), step)
        views = [run for run in self.seen if run.id == entry.run]
        view = one_of(views, view if view % 3 == 0 else -1)
        record = self.ending(entry, status, ended_at=None)
        is_allowed = entry.status == "retrying" and self.world.may_start(entry.run, view.epoch, status)

        self.write(view, Batch(started=[record]), is_allowed=is_allowed)

        if is_allowed:
            entry.status = status

    @rule(
        view=ANY,
        status=st.sampled_from(("completed", "completed", "failed", "stopped", "paused", "paused")),
        output=ANY,
        is_old=FLAG,
    )
    def end_run(self, view, status, output, *, is_old):
        view = self.a_view(view)
        if view is None:
            return
        known = self.world.runs.get(view.id)
        if known is not None and known.open_steps and status in ("completed", "paused"):
            status = "failed"
        ended_at = microseconds_now() - (2 * DAY if is_old else 0)
        end = msgspec.structs.replace(view, status=status, ended_at=None if status == "paused" else ended_at)
        given = one_of(self.world.artifacts, output) if status != "paused" else None
        outputs = [] if given is None else [RunOutput(run_id=view.id, position=0, artifact_id=given)]
        wait = self.a_wait(view) if status == "paused" else None
        is_allowed = self.world.may_end(view.id, view.epoch, status)

        self.write(view, Batch(run=end, outputs=outputs, wait=wait), is_allowed=is_allowed)

        if is_allowed:
            known.status, known.ended_at = status, end.ended_at
            known.outputs += tuple(one.artifact_id for one in outputs)
            if wait is not None:
                known.waits = {one: "withdrawn" if s == "open" else s for one, s in known.waits.items()}
                known.waits[wait.id] = "open"
            else:
                known.interrupt_steps()

    @precondition(lambda self: self.resumable())
    @rule(view=ANY, owner=ANY)
    def resume(self, view, owner):
        seen = one_of(self.seen if view % 4 == 0 else self.resumable(), view // 4)
        known = self.world.runs.get(seen.id)
        epoch = seen.epoch if known is None or view % 4 == 1 else known.epoch
        run = msgspec.structs.replace(seen, status="running", epoch=epoch + 1, owner_id=self.an_owner(owner))
        is_allowed = self.world.resume(run.id, run.epoch, run.owner_id)

        assert self.store.resume_run(run, {}) is is_allowed

        self.happened["resumed" if is_allowed else "resumed too late"] += 1
        if is_allowed:
            self.seen.append(run)

    @rule(view=ANY, name=ANY)
    def save_beside(self, view, name):
        view = self.a_view(view)
        step = one_of(self.world.runs[view.id].steps, name) if view and view.id in self.world.runs else None
        if step is None:
            return
        artifact, entry = self.made(name, saved_by=step)
        is_allowed = self.world.may_speak(view.id, view.epoch)

        self.write(view, Batch(saved=[artifact]), is_allowed=is_allowed)

        if is_allowed:
            self.world.add_artifact(entry)

    # Death, and what follows

    @precondition(lambda self: self.others)
    @rule(number=ANY)
    def kill_an_owner(self, number):
        owner = self.others.pop(one_of(self.others, number))
        owner.kill()
        self.world.dead.add(owner.id)

    @precondition(lambda self: self.claims())
    @rule(number=ANY, call=ANY)
    def die_at_work_that_another_run_wants(self, number, call):
        step = one_of(self.claims(), number)
        (place,) = [
            place for place, owner in self.others.items() if owner.id == self.world.runs[step.run].owner
        ]
        self.kill_an_owner(list(self.others).index(place))
        self.start_run(0, 0, number, 1)
        mine = [i for i, run in enumerate(self.able()) if run.owner_id == self.here.id]
        if mine:
            self.ask_the_cache_and_start(mine[-1], call, step.key)

    @precondition(lambda self: self.world.dead)
    @rule()
    def take_over(self):
        buried = self.world.bury()
        self.happened["taken over"] += len(buried)
        assert sorted(self.store.interrupt_dead_runs()) == sorted(buried)

    def bury_one(self, owner):
        """What a look-up does for the owner of what it has found."""
        others, self.world.dead = self.world.dead, {owner}
        self.world.bury()
        self.world.dead = others
