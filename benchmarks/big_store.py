"""Makes a store of very many runs within a minute: real runs, copied row by row.

    python benchmarks/big_store.py RUNS FOLDER

Some runs of each kind are made by the package itself, in a store beside. Their rows are read and
written by the table definitions of `zenml.store.schema`, so a copy has every column that a real
row has, and is signed by its own store. A copy differs from its original in what is its own: ids,
times, the name of the run, versions, cache keys. Ids are moved with the times, so they are in
order as those of real runs are.
"""

from __future__ import annotations

import glob
import hashlib
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import big_store_flow

import zenml
from zenml.execute.running import default_name
from zenml.records.ids import RunId, microseconds_now
from zenml.records.models import Model, ModelLink, ModelVersion
from zenml.records.plan import TagSpec
from zenml.records.run import (
    Artifact,
    Document,
    Metadata,
    Owner,
    Pipeline,
    Run,
    RunOutput,
    StepInput,
    StepRun,
    Tag,
    tag_on,
)
from zenml.store.database import Database
from zenml.store.opening import close_store, open_store
from zenml.store.schema import table_of

KINDS: tuple[type[Any], ...] = (
    Owner, Run, StepRun, Artifact, StepInput, RunOutput, Tag, Metadata, ModelVersion, ModelLink,
)  # fmt: skip
"""What a run consists of, in the order in which rows refer to each other."""
IDENTIFIERS = (
    "id", "run_id", "step_run_id", "artifact_id", "target_id", "producer", "saved_by", "owner_id", "cached_from",
    "version_id", "cache_key",
)  # fmt: skip
TIMES = ("created_at", "started_at", "ended_at")
SHARES = (("executed", 72), ("cached", 15), ("failed", 10), ("interrupted", 3))
"""Of a hundred runs."""
DEAD_EVERY = 2_000
BASELINE_EVERY = 1_000
APART = 5 * 60 * 1_000_000
"""Microseconds between the starts of two runs."""
ID_DIGITS = 24
AT_ONCE = 2_000
"""Runs that one transaction writes."""

Values = dict[str, Any]


@dataclass
class Template:
    """The records of one real run, by kind."""

    records: dict[type[Any], list[Any]]
    began: int
    own: frozenset[str]
    """The ids and cache keys that a copy has its own of; the others are those of a run before it."""


Templates = dict[tuple[str, str], Template]
"""By kind of run and name of pipeline."""


def make(folder: str, runs: int, *, dead_every: int = DEAD_EVERY) -> None:
    """Make a store of so many runs in a folder, the newest of which began a moment ago.

    Args:
        folder: where it is to be.
        runs: how many.
        dead_every: one run of so many is recorded as running, and its process is gone.
    """
    with _real_runs() as source:
        templates = _templates(source)
        target = Database(folder, is_durable=False)
        with target.file.write() as transaction:
            for kind in (Pipeline, Document, Model):
                table = table_of(kind)
                transaction.run_many(table.insert, [table.row(one) for one in source.select(kind)])
    copier = Copier(target, templates, microseconds_now() - runs * APART, dead_every)
    for first in range(0, runs, AT_ONCE):
        copier.write(range(first, min(first + AT_ONCE, runs)))
    copier.finish()
    target.close()


def kept(runs: int) -> str:
    """Return the folder of a store of so many runs: made once, and again when what it depends on has changed."""
    digest = hashlib.sha256()
    schema = os.path.join(os.path.dirname(zenml.__file__), "store", "migrations")
    for path in (__file__, big_store_flow.__file__, *sorted(glob.glob(os.path.join(schema, "*.sql")))):
        with open(path, "rb") as file:
            digest.update(file.read())
    folder = os.path.join(tempfile.gettempdir(), f"zenml-big-store-{runs}-{digest.hexdigest()[:12]}")
    if not os.path.exists(folder):
        draft = tempfile.mkdtemp(prefix="zenml-big-store-draft-")
        make(draft, runs)
        os.rename(draft, folder)
    return folder


