-- What the variables of a run's configuration stood for, and schedules.

ALTER TABLE runs ADD COLUMN variables TEXT NOT NULL DEFAULT '{{}}';

CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    pipeline_id TEXT REFERENCES pipelines (id),
    pipeline_name TEXT NOT NULL,
    plan TEXT NOT NULL,
    run_name TEXT,
    parameters TEXT NOT NULL,
    variables TEXT NOT NULL,
    cron_expression TEXT,
    every BIGINT,
    start_at BIGINT,
    end_at BIGINT,
    run_once_at BIGINT,
    catchup BIGINT NOT NULL,
    timezone TEXT,
    is_active BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
