-- The first schema. {bytes} is BLOB or BYTEA. Times are microseconds since 1970, UTC.

CREATE TABLE store_meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Processes that own runs.
CREATE TABLE owners (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    pid BIGINT NOT NULL,
    process_start TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE pipelines (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- Plans, environments and sources, each stored once under its digest.
CREATE TABLE documents (
    digest TEXT PRIMARY KEY,
    body {bytes} NOT NULL
);

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    pipeline_id TEXT REFERENCES pipelines (id),
    pipeline_name TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES owners (id),
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    reason TEXT,
    failure TEXT,
    plan TEXT NOT NULL,
    environment TEXT NOT NULL,
    changes TEXT,
    options TEXT NOT NULL,
    parameters TEXT NOT NULL,
    variables TEXT NOT NULL,
    parent_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
    original_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
    stack TEXT,
    schedule_id TEXT
);
CREATE INDEX runs_by_pipeline ON runs (pipeline_name, id);
-- Also of the runs that no other run called: lists begin with the newest of those, and count them.
CREATE INDEX runs_by_parent ON runs (parent_id, id);
CREATE INDEX runs_by_original ON runs (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_pipeline_and_status ON runs (pipeline_name, status, id);
-- Runs that someone may have to be found dead for.
CREATE INDEX runs_alive ON runs (owner_id) WHERE status IN ('running', 'stopping');
-- The order of `NULLS LAST` going down and of `NULLS FIRST` going up, which SQLite has by itself.
CREATE INDEX runs_by_end ON runs (ended_at{nulls_first}, id);
CREATE INDEX runs_by_schedule ON runs (schedule_id, id) WHERE schedule_id IS NOT NULL;
-- People type the last digits of an id, four or more of them.
CREATE INDEX runs_by_last_digits ON runs (substr(id, 21));

CREATE TABLE step_runs (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    invocation_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    status TEXT NOT NULL,
    definition TEXT NOT NULL,
    invocation TEXT NOT NULL,
    cache_key TEXT,
    key_parts TEXT NOT NULL,
    reason TEXT,
    cached_from TEXT,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    failure TEXT,
    log TEXT,
    invalidated_at BIGINT,
    cpu_time BIGINT,
    peak_memory BIGINT,
    memory_guard TEXT,
    child_run_id TEXT,
    UNIQUE (run_id, invocation_id, attempt)
);
-- What the cache looks up: finished results, and work in flight.
CREATE INDEX step_runs_by_key ON step_runs (cache_key, status, id)
    WHERE status IN ('completed', 'running') AND invalidated_at IS NULL;

-- Hooks that are or were due: pending from the transaction that made them due until they have run.

CREATE TABLE hook_runs (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step_run_id TEXT REFERENCES step_runs (id) ON DELETE CASCADE,
    invocation_id TEXT,
    hook TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    log TEXT,
    posted TEXT
);
CREATE INDEX hook_runs_by_run ON hook_runs (run_id, status);
CREATE INDEX hook_runs_by_step ON hook_runs (step_run_id) WHERE step_run_id IS NOT NULL;

-- Questions to people. `content` is the digest of question and schema: what else is asked under the name is another one.
CREATE TABLE waits (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    question TEXT NOT NULL,
    schema_text TEXT NOT NULL,
    status TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT,
    answer TEXT,
    answered_at BIGINT,
    answered_by TEXT,
    UNIQUE (run_id, name, content)
);

CREATE TABLE artifacts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    producer TEXT,
    saved_by TEXT,
    output TEXT NOT NULL,
    type TEXT NOT NULL,
    materializer TEXT NOT NULL,
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    inline {bytes},
    key TEXT,
    files TEXT NOT NULL,
    metadata TEXT NOT NULL,
    needs_trust BIGINT NOT NULL,
    kind TEXT NOT NULL,
    signature {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    store_id TEXT,
    UNIQUE (name, version)
);
-- With the id: whoever looks for the artifacts of thousands of steps reads no rows.
CREATE INDEX artifacts_by_producer ON artifacts (producer, id) WHERE producer IS NOT NULL;
CREATE INDEX artifacts_saved_by ON artifacts (saved_by, id) WHERE saved_by IS NOT NULL;
-- The newest of many versions: versions of a name need not be in the order in which they were made.
CREATE INDEX artifacts_by_name ON artifacts (name, id);
CREATE INDEX artifacts_by_content ON artifacts (name, digest) WHERE producer IS NULL;

-- The highest version of each name that was deleted: its number is not given again.
CREATE TABLE deleted_versions (
    name TEXT PRIMARY KEY,
    version BIGINT NOT NULL
);

CREATE TABLE step_inputs (
    step_run_id TEXT NOT NULL REFERENCES step_runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    artifact_id TEXT NOT NULL,
    PRIMARY KEY (step_run_id, name, position)
){clustered};
CREATE INDEX step_inputs_by_artifact ON step_inputs (artifact_id);

CREATE TABLE run_outputs (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    artifact_id TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
){clustered};
CREATE INDEX run_outputs_by_artifact ON run_outputs (artifact_id);

CREATE TABLE tags (
    kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    name TEXT NOT NULL,
    color TEXT,
    is_exclusive BIGINT NOT NULL,
    is_cascading BIGINT NOT NULL,
    PRIMARY KEY (kind, target_id, name)
){clustered};
CREATE INDEX tags_by_name ON tags (kind, name, target_id);

-- Values are encrypted together with their keys; name, id and key_id are bound to them.
CREATE TABLE secrets (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key_id TEXT NOT NULL,
    body {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Every value that was ever logged; the newest of a name holds.
CREATE TABLE metadata (
    kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, target_id, name, created_at)
){clustered};

CREATE TABLE models (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    about TEXT NOT NULL,
    last_number BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE model_versions (
    id TEXT PRIMARY KEY,
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    model_name TEXT NOT NULL,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    stage TEXT NOT NULL,
    description TEXT,
    run_id TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (model_id, number),
    UNIQUE (model_id, name)
);
-- Versions are found by the name of their model, the newest first.
CREATE INDEX model_versions_by_model ON model_versions (model_name, number);
-- One version of a model is in production, and one in staging.
CREATE UNIQUE INDEX model_versions_in_stage ON model_versions (model_id, stage)
    WHERE stage IN ('staging', 'production');

-- Runs and artifacts of a version. A link stays when its run is deleted.
CREATE TABLE model_links (
    version_id TEXT NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    asked TEXT NOT NULL,
    PRIMARY KEY (version_id, kind, target_id, asked)
){clustered};
CREATE INDEX model_links_by_target ON model_links (kind, target_id);

CREATE TABLE stage_changes (
    version_id TEXT NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX stage_changes_by_version ON stage_changes (version_id, created_at);

-- How long the sign of life of an owner holds, by the clock of the server. Only where hosts share a store.
CREATE TABLE heartbeats (
    owner_id TEXT PRIMARY KEY REFERENCES owners (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);

-- Components of stacks: a flavor with its configuration. The default ones are not recorded.
CREATE TABLE components (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    flavor TEXT NOT NULL,
    name TEXT NOT NULL,
    configuration TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (type, name)
);

CREATE TABLE stacks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE stack_components (
    stack_id TEXT NOT NULL REFERENCES stacks (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    component_id TEXT NOT NULL REFERENCES components (id),
    PRIMARY KEY (stack_id, type)
){clustered};
CREATE INDEX stack_components_by_component ON stack_components (component_id);

-- When pipelines are to run by themselves.
CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    pipeline_id TEXT REFERENCES pipelines (id),
    pipeline_name TEXT NOT NULL,
    plan TEXT NOT NULL,
    folder TEXT NOT NULL,
    python TEXT NOT NULL,
    run_name TEXT,
    parameters TEXT NOT NULL,
    variables TEXT NOT NULL,
    cron_expression TEXT,
    every BIGINT,
    run_once_at BIGINT,
    event TEXT,
    start_at BIGINT,
    end_at BIGINT,
    timezone TEXT,
    overlap TEXT NOT NULL,
    catchup TEXT NOT NULL,
    catchup_limit BIGINT NOT NULL,
    jitter BIGINT,
    max_runs BIGINT,
    is_active BIGINT NOT NULL,
    paused_at BIGINT,
    pause_reason TEXT,
    problem TEXT,
    since BIGINT NOT NULL,
    next_instant BIGINT,
    next_at BIGINT,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX schedules_by_next ON schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX schedules_by_event ON schedules (id) WHERE event IS NOT NULL;

-- What became of the times of schedules. Whoever adds a row has claimed what it stands for.
CREATE TABLE ticks (
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    cause TEXT NOT NULL,
    instant BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    run_id TEXT NOT NULL,
    reason TEXT,
    subject TEXT,
    last_instant BIGINT,
    count BIGINT NOT NULL,
    owner_id TEXT,
    attempts BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    ended_at BIGINT,
    settled_at BIGINT,
    alert TEXT,
    PRIMARY KEY (schedule_id, key)
);
CREATE INDEX ticks_by_instant ON ticks (schedule_id, instant);
CREATE INDEX ticks_by_run ON ticks (run_id);
CREATE INDEX ticks_unsettled ON ticks (schedule_id, due_at) WHERE settled_at IS NULL;
CREATE INDEX ticks_to_tell ON ticks (recorded_at) WHERE alert = 'due';

-- Processes that serve the schedules.
CREATE TABLE schedulers (
    owner_id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL
);
