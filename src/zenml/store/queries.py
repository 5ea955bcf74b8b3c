"""The SQL of the special transactions, each with a sentence on what it is for.

Statements of the generic verbs are made from record fields in `store.schema`.
"""

from __future__ import annotations

from zenml.records.run import Artifact, StepRun
from zenml.store.schema import table_of

CHUNK = 500
"""Values bound to one `IN`: safely below the limit of any database."""

# A document, run or pipeline that exists already is left as it is.
INSERT_ONCE = "{insert} ON CONFLICT DO NOTHING"

# A step starts only while its run is recorded as running under the owner's epoch; once the run is
# to stop, it can only be skipped. An attempt that was announced has its row already.
_START_STEP = """
INSERT INTO step_runs ({columns}) SELECT {values}
WHERE EXISTS (
    SELECT 1 FROM runs WHERE id = :run_id AND epoch = :epoch
    AND (status = 'running' OR status = 'stopping' AND :status = 'skipped')
)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, cache_key = excluded.cache_key,
    key_parts = excluded.key_parts, reason = excluded.reason, cached_from = excluded.cached_from,
    started_at = excluded.started_at, ended_at = excluded.ended_at
WHERE step_runs.status = 'retrying'
"""

# A step ends only while it is recorded as running: terminal states are sinks.
END_STEP = """
UPDATE step_runs SET status = :status, ended_at = :ended_at, failure = :failure, reason = :reason, log = :log,
    cpu_time = :cpu_time, peak_memory = :peak_memory, memory_guard = :memory_guard
WHERE id = :id AND status = 'running'
"""

# A run that was asked to stop cannot complete or pause any more.
END_RUN = """
UPDATE runs SET status = :status, ended_at = :ended_at, reason = :reason, failure = :failure,
    changes = :changes
WHERE id = :id AND epoch = :epoch AND (status = 'running' OR status = 'stopping' AND :status NOT IN ('completed', 'paused'))
"""

# What steps say is written only while their run is recorded as going on under the owner's epoch.
IS_OWNED = "SELECT 1 FROM runs WHERE id = :id AND epoch = :epoch AND status IN ('running', 'stopping')"

# No step of an ended run stays running, or other runs would wait for its result; none waits for its time.
END_LEFT_STEPS = """
UPDATE step_runs SET status = 'interrupted', ended_at = :ended_at, reason = 'the run ended before it'
WHERE run_id = :id AND status IN ('running', 'retrying')
"""

# The newest finished and the newest running step run of each key, with the outputs.
LOOK_UP = """
SELECT s.cache_key, s.id, s.run_id, s.status, s.ended_at, {artifact}
FROM step_runs s LEFT JOIN artifacts a ON a.producer = s.id
WHERE s.id IN (
    SELECT max(id) FROM step_runs
    WHERE cache_key IN ({keys}) AND status IN ('completed', 'running') AND invalidated_at IS NULL
    GROUP BY cache_key, status
)
"""

# All finished and running step runs of each key, with the outputs: the newest finished one cannot be loaded here.
ALL_OF_KEYS = """
SELECT s.cache_key, s.id, s.run_id, s.status, s.ended_at, {artifact}
FROM step_runs s LEFT JOIN artifacts a ON a.producer = s.id
WHERE s.cache_key IN ({keys}) AND s.status IN ('completed', 'running') AND s.invalidated_at IS NULL
ORDER BY s.id DESC
"""

OWNERS_OF_RUNS_ALIVE = """
SELECT DISTINCT {columns} FROM owners o JOIN runs r ON r.owner_id = o.id WHERE r.status IN ('running', 'stopping')
"""

OWNERS_OF_RUNS = (
    "SELECT DISTINCT {columns} FROM owners o JOIN runs r ON r.owner_id = o.id WHERE r.id IN ({ids})"
)

# Whoever finds an owner dead raises the epoch of its runs; the two statements are one transaction.
INTERRUPT_STEPS = """
UPDATE step_runs SET status = 'interrupted', ended_at = :now, reason = :reason
WHERE status IN ('running', 'retrying')
AND run_id IN (SELECT id FROM runs WHERE owner_id = :owner AND status IN ('running', 'stopping'))
"""
INTERRUPT_RUNS = """
UPDATE runs SET status = 'interrupted', epoch = epoch + 1, ended_at = :now, reason = :reason
WHERE owner_id = :owner AND status IN ('running', 'stopping')
"""

# The outputs of executed steps.
OUTPUTS_OF = "SELECT {artifact} FROM artifacts a WHERE producer IN ({ids}) ORDER BY id"

# The runs of an owner that have not ended.
RUNS_ALIVE = "SELECT id FROM runs WHERE owner_id = :owner AND status IN ('running', 'stopping')"


def marks(count: int) -> str:
    """Return placeholders for so many values."""
    return ", ".join("?" * count)


def look_up(count: int) -> str:
    """Return the look-up of so many cache keys."""
    return LOOK_UP_ONE if count == 1 else LOOK_UP.format(artifact=ARTIFACT_COLUMNS, keys=marks(count))


# Inline bytes are left out: they are read when somebody loads the artifact.
ARTIFACT_COLUMNS = ", ".join("NULL" if name == "inline" else f"a.{name}" for name in table_of(Artifact).names)
LOOK_UP_ONE = LOOK_UP.format(artifact=ARTIFACT_COLUMNS, keys="?")

# A new artifact gets the next version of its name; the number of a deleted one is not given again.
_NEXT_VERSION = (
    "(SELECT coalesce(max(version), 0) + 1 FROM ("
    "SELECT (SELECT max(version) FROM artifacts WHERE name = :name) AS version"  # with the index, which a union has not
    " UNION ALL SELECT version FROM deleted_versions WHERE name = :name) AS versions)"
)
INSERT_ARTIFACT = table_of(Artifact).insert.replace(":version", _NEXT_VERSION)
# A version that is asked for is given unless it is taken: who asks has looked, and may have been overtaken.
_IS_TAKEN = "EXISTS (SELECT 1 FROM artifacts WHERE name = :name AND version = :version)"
INSERT_ARTIFACT_AS = table_of(Artifact).insert.replace(
    ":version", f"CASE WHEN {_IS_TAKEN} THEN {_NEXT_VERSION} ELSE :version END"
)
START_STEP = _START_STEP.format(
    columns=", ".join(table_of(StepRun).names),
    values=", ".join(f":{name}" for name in table_of(StepRun).names),
)
