"""The story of a run: record it, execute it, record its end, and give the caller what it needs.

open store → start run → engine → end run → wait until it is on the disk → raise or return
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from zenml.errors import RunStoppedError
from zenml.execute import failures
from zenml.execute.engine import Engine
from zenml.execute.environment import current_changes, current_environment
from zenml.execute.output import Capture
from zenml.execute.reporter import choose_reporter
from zenml.execute.signals import Signals
from zenml.execute.workers import Workers
from zenml.records import wire
from zenml.records.ids import ArtifactId, PipelineId, RunId, microseconds_now, new_id, short
from zenml.records.run import Artifact, Run, RunOutput
from zenml.store.store import Batch, RunDocuments

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.execute.reporter import Reporter
    from zenml.records.status import RunStatus
    from zenml.store.store import Store


class Ended(msgspec.Struct, frozen=True):
    """An ended run, as its caller sees it."""

    run: Run
    artifacts: dict[tuple[str, str], Artifact]
    failures: tuple[tuple[str, BaseException], ...] = ()


def run_plan(
    compiled: Compiled, store: Store, *, run_name: str | None = None, reporter: Reporter | None = None
) -> Ended:
    """Execute a compiled plan as a new run; failures of steps come back as values.

    Raises:
        KeyboardInterrupt, SystemExit: a signal ended the run, which is recorded as stopped.
        StoreError: the run could not be recorded.
    """
    reporter = reporter or choose_reporter()
    run = start_run(compiled, store, run_name)
    reporter.run_started(run, len(compiled.plan.invocations))
    log_folder = "" if store.root == ":memory:" else f"{store.root}/logs"
    workers = Workers(
        artifact_root(store), log_folder, compiled.plan.options.max_parallelism, compiled.externals
    )
    engine = Engine(store, run, compiled, workers, reporter)
    try:
        with Capture(), Signals(engine):
            engine.execute()
    except BaseException as error:
        reason = _reason_of(error)
        _try_to_stop(engine, store, run, reason, reporter)
        raise
    finally:
        workers.close()
    run = end_run(engine, store, run, engine.machine.verdict(), None)
    store.wait_durable()
    reporter.run_ended(run)
    return Ended(run, engine.artifacts, tuple(engine.failures))


def start_run(compiled: Compiled, store: Store, run_name: str | None) -> Run:
    """Record a new run and return it."""
    plan = compiled.plan
    encoded = wire.encode(plan)
    environment, environment_body = current_environment()
    current_changes()  # git begins to look, and has time until the run ends
    now = microseconds_now()
    run = Run(
        id=RunId(new_id()),
        name=run_name or default_name(plan.pipeline, now),
        status="running",
        pipeline_id=PipelineId(wire.digest_of(plan.pipeline.encode())[:24]) if plan.is_listed else None,
        pipeline_name=plan.pipeline,
        owner_id=store.owner().id,
        created_at=now,
        plan=wire.digest_of(encoded),
        environment=environment,
        options=plan.options,
        parameters=plan.parameters,
    )
    sources = {} if store.document(run.plan) is not None else compiled.sources()
    store.start_run(run, RunDocuments(encoded, environment_body, sources))
    return run


def end_run(engine: Engine, store: Store, run: Run, status: RunStatus, reason: str | None) -> Run:
    """Record the end of a run with its outputs."""
    failure = failures.describe(engine.failures[0][1]) if engine.failures else None
    ended = msgspec.structs.replace(
        run,
        status=status,
        ended_at=microseconds_now(),
        reason=reason,
        failure=failure,
        changes=current_changes().digest(),
    )
    batch = Batch(run=ended)
    for position, output in enumerate(engine.plan.outputs):
        artifact = engine.artifacts.get((output.ref.step, output.ref.name))
        if artifact is None:
            continue
        if output.name is not None and artifact.name != output.name:
            inline = artifact.inline
            if inline is None and artifact.key is None:
                inline = store.inline_bytes(artifact.id)
            artifact = msgspec.structs.replace(
                artifact,
                id=ArtifactId(new_id()),
                name=output.name,
                producer=None,
                inline=inline,
                created_at=ended.ended_at,
            )
            batch.aliases.append(artifact)
        batch.outputs.append(RunOutput(run_id=run.id, position=position, artifact_id=artifact.id))
    with store.run_transaction(run) as transaction:
        transaction.write(batch)
    return ended


def failure_of(ended: Ended) -> BaseException | None:
    """Return the exception the caller of a failed run gets: the first step's own, with notes on the rest."""
    if not ended.failures:
        return None
    (step, error), *others = ended.failures
    where = f"Step `{step}` of run `{ended.run.name}` failed. See: zenml run show {short(ended.run.id)}"
    if where not in getattr(error, "__notes__", ()):
        error.add_note(where)
    for other, cause in others:
        error.add_note(f"Step `{other}` failed too: {type(cause).__name__}: {cause}")
    return error


def default_name(pipeline: str, created_at: int) -> str:
    """Return a readable name that no other run has: the pipeline, the time, and microseconds."""
    moment = datetime.fromtimestamp(created_at / 1e6)  # noqa: DTZ006  local time: people read it
    return f"{pipeline}-{moment:%Y_%m_%d-%H_%M_%S}_{created_at % 1_000_000:06d}"


def artifact_root(store: Store) -> str:
    """Return the folder of a store's artifacts; a store in memory keeps them in a temporary one."""
    if store.root != ":memory:":
        return f"{store.root}/artifacts"
    import tempfile

    return tempfile.mkdtemp(prefix="zenml-")


def _try_to_stop(engine: Engine, store: Store, run: Run, reason: str, reporter: Reporter) -> None:
    """Record that a run was stopped; what made it stop is raised whatever happens here."""
    try:
        engine.stop(reason)
        run = end_run(engine, store, run, "stopped" if engine.fatal is None else "failed", reason)
        store.wait_durable()
        reporter.run_ended(run)
    except Exception as failure:  # the first error is the one to raise
        if not isinstance(failure, RunStoppedError):
            reporter.note(f"The end of run `{run.name}` could not be recorded: {failure}")


def _reason_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted from the keyboard"
    if isinstance(error, SystemExit):
        return "asked to end by SIGTERM"
    return f"{type(error).__name__}: {error}"
