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
    log TEXT
);
CREATE INDEX hook_runs_by_run ON hook_runs (run_id, status);
CREATE INDEX hook_runs_by_step ON hook_runs (step_run_id) WHERE step_run_id IS NOT NULL;
