"""What nothing refers to any more: found by one definition, explained, and removed.

Rows go first, then bytes: a crash in between leaves bytes without a row, which the next
collection finds. Whatever a process may be about to record is young, and is spared.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from zenml import fs
from zenml.artifacts.artifact_store import Kept
from zenml.artifacts.local_folders import local_folders, measure
from zenml.client.garbage_elsewhere import (
    StoreGarbage,
    garbage_in,
    list_elsewhere,
    old_enough,
    remove_elsewhere,
)
from zenml.components.registry import local_artifact_store
from zenml.records import wire
from zenml.records.ids import microseconds_now
from zenml.records.plan import ArtifactRef, Collection, Plan, StepDefinition
from zenml.records.run import Document, Run
from zenml.records.schedules import Schedule
from zenml.records.status import ENDED
from zenml.store import queries, removal
from zenml.store.migrations import BACKUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.records.run import Artifact
    from zenml.store.database import Database
    from zenml.store.removal import RunInShort

YOUNG = 3600.0
"""Seconds: what is younger may belong to a step whose end has not been recorded yet."""
FORGOTTEN = 86_400.0
"""Seconds: nobody writes a file of the store for so long, the copy of a large database included."""


class Garbage(msgspec.Struct, frozen=True):
    """What would go, with its bytes."""

    runs: tuple[Run, ...] = ()
    """Ended runs that the chosen limits do not keep."""
    ticks: int = 0
    """Times of schedules of which their ledgers tell no more."""
    artifacts: tuple[Artifact, ...] = ()
    folders: dict[str, int] = {}
    """Stored folders that no artifact names, by key."""
    staging: dict[str, int] = {}
    """What attempts have staged whose process is gone."""
    drafts: dict[str, int] = {}
    """Files that a process had begun to write when it was killed, by their path in the store."""
    logs: dict[str, int] = {}
    """Folders of logs whose run was deleted, by id of the run."""
    documents: dict[str, int] = {}
    """Plans, environments and sources that no run names."""
    elsewhere: tuple[StoreGarbage, ...] = ()
    """What would go from registered artifact stores."""
    not_reached: dict[str, str] = {}
    """Registered artifact stores that could not be asked, and why: what lies there stays, with its rows."""

    @property
    def size(self) -> int:
        """The bytes of everything; a folder that several artifacts share counts once."""
        shared: dict[str, int] = {one.key or one.id: one.size for one in self.artifacts}
        parts = (self.folders, self.staging, self.drafts, self.logs, self.documents)
        beyond = sum(one.size for one in self.elsewhere)
        return sum(shared.values()) + beyond + sum(sum(part.values()) for part in parts)


class Retention(msgspec.Struct, frozen=True):
    """Which runs are kept. Those that have not ended always are, and what is part of one goes and stays with it."""

    keep_last: int | None = None
    """How many runs of each pipeline are kept, the newest."""
    older_than: float | None = None
    """Seconds: runs that ended since are kept."""
    max_size: int | None = None
    """Bytes of artifacts, logs and documents: only as many of the oldest runs go as it takes."""

    def runs_to_delete(self, store: Database) -> list[Run]:
        """Return the runs that are not kept, the oldest first, each followed by its children."""
        families = self._beyond(store)
        if self.max_size is not None:
            families = _without_which_it_fits(store, self.max_size, families)
        return [run for family in families for run in family]

    @property
    def ticks_before(self) -> int | None:
        """What ledgers of schedules need not tell of any more: what was settled earlier, in microseconds since 1970."""
        return None if self.older_than is None else microseconds_now() - int(self.older_than * 1e6)

    def _beyond(self, store: Database) -> list[list[Run]]:
        """Return the runs beyond the first two limits, those beyond both, each with its children."""
        if self == Retention():
            return []
        store.interrupt_dead_runs()
        runs = store.select(Run)
        children: dict[str, list[Run]] = {}
        for run in runs:
            if run.parent_id is not None:
                children.setdefault(run.parent_id, []).append(run)
        needed = {run.original_id for run in runs if run.status not in ENDED} | removal.runs_in_stages(store)
        seen: dict[str, int] = {}
        found = []
        now = microseconds_now()
        for run in reversed([one for one in runs if one.parent_id is None]):
            seen[run.pipeline_name] = seen.get(run.pipeline_name, 0) + 1
            is_beyond = self.keep_last is None or seen[run.pipeline_name] > self.keep_last
            is_old = self.older_than is None or (now - (run.ended_at or now)) / 1e6 > self.older_than
            family = list(_family(run, children))
            if is_beyond and is_old and all(one.status in ENDED and one.id not in needed for one in family):
                found.append(family)
        return sorted(found, key=lambda family: family[0].ended_at or family[0].created_at)


def _family(run: Run, children: Mapping[str, Sequence[Run]]) -> Iterator[Run]:
    yield run
    for child in children.get(run.id, ()):
        yield from _family(child, children)


def _without_which_it_fits(store: Database, max_size: int, families: list[list[Run]]) -> list[list[Run]]:
    """Return the first of some runs without which what a store has fits into a size; all, if that is not enough."""
    excess = removal.size_of(store) - max_size

    def frees_enough(number: int) -> bool:
        gone = [run.id for family in families[:number] for run in family]
        return find_garbage(store, without_runs=gone).size >= excess

    fewest, most = 0, len(families)  # with more runs more is free: halved until the number is found
    while fewest < most:
        middle = (fewest + most) // 2
        if frees_enough(middle):
            most = middle
        else:
            fewest = middle + 1
    return families[:most]


def find_garbage(store: Database, *, without_runs: Sequence[str] = (), young: float = YOUNG) -> Garbage:
    """Find what nothing refers to; changes nothing.

    Args:
        store: the store to look through.
        without_runs: ids of runs that are to be deleted before: what only they refer to counts.
        young: seconds within which files are spared, because a step may be about to record them.
    """
    store.interrupt_dead_runs()
    # Bytes are listed before rows: what is recorded in between is then not taken for unused.
    files = _artifact_store(store)
    folders, staged = list(files.published()), list(files.unpublished())
    beyond = list_elsewhere(store)
    logs = list(local_folders(os.path.join(store.root, "logs")))
    sizes = removal.document_sizes(store)
    running = removal.steps_running(store)
    to_come = removal.runs_to_come(store)  # before runs: what is settled by then is among these
    gone = frozenset(without_runs)
    runs = [run for run in removal.runs_in_short(store) if run.id not in gone]
    known = {run.id for run in runs} | to_come
    named = removal.stored_keys(store)
    unnamed = [one for one in folders if one.name not in named and one.name.partition(".")[0] not in running]
    return Garbage(
        artifacts=tuple(
            one for one in _unused_artifacts(store, without_runs, young) if one.store_id not in beyond.lost
        ),
        folders=old_enough(unnamed, young),
        staging=old_enough([one for one in staged if one.name not in running], young),
        drafts=old_enough(
            [Kept(name, partial(measure, os.path.join(store.root, name))) for name in _drafts(store.root)],
            FORGOTTEN,
        ),
        logs=old_enough([one for one in logs if one.name not in known], 0),
        documents=_unused_documents(store, runs, gone, sizes),
        elsewhere=tuple(
            garbage_in(store, one, named=named, running=running, old=partial(old_enough, young=young))
            for one in beyond.listed
        ),
        not_reached=beyond.not_reached,
    )


def collect(store: Database, garbage: Garbage) -> Garbage:
    """Remove what was found, unless something refers to it by now; return what is gone."""
    gone_runs = set(removal.delete_runs(store, [run.id for run in garbage.runs]))
    gone = set(removal.delete_unused(store, [one.id for one in garbage.artifacts]))
    named = removal.named_documents(store)
    runs_left = removal.runs_in_short(store)
    still_used = _documents_in_use(store, runs_left)
    documents = {digest: size for digest, size in garbage.documents.items() if digest not in still_used}
    dynamic = _dynamic_plans(store, runs_left)
    if documents and not removal.delete_documents(store, list(documents), known=named, dynamic_plans=dynamic):
        documents = {}
    store.wait_durable()
    artifacts = tuple(one for one in garbage.artifacts if one.id in gone)
    lost = _remove_files(store, garbage, artifacts)
    runs = tuple(run for run in garbage.runs if run.id in gone_runs)
    return msgspec.structs.replace(
        garbage,
        runs=runs,
        artifacts=artifacts,
        documents=documents,
        elsewhere=tuple(one for one in garbage.elsewhere if one.name not in lost),
        not_reached={**garbage.not_reached, **lost},
    )


def _remove_files(store: Database, garbage: Garbage, artifacts: Sequence[Artifact]) -> dict[str, str]:
    """Remove files; return which registered artifact stores were not reached, and why."""
    files = _artifact_store(store)
    named = removal.stored_keys(store)
    keys = {one.key for one in artifacts if one.key is not None and one.store_id is None}
    for key in (keys | garbage.folders.keys()) - named:
        files.delete(key)
    for attempt in garbage.staging:
        files.discard(attempt)
    for path in garbage.drafts:
        fs.remove(os.path.join(store.root, path))
    for run in garbage.logs:
        fs.remove_tree(os.path.join(store.root, "logs", run))
    return remove_elsewhere(store, garbage.elsewhere, artifacts, named)


def _unused_artifacts(store: Database, without_runs: Sequence[str], young: float) -> Iterator[Artifact]:
    """Yield unused artifacts; those that the plan of a run alive, or of a schedule, names will be used.

    An artifact without a producer may have been stored for a run that is about to begin, or for a step
    of a dynamic run that was called and has not begun.
    """
    running = [run for run in removal.runs_in_short(store) if run.status not in ENDED]
    alive: list[RunInShort | Schedule] = [*running, *store.select(Schedule)]
    named = {ref for plan in _plans(store, alive) for ref in _references(plan)}
    dynamic = _dynamic_plans(store, running)
    oldest = microseconds_now() - int(young * 1e6)
    oldest = min([oldest, *(run.created_at for run in running if run.plan in dynamic)])
    for artifact in removal.unused_artifacts(store, without_runs):
        is_young = artifact.producer is None and artifact.created_at > oldest
        if artifact.id not in named and not is_young:
            yield artifact


def _unused_documents(
    store: Database, runs: Sequence[RunInShort], gone: frozenset[str], sizes: dict[str, int]
) -> dict[str, int]:
    """Return what would be deleted: nothing while a dynamic run goes on, whose next step may name any of it."""
    if _dynamic_plans(store, (run for run in runs if run.status not in ENDED)):
        return {}
    return {digest: sizes[digest] for digest in sizes.keys() - _documents_in_use(store, runs, gone)}


def _documents_in_use(
    store: Database, runs: Iterable[RunInShort], gone: frozenset[str] = frozenset()
) -> set[str]:
    runs, schedules = list(runs), store.select(Schedule)
    named: list[RunInShort | Schedule] = [*runs, *schedules]
    used = {one.plan for one in named} | {run.environment for run in runs}
    definitions: list[StepDefinition] = []
    for plan in _plans(store, named):
        definitions += plan.definitions.values()
    recorded = removal.definitions_of_runs(store, gone)
    definitions += [wire.decode(one.body, StepDefinition) for one in _documents(store, recorded)]
    used |= recorded
    used.update(part.digest for one in definitions for part in one.code_parts)
    return used


def _dynamic_plans(store: Database, runs: Iterable[RunInShort]) -> set[str]:
    """Return the digests of the plans of dynamic pipelines."""
    found = _documents(store, {run.plan for run in runs})
    return {one.digest for one in found if wire.decode(one.body, Plan).is_dynamic}


def _documents(store: Database, digests: Iterable[str]) -> Iterator[Document]:
    wanted = list(digests)
    for start in range(0, len(wanted), queries.CHUNK):
        yield from store.select(Document, digest=wanted[start : start + queries.CHUNK])


def _plans(store: Database, runs: Iterable[RunInShort | Schedule]) -> Iterator[Plan]:
    """Yield the plans of runs and schedules, each once."""
    for one in _documents(store, dict.fromkeys(run.plan for run in runs)):
        yield wire.decode(one.body, Plan)


def _references(plan: Plan) -> Iterator[str]:
    yield from plan.artifacts.values()
    for invocation in plan.invocations:
        for binding in invocation.inputs.values():
            for item in binding.items if isinstance(binding, Collection) else (binding,):
                if isinstance(item, ArtifactRef):
                    yield item.id


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def _drafts(root: str) -> Iterator[str]:
    for folder in ("", BACKUPS):
        for name in _names(os.path.join(root, folder)):
            if fs.is_draft(name):
                yield os.path.join(folder, name)


def _artifact_store(store: Database) -> ArtifactStore:
    made: ArtifactStore = local_artifact_store(store.artifact_root)
    return made
