"""The story of a run: record it, execute it, record its end, and give the caller what it needs.

open store → start run → engine → end run → wait until it is on the disk → raise or return
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from zenml.compile.run_names import with_times
from zenml.components.artifact_stores import artifact_stores
from zenml.errors import ConfigurationError, RunStoppedError
from zenml.execute import conditions
from zenml.execute.environment import current_changes, current_environment
from zenml.execute.model_linking import asked_models
from zenml.execute.run_secrets import read_secrets
from zenml.execute.signals import Signals
from zenml.logs.step_log import StepLog
from zenml.records import wire
from zenml.records.ids import PipelineId, RunId, ScheduleId, microseconds_now, new_id
from zenml.records.run import Artifact, Run
from zenml.store.store import RunDocuments
from zenml.worker import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.compile.compiler import Compiled
    from zenml.execute.clock import Clock
    from zenml.execute.conditions import Conditions
    from zenml.execute.engine import Engine
    from zenml.execute.hooks import Hooks
    from zenml.execute.resumption import Resumption
    from zenml.execute.run_stack import RunStack
    from zenml.execute.workers import Workers
    from zenml.logs.output import Capture
    from zenml.reporting.reporter import Reporter
    from zenml.store.store import Store


class Ended(msgspec.Struct, frozen=True):
    """An ended run, as its caller sees it."""

    run: Run
    artifacts: dict[tuple[str, str], Artifact]
    failures: tuple[tuple[str, BaseException], ...] = ()


class Family(msgspec.Struct, frozen=True):
    """What a run is told that the function of another one calls."""

    id: RunId
    """The id that it is to have."""
    parent_id: RunId
    depth: int
    """How many runs it is inside of."""
    attach: Callable[[Engine], None]
    """Hears of its engine before anything runs."""


class Fired(msgspec.Struct, frozen=True):
    """What a run is told that a schedule starts."""

    id: RunId
    """The id that it is to have."""
    schedule_id: ScheduleId


def run_plan(
    compiled: Compiled,
    store: Store,
    *,
    reporter: Reporter | None = None,
    clock: Clock | None = None,
    resumption: Resumption | None = None,
    family: Family | None = None,
    fired: Fired | None = None,
) -> Ended:
    """Execute a compiled plan as a new run, or go on with an earlier one; failures of steps come back as values.

    Args:
        compiled: the plan with the functions of its steps.
        store: where it is recorded.
        reporter: hears what happens; by default the one that the environment asks for.
        clock: what retries and timeouts go by; by default the real one.
        resumption: the run that is resumed.
        family: for a run that another one calls.
        fired: for a run that a schedule starts.

    Raises:
        ResumeError: the run is not to be resumed any more.
        ScheduleError: the run is not to be started by its schedule any more.
        KeyboardInterrupt, SystemExit: a signal ended the run, which is recorded as stopped.
        StoreError: the run could not be recorded.
    """
    under = conditions.of(store)
    if clock is not None:
        under = msgspec.structs.replace(under, clock=clock)
    reporter = reporter or under.open_reporter(store)
    try:
        return _run_and_report(under.prepare(compiled), store, reporter, under, resumption, family or fired)
    finally:
        reporter.close()


def _run_and_report(
    compiled: Compiled,
    store: Store,
    reporter: Reporter,
    under: Conditions,
    resumption: Resumption | None,
    origin: Family | Fired | None,
) -> Ended:
    secrets, stack = read_secrets(compiled.plan, store), under.stack(store)
    stack.check_plan(compiled.plan)
    notes = stack.check(compiled.plan.definitions.values())
    if any("resources" in one.options.settings for one in compiled.plan.definitions.values()):
        from zenml.execute.step_needs import check_plan  # most runs declare nothing

        check_plan(compiled.plan, compiled.filled)
    with Signals() as signals:
        run = (
            start_run(compiled, store, origin, stack)
            if resumption is None
            else resumption.begin(compiled, store)
        )
        reporter.run_started(run, compiled.plan)
        for note in notes:
            reporter.note(note)
        options = compiled.plan.options
        limit = options.max_parallelism or stack.parallelism(options.settings)
        stores = artifact_stores(store, stack.stack)
        stores.tell = reporter.note
        workers = under.workers(store.artifact_root, log_root(store), limit, secrets, stores)
        workers.use(stack)
        engine = under.engine(store, run, compiled, workers, reporter, under.clock)
        signals.attach(engine)
        if compiled.plan.replay is not None:
            from zenml.execute.replayed import Replayed  # most runs are none

            engine.admission.replayed = Replayed.read(store, compiled.plan.replay)
        if resumption is not None:
            resumption.tell(engine)
        if isinstance(origin, Family):
            engine.depth = origin.depth
            origin.attach(engine)
        try:
            with under.capture(_log_of(run, store)) as capture:
                _execute(engine, workers, compiled, capture)
        except BaseException:
            _try_to_end(engine)
            raise
        finally:
            workers.close()
            engine.close()
            if engine.caller is not None:
                engine.caller.close()
    store.wait_durable()
    if engine.run.status == "completed" and "model_registry" in stack.stack.components:
        from zenml.views.registering import register_models  # most stacks have none

        register_models(engine.run, engine.models.asked, stack.stack, store, reporter.note)
    reporter.run_ended(engine.run)
    unhandled = () if engine.run.status == "paused" else engine.unhandled()
    return Ended(engine.run, engine.admission.artifacts, tuple(unhandled))


def _execute(engine: Engine, workers: Workers, compiled: Compiled, capture: Capture) -> None:
    """Run everything to its end; whatever happens, the run's end is recorded and its last hooks are called."""
    try:
        engine.print_with(capture.printer)
        if engine.hooks is not None:
            engine.hooks.begin()
        engine.begin()
        if compiled.dynamic is not None:
            from zenml.execute.dynamic_session import DynamicSession  # static pipelines do without it

            DynamicSession(engine, workers, compiled, compiled.dynamic).run()
        engine.execute()
    except BaseException as error:
        problem = engine.hooks.problem if engine.hooks is not None else None
        _try_to_stop(engine, problem or _reason_of(error))
        if engine.hooks is not None:
            _try_to_finish(engine, engine.hooks, error)
        raise