@contextmanager
def _real_runs() -> Iterator[Database]:
    """Run every kind of run in a store of its own."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="zenml-real-runs-") as folder:
        os.environ |= {"ZENML_CONFIG_PATH": folder, "ZENML_DURABILITY": "relaxed", "ZENML_QUIET": "1"}
        try:
            big_store_flow.run_to_death()
            big_store_flow.run_all()
            yield open_store()
        finally:
            close_store(folder)
            os.environ.clear()
            os.environ |= before


def _templates(source: Database) -> Templates:
    found: Templates = {}
    runs = source.select(Run)
    for run in runs:
        if run.status == "running":
            found["dead", run.pipeline_name] = _template(source, run)
    source.interrupt_dead_runs()
    for run in source.select(Run):
        kind = {"completed": "executed", "failed": "failed", "interrupted": "interrupted"}[run.status]
        if (kind, run.pipeline_name) in found:
            kind = "cached"
        found[kind, run.pipeline_name] = _template(source, run)
    return found


def _template(source: Database, run: Run) -> Template:
    steps = source.select(StepRun, run_id=run.id)
    ids = [one.id for one in steps]
    artifacts = source.select(Artifact, producer=ids)
    noted = [run.id, *ids, *(one.id for one in artifacts)]
    versions = source.select(ModelVersion, run_id=run.id)
    records: dict[type[Any], list[Any]] = {
        Owner: source.select(Owner, id=run.owner_id),
        Run: [run],
        StepRun: steps,
        Artifact: artifacts,
        StepInput: source.select(StepInput, step_run_id=ids),
        RunOutput: source.select(RunOutput, run_id=run.id),
        Tag: source.select(Tag, target_id=noted),
        Metadata: source.select(Metadata, target_id=noted),
        ModelVersion: versions,
        ModelLink: source.select(ModelLink, version_id=[one.id for one in versions]),
    }
    own = [one.id for listed in (Owner, Run, StepRun, Artifact, ModelVersion) for one in records[listed]]
    own += [one.cache_key for one in steps if one.cache_key is not None and one.cached_from is None]
    return Template(records, run.created_at, frozenset(own))


class Copier:
    """Writes copies of real runs into a store, each a while after the one before."""

    def __init__(self, target: Database, templates: Templates, begin: int, dead_every: int) -> None:
        self._target = target
        self._templates = templates
        self._begin = begin
        self._dead_every = dead_every
        self._random = random.Random(1)
        self._rows = {
            id(one): {kind: [self._row(record) for record in one.records[kind]] for kind in KINDS}
            for one in templates.values()
        }
        self._pipelines = {kind: sorted(name for k, name in templates if k == kind) for kind, _ in templates}
        self._versions: Counter[tuple[type[Any], str]] = Counter()
        """The last version of each artifact and of each model."""
        self._latest: dict[str, dict[str, str]] = {}
        """By pipeline: what became of the ids in the last executed run, whose results are used again."""

    def _row(self, record: Any) -> Values:
        """Return the values of a record as the target holds it."""
        values = table_of(type(record)).row(record)
        if isinstance(record, Artifact):
            values["signature"] = self._target.sign(record)
        return values

    def write(self, numbers: range) -> None:
        """Write some runs in one transaction."""
        rows: dict[type[Any], list[Values]] = {kind: [] for kind in KINDS}
        for number in numbers:
            self._copy(number, rows)
        with self._target.file.write() as transaction:
            for kind, listed in rows.items():
                transaction.run_many(table_of(kind).insert, listed)

    def finish(self) -> None:
        """Write what belongs to no single run."""
        for (kind, name), number in self._versions.items():
            if kind is ModelVersion:
                (model,) = self._target.select(Model, name=name)
                self._target.update(Model, model.id, last_number=number)

    def _copy(self, number: int, rows: dict[type[Any], list[Values]]) -> None:
        kind, name = self._choose(number)
        template = self._templates[kind, name]
        shift = self._begin + number * APART - template.began
        ids = dict(self._latest.get(name, {}))
        ids.update((one, self._moved(one, shift)) for one in template.own)
        if kind == "executed":
            self._latest[name] = ids
        for of_kind, listed in self._rows[id(template)].items():
            for values in listed:
                copy = {column: self._value(column, value, ids, shift) for column, value in values.items()}
                self._number(of_kind, copy)
                rows[of_kind].append(copy)
        if number % BASELINE_EVERY == 0:
            tag = tag_on("run", RunId(rows[Run][-1]["id"]), TagSpec("baseline"))
            rows[Tag].append(table_of(Tag).row(tag))

    def _choose(self, number: int) -> tuple[str, str]:
        """Return which run is copied: its kind, and its pipeline."""
        kind = "dead"
        if number % self._dead_every != self._dead_every - 1:
            kind = self._random.choices([one for one, _ in SHARES], [share for _, share in SHARES])[0]
        name = self._random.choice(self._pipelines[kind])
        needs_another = kind in ("cached", "failed") and name not in self._latest
        return ("executed" if needs_another else kind), name

    def _moved(self, identifier: str, shift: int) -> str:
        """Return an id of another time, or another cache key."""
        if len(identifier) != ID_DIGITS:
            return f"{self._random.getrandbits(160):040x}"
        return f"{int(identifier[:13], 16) + shift:013x}{self._random.getrandbits(44):011x}"

    def _value(self, column: str, value: Any, ids: dict[str, str], shift: int) -> Any:
        if value is None:
            return None
        if column in TIMES:
            return value + shift
        return ids.get(value, value) if column in IDENTIFIERS else value

    def _number(self, kind: type[Any], values: Values) -> None:
        """Give a copy what is unique beside its id: the name of a run, the version of an artifact or a model."""
        if kind is Run:
            values["name"] = default_name(values["pipeline_name"], values["created_at"])
        elif kind is Artifact:
            self._versions[kind, values["name"]] += 1
            values["version"] = self._versions[kind, values["name"]]
        elif kind is ModelVersion:
            self._versions[kind, values["model_name"]] += 1
            values["number"] = self._versions[kind, values["model_name"]]
            values["name"] = str(values["number"])


if __name__ == "__main__":
    begin = time.perf_counter()
    make(sys.argv[2], int(sys.argv[1]))
    print(f"{sys.argv[1]} runs in {time.perf_counter() - begin:.1f} s")
