"""Running small pipelines in this process, and watching what the engine does."""

import threading
from contextlib import contextmanager

from zenml.compile.compiler import Compiled, compile_pipeline
from zenml.declare.pipeline import pipeline
from zenml.execute.running import run_plan
from zenml.records.run import StepRun
from zenml.store.database import Database
from zenml.testing import VirtualClock

SECONDS = 20


class Recorder:
    """A reporter that remembers everything, in order."""

    def __init__(self, on_step=None):
        self.events = []
        self.notes = []
        self.ended = None
        self._on_step = on_step

    def run_started(self, run, plan):
        self.run = run

    def step_added(self, invocation):
        self.added = [*getattr(self, "added", []), invocation.id]

    def children(self, counts):
        pass

    def waiting(self, counts):
        pass

    def step(self, step):
        self.events.append((step.invocation_id, step.status))
        if self._on_step:
            self._on_step(step)

    def note(self, text):
        self.notes.append(text)

    def progress(self, step_run_id, progress):
        self.events.append((step_run_id, f"{progress.done:g} of {progress.total}"))

    def run_ended(self, run):
        self.ended = run

    def close(self):
        pass

    def statuses(self, status):
        return [name for name, seen in self.events if seen == status]


class Result:
    """An ended run with what was reported and recorded of it."""

    def __init__(self, ended, recorder, store):
        self.ended, self.recorder, self.store = ended, recorder, store
        self.status = ended.run.status
        self.errors = dict(ended.failures)

    @property
    def states(self):
        """The recorded state of each step: that of its last attempt."""
        return {step.invocation_id: step.status for step in self.attempts}

    @property
    def attempts(self):
        return self.store.select(StepRun, run_id=self.ended.run.id)


def compiled(function, **options):
    """Compile a pipeline function; a step's code must not change before it is used again."""
    return compile_pipeline(pipeline(**options)(function), (), {})


def run(what, *, store, on_step=None, clock=None, **options):
    """Run a pipeline function, or a compiled one, on a store; failures come back as values."""
    recorder = Recorder(on_step)
    plan = what if isinstance(what, Compiled) else compiled(what, **options)
    return Result(run_plan(plan, store, reporter=recorder, clock=clock), recorder, store)


def run_in_thread(what, **options):
    """Run a pipeline in another thread; returns a function that waits for its result."""
    box = []
    thread = threading.Thread(target=lambda: box.append(run(what, **options)))
    thread.start()

    def result():
        thread.join(SECONDS)
        assert box, "the run does not end"
        return box[0]

    return result


class FlowingClock(VirtualClock):
    """Time that passes whenever nothing happens: what runs in other threads has a moment to end first."""

    def wait(self, condition, until):
        if not condition.wait(0.001):
            super().wait(condition, until)


class SteppedClock(VirtualClock):
    """Time that passes by `advance` alone, from another thread than the one that waits."""

    def __init__(self):
        super().__init__()
        self._waiting = {}
        self._changed = threading.Condition()

    def microseconds(self):
        return 1_000_000_000_000_000 + round(self.now * 1e6)

    def wait(self, condition, until):
        with self._changed:
            self._waiting[condition] = until
            self._changed.notify_all()
        if self.now < until:
            condition.wait(SECONDS)

    def wait_for(self, until):
        """Return when the engine waits until this very instant."""
        with self._changed:
            assert self._changed.wait_for(lambda: until in self._waiting.values(), SECONDS), self._waiting

    def advance(self, seconds):
        super().advance(seconds)
        with self._changed:
            waiting = list(self._waiting)
        for condition in waiting:
            with condition:
                condition.notify_all()


class WatchedStore:
    """A store that calls `before` when a run's transaction begins; `before` may raise."""

    def __init__(self, before, store=None):
        self.inner = store or Database(":memory:")
        self.before = before

    def __getattr__(self, name):
        return getattr(self.inner, name)

    @contextmanager
    def run_transaction(self, run):
        self.before()
        with self.inner.run_transaction(run) as transaction:
            yield transaction


def wait(event):
    assert event.wait(SECONDS), "nobody came"