def start_run(
    compiled: Compiled,
    store: Store,
    origin: Family | Fired | None = None,
    stack: RunStack | None = None,
) -> Run:
    """Record a new run and return it.

    Raises:
        ConfigurationError: there is a run of that name.
        NotFoundError: it works on a version of a model that there is not.
        ScheduleError: a schedule was to start it, and is not to any more.
    """
    plan, run_name = compiled.plan, compiled.run_name
    encoded = wire.encode(plan)
    environment, environment_body = current_environment()
    current_changes(store)  # git begins to look, and has time until the run ends
    digest = wire.digest_of(encoded)
    sources = {} if store.document(digest) is not None else compiled.sources(plan.definitions.values())
    made_with = None if stack is None else stack.as_document()
    documents = RunDocuments(encoded, environment_body, sources, made_with)
    models = asked_models(plan)
    while True:
        now = microseconds_now()
        run = Run(
            id=RunId(new_id()) if origin is None else origin.id,
            name=with_times(run_name, now) if run_name else default_name(plan.pipeline, now),
            status="running",
            pipeline_id=PipelineId(wire.digest_of(plan.pipeline.encode())[:24]) if plan.is_listed else None,
            pipeline_name=plan.pipeline,
            owner_id=store.owner().id,
            created_at=now,
            plan=digest,
            environment=environment,
            options=plan.options,
            parameters=plan.parameters,
            variables=macs_of(compiled.filled.variables, store),
            parent_id=origin.parent_id if isinstance(origin, Family) else None,
            original_id=None
            if plan.replay is None or plan.replay.original is None
            else RunId(plan.replay.original),
            stack=None if made_with is None else made_with[0],
            schedule_id=origin.schedule_id if isinstance(origin, Fired) else None,
        )
        if store.start_run(run, documents, models):
            return run
        if run_name is not None and with_times(run_name, now) == with_times(run_name, now + 1):
            raise ConfigurationError(
                f"There is already a run named `{run.name}`. Choose another `run_name`, "
                "or leave it out and get a name with the time in it."
            )
        # Another process began a run of this pipeline in the very same microsecond: take a later one.


def macs_of(variables: Mapping[str, str], store: Store) -> dict[str, str]:
    """Return the HMAC of what each expression of a placeholder stands for."""
    return {expression: store.mac(f"variable {expression}", value) for expression, value in variables.items()}


def failure_of(ended: Ended) -> BaseException | None:
    """Return the exception the caller of a failed run gets: the first step's own, with notes on the rest."""
    if not ended.failures:
        return None
    (step, error), *others = ended.failures
    failures.add_note(error, failures.place_of(step, ended.run))
    for other, cause in others:
        text = f"{type(cause).__name__}: {failures.text_of(cause)}"
        failures.add_note(error, f"Step `{other}` failed too: {text}")
    return error


def default_name(pipeline: str, created_at: int) -> str:
    """Return a readable name that no other run has: the pipeline, the time, and microseconds."""
    moment = datetime.fromtimestamp(created_at / 1e6)  # noqa: DTZ006  local time: people read it
    return f"{pipeline}-{moment:%Y_%m_%d-%H_%M_%S}_{created_at % 1_000_000:06d}"


def log_root(store: Store) -> str:
    """Return the folder of a store's logs, "" where there is none."""
    return "" if store.root == ":memory:" else f"{store.root}/logs"


def _log_of(run: Run, store: Store) -> StepLog | None:
    """Return the log for what is printed outside the steps of a run."""
    folder = log_root(store)
    if not folder or run.options.enable_step_logs is False:
        return None
    return StepLog(f"{folder}/{run.id}/run.log")


def _try_to_stop(engine: Engine, reason: str) -> None:
    """Record that a run was stopped; what made it stop is raised whatever happens here."""
    try:
        engine.stop(reason)
    except Exception as failure:  # the first error is the one to raise
        if not isinstance(failure, RunStoppedError):
            engine.reporter.note(f"The end of run `{engine.run.name}` could not be recorded: {failure}")


def _try_to_finish(engine: Engine, hooks: Hooks, error: BaseException) -> None:
    """Call the last hooks of a run that did not go to its end; only a signal ends that early."""
    try:
        hooks.finish(engine.run, error)
    except Exception as failure:  # the first error is the one to raise
        engine.note(f"The hooks of run `{engine.run.name}` could not be recorded: {failure}")


def _try_to_end(engine: Engine) -> None:
    """Report the end of a run that did not go to its end, if it could be recorded."""
    if engine.run.status == "running":
        return
    try:
        engine.store.wait_durable()
        engine.reporter.run_ended(engine.run)
    except Exception as failure:  # the first error is the one to raise
        engine.reporter.note(f"The end of run `{engine.run.name}` could not be recorded: {failure}")


def _reason_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted from the keyboard"
    if isinstance(error, SystemExit):
        return "asked to end by SIGTERM"
    if isinstance(error, RunStoppedError) and error.reason is not None:
        return error.reason
    return f"{type(error).__name__}: {error}"
