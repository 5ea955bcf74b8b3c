"""What people do to a store, as rules of the machine: stopping, marking, listing, deleting, collecting."""

import os

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from store_making import one_of

from zenml.client.garbage import Garbage, Retention, collect, find_garbage
from zenml.client.stored_artifacts import delete_artifact
from zenml.errors import ConfigurationError
from zenml.records.ids import microseconds_now
from zenml.records.query import Query, read_condition
from zenml.records.run import Artifact, Metadata, Run, Tag
from zenml.records.status import AT_REST
from zenml.records.waits import Wait
from zenml.store.cached_results import invalidate
from zenml.store.removal import delete_runs
from zenml.store.store import Notes
from zenml.views.artifact_view import ArtifactView

ANY = st.sampled_from(range(12))
DAY_SECONDS = 86_400.0
TAGS = ("best", "night")


class CollectingRules:
    """The half of the machine that owns no runs; it has `store` and `world`."""

    @rule(number=ANY)
    def request_stop(self, number):
        run = one_of(self.world.runs, number)
        if run is not None:
            assert self.store.request_stop(run, "enough") is self.world.stop(run, microseconds_now())

    @precondition(lambda self: any(run.waits for run in self.world.runs.values()))
    @rule(number=ANY)
    def answer(self, number):
        waits = {wait: run for run in self.world.runs.values() for wait in run.waits}
        identifier = one_of(waits, number)
        run = waits[identifier]
        wait = self.store.get(Wait, identifier)
        answered = msgspec.structs.replace(
            wait, answer=True, answered_at=microseconds_now(), answered_by="me"
        )
        is_allowed = run.status == "paused" and run.waits[identifier] == "open"

        assert self.store.answer_wait(answered) is is_allowed

        if is_allowed:
            run.waits[identifier] = "answered"

    # Marks

    def a_target(self, number):
        """Something that can have tags and metadata."""
        targets = [("run", one) for one in self.world.runs] + [("step", one) for one in self.world.steps()]
        return one_of([*targets, *(("artifact", one) for one in self.world.artifacts)], number)

    @rule(number=st.sampled_from(range(40)), name=ANY, is_exclusive=st.booleans(), is_tag=st.booleans())
    def mark(self, number, name, *, is_exclusive, is_tag):
        target = self.a_target(number)
        if target is None:
            return
        kind, identifier = target
        name = TAGS[name % 2]
        if not is_tag:
            value = Metadata(
                kind=kind, target_id=identifier, name=name, value=1, created_at=microseconds_now()
            )
            self.store.annotate(Notes(metadata=[value]))
            self.world.values.append((kind, identifier, name))
            return
        is_exclusive &= kind != "step"
        tag = Tag(kind=kind, target_id=identifier, name=name, is_exclusive=is_exclusive)
        self.store.annotate(Notes(tags=[tag]))
        self.world.tag(kind, identifier, name, is_exclusive=is_exclusive)

    @precondition(lambda self: self.world.tags)
    @rule(number=ANY)
    def unmark(self, number):
        kind, identifier, name = tag = one_of(sorted(self.world.tags), number)
        self.store.annotate(Notes(untagged=[Tag(kind=kind, target_id=identifier, name=name)]))
        self.world.tags.remove(tag)

    # Looking

    @rule(
        status=st.sampled_from((None, "running", "oneof:failed,interrupted", "ne:completed")),
        name=st.sampled_from((None, "contains:1", "run-1", "startswith:RUN")),
        tag=st.sampled_from((None, *TAGS)),
        is_descending=st.booleans(),
    )
    def list_runs(self, status, name, tag, *, is_descending):
        given = {"status": status, "name": name}
        conditions = tuple(read_condition(field, text) for field, text in given.items() if text is not None)
        query = Query(conditions, is_descending=is_descending, size=2, tag=tag)
        fits = {
            None: lambda run: True,
            "running": lambda run: run.status == "running",
            "oneof:failed,interrupted": lambda run: run.status in ("failed", "interrupted"),
            "ne:completed": lambda run: run.status != "completed",
            "contains:1": lambda run: "1" in run.name,
            "run-1": lambda run: run.name == "run-1",
            "startswith:RUN": lambda run: run.name.startswith("RUN"),
        }
        expected = sorted(
            (
                run.id
                for run in self.world.runs.values()
                if fits[status](run)
                and fits[name](run)
                and (tag is None or ("run", run.id, tag) in self.world.tags)
            ),
            reverse=is_descending,
        )

        page = self.store.find(Run, query)

        assert (page.total, [run.id for run in page]) == (len(expected), expected[:2])
        for run in self.seen[:3]:
            found = self.store.get(Run, run.id)
            assert (found is None) == (run.id not in self.world.runs)
            steps = self.world.runs[run.id].steps if found is not None else {}
            outlined = {one.id: one.status for one in self.store.outline(run.id)}
            assert outlined == {one.id: one.status for one in steps.values()}

    # Artifacts of people

    @rule(name=ANY, version=st.sampled_from((0, 0, 0, 1, 2, 7)), is_by_hand=st.booleans())
    def save_by_hand(self, name, version, *, is_by_hand):
        artifact, entry = self.made(name, version=version, saved_by="" if is_by_hand else None)

        recorded = self.store.insert_artifact(artifact)

        self.world.add_artifact(entry)
        assert recorded.version == entry.version

    @precondition(lambda self: self.world.artifacts)
    @rule(number=ANY)
    def delete_artifact_by_name(self, number):
        identifier = one_of(self.world.artifacts, number)
        view = ArtifactView(self.store.get(Artifact, identifier), self.store)
        if identifier in self.world.used():
            with pytest.raises(ConfigurationError):
                delete_artifact(self.store, view)
            return

        delete_artifact(self.store, view)

        self.world.delete_artifact(identifier)

    @precondition(lambda self: self.steps_in("completed"))
    @rule(key=st.sampled_from(("key-1", "key-2")))
    def invalidate(self, key):
        fitting = [
            step
            for step in self.world.steps().values()
            if step.key == key and step.status == "completed" and not step.is_invalidated
        ]

        assert invalidate(self.store, {"key": key}, microseconds_now()) == len(fitting)

        for step in fitting:
            step.is_invalidated = True

    # Deleting

    @precondition(lambda self: any(run.status in AT_REST for run in self.world.runs.values()))
    @rule(number=ANY, is_one=st.booleans())
    def delete_runs(self, number, *, is_one):
        at_rest = [run.id for run in self.world.runs.values() if run.status in AT_REST]
        self.delete([one_of(at_rest, number)] if is_one else list(self.world.runs)[number % 3 :])

    @precondition(lambda self: self.answering())
    @rule(number=ANY)
    def delete_what_has_answered(self, number):
        """The result of a deleted run still answers for another one, which keeps it."""
        self.delete([one_of(self.answering(), number)])
        self.collect_garbage(None, None, is_dry=False)

    def answering(self):
        """The runs at rest with results that steps of others were answered with."""
        steps = self.world.steps()
        asked = [step for step in steps.values() if step.cached_from in steps]
        runs = {steps[step.cached_from].run for step in asked if steps[step.cached_from].run != step.run}
        return sorted(run for run in runs if self.world.runs[run].status in AT_REST)

    def delete(self, chosen):
        """Delete runs; those that go on stay."""
        runs = [self.world.runs[one] for one in chosen]
        gone = [run.id for run in runs if run.status not in ("running", "stopping")]

        assert delete_runs(self.store, chosen) == gone

        self.happened["runs deleted"] += len(gone)
        for identifier in gone:
            assert self.world.delete_run(identifier)

    @rule(
        keep_last=st.sampled_from((None, 0, 0, 1)),
        older_than=st.sampled_from((None, DAY_SECONDS)),
        is_dry=st.booleans(),
    )
    def collect_garbage(self, keep_last, older_than, *, is_dry):
        """What `zenml gc` does; the dry run is asked each time, and must tell what then goes."""
        self.world.bury()
        before = microseconds_now() - int(DAY_SECONDS * 1e6) if older_than is not None else None
        runs = Retention(keep_last, older_than).runs_to_delete(self.store)
        assert sorted(run.id for run in runs) == sorted(self.world.beyond(keep_last, before))
        told = find_garbage(self.store, without_runs=[run.id for run in runs], young=0)
        if is_dry:
            return

        delete_runs(self.store, [run.id for run in runs])
        found = collect(self.store, find_garbage(self.store, young=0))

        self.happened.update(
            {
                "runs collected": len(runs),
                "artifacts collected": len(found.artifacts),
                "documents collected": len(found.documents),
            }
        )
        for run in runs:
            assert self.world.delete_run(run.id)
        assert {one.id for one in found.artifacts} == self.world.unused()
        for identifier in self.world.unused():
            self.world.delete_artifact(identifier)
        assert found.documents.keys() == self.world.unnamed_documents()
        self.world.documents -= self.world.unnamed_documents()
        assert _shape(told) == _shape(found)
        keys = {one.key for one in self.world.artifacts.values() if one.key is not None}
        assert self._folders() == keys

    @rule(name=ANY)
    def tag_what_nothing_else_keeps(self, name):
        self.save_by_hand(name, 0, is_by_hand=False)
        *_, newest = self.world.artifacts
        self.store.annotate(Notes(tags=[Tag(kind="artifact", target_id=newest, name=TAGS[0])]))
        self.world.tag("artifact", newest, TAGS[0], is_exclusive=False)
        self.collect_garbage(None, None, is_dry=False)

    def _folders(self):
        root = self.store.artifact_root
        return set(os.listdir(root)) if os.path.isdir(root) else set()


def _shape(found: Garbage):
    artifacts = sorted(one.id for one in found.artifacts)
    return artifacts, found.folders, found.staging, found.logs, found.documents, found.size
