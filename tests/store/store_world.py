"""What a store must hold, said once more in plain Python: the model that the real one is compared with.

It knows neither SQL nor transactions. It does by hand what the rules of the store say, and `rows` says what
the tables must then be.
"""

from dataclasses import dataclass, field

from zenml.records.status import ENDED, RESUMABLE

LIVE = ("running", "stopping")
DYNAMIC = "dynamic"
"""The name of the pipeline whose plan is dynamic."""


@dataclass
class StepEntry:
    """One attempt."""

    id: str
    run: str
    invocation: str
    attempt: int
    status: str
    key: str | None = None
    cached_from: str | None = None
    is_invalidated: bool = False
    inputs: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()


@dataclass
class RunEntry:
    """One run."""

    id: str
    name: str
    pipeline: str
    owner: str
    created_at: int
    plan: str
    environment: str
    parent: str | None = None
    epoch: int = 0
    status: str = "running"
    ended_at: int | None = None
    steps: dict[str, StepEntry] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    waits: dict[str, str] = field(default_factory=dict)

    @property
    def open_steps(self) -> list[StepEntry]:
        """The attempts that have not ended."""
        return [step for step in self.steps.values() if step.status not in ENDED]

    def attempts(self, invocation: str) -> list[StepEntry]:
        """All attempts of one call."""
        return [step for step in self.steps.values() if step.invocation == invocation]

    def interrupt_steps(self) -> None:
        """No attempt goes on."""
        for step in self.open_steps:
            step.status = "interrupted"


@dataclass
class ArtifactEntry:
    """One version of a named artifact."""

    id: str
    name: str
    version: int
    created_at: int
    producer: str | None = None
    saved_by: str | None = None
    key: str | None = None


@dataclass
class World:
    """Everything that is recorded."""

    version_id: str
    """The version of a model that artifacts are linked to."""
    runs: dict[str, RunEntry] = field(default_factory=dict)
    artifacts: dict[str, ArtifactEntry] = field(default_factory=dict)
    tags: set[tuple[str, str, str]] = field(default_factory=set)
    values: list[tuple[str, str, str]] = field(default_factory=list)
    """All that was ever logged, in that order."""
    links: set[str] = field(default_factory=set)
    highest: dict[str, int] = field(default_factory=dict)
    """By name of an artifact: the highest version that was ever given."""
    documents: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    """Owners whose lease is free."""

    def steps(self) -> dict[str, StepEntry]:
        """All attempts of all runs."""
        return {step.id: step for run in self.runs.values() for step in run.steps.values()}

    # What owners do

    def may_speak(self, run_id: str, epoch: int) -> bool:
        """Tell whether who had this epoch may still write for the run."""
        run = self.runs.get(run_id)
        return run is not None and run.epoch == epoch and run.status in LIVE

    def may_start(self, run_id: str, epoch: int, status: str) -> bool:
        """Tell whether an attempt may begin."""
        return self.may_speak(run_id, epoch) and (
            self.runs[run_id].status == "running" or status == "skipped"
        )

    def may_end(self, run_id: str, epoch: int, status: str) -> bool:
        """Tell whether the run may end so."""
        if not self.may_speak(run_id, epoch):
            return False
        return self.runs[run_id].status == "running" or status not in ("completed", "paused")

    def add_artifact(self, artifact: ArtifactEntry) -> None:
        """Record an artifact; one without a version gets the next one, and no number twice."""
        taken = {one.version for one in self.artifacts.values() if one.name == artifact.name}
        if not artifact.version or artifact.version in taken:
            artifact.version = self.highest.get(artifact.name, 0) + 1
        self.highest[artifact.name] = max(self.highest.get(artifact.name, 0), artifact.version)
        self.artifacts[artifact.id] = artifact

    def bury(self) -> list[str]:
        """Interrupt what the dead have left; return the ids of their runs."""
        found = [run for run in self.runs.values() if run.owner in self.dead and run.status in LIVE]
        for run in found:
            run.status, run.epoch, run.ended_at = "interrupted", run.epoch + 1, -1
            run.interrupt_steps()
        return [run.id for run in found]

    def stop(self, run_id: str, now: int) -> bool:
        """Ask a run to stop; a paused one ends with what waits inside of it."""
        run = self.runs.get(run_id)
        if run is None or run.status not in ("running", "paused"):
            return False
        if run.status == "running":
            run.status = "stopping"
            return True
        for one in (self.runs[identifier] for identifier in self.family(run_id)):
            if one.status == "paused":
                one.status, one.epoch, one.ended_at = "stopped", one.epoch + 1, now
        return True

    def resume(self, run_id: str, epoch: int, owner: str) -> bool:
        """Have another owner go on with a run, if it is as that owner has seen it."""
        run = self.runs.get(run_id)
        if run is None or run.epoch != epoch - 1 or run.status not in RESUMABLE:
            return False
        run.status, run.epoch, run.owner, run.ended_at, run.outputs = "running", epoch, owner, None, ()
        run.interrupt_steps()
        return True

    # What people do

    def tag(self, kind: str, target: str, name: str, *, is_exclusive: bool) -> None:
        """Put a tag on; an exclusive one leaves the others of the pipeline, or of the name."""
        self.tags.add((kind, target, name))
        if is_exclusive:
            group = {run.id: run.pipeline for run in self.runs.values()}
            if kind == "artifact":
                group = {one.id: one.name for one in self.artifacts.values()}
            self.tags -= {
                (a, b, c)
                for a, b, c in self.tags
                if a == kind and c == name and b != target and group.get(b) == group[target]
            }

    def delete_run(self, run_id: str) -> bool:
        """Delete a run with all that is said of it, unless it goes on."""
        run = self.runs.get(run_id)
        if run is None or run.status in LIVE:
            return False
        del self.runs[run_id]
        for other in self.runs.values():
            if other.parent == run_id:
                other.parent = None
        # What was said of a step holds for the steps that were answered with its result.
        kept = self.steps().keys() | self._answering()
        steps = {target for kind, target, _ in (*self.tags, *self.values) if kind == "step"} - kept
        self._forget({("run", run_id)} | {("step", step) for step in steps})
        return True

    def delete_artifact(self, artifact_id: str) -> None:
        """Delete an artifact with what is said of it."""
        del self.artifacts[artifact_id]
        self._forget({("artifact", artifact_id)})

    def _forget(self, targets: set[tuple[str, str]]) -> None:
        self.tags = {one for one in self.tags if one[:2] not in targets}
        self.values = [one for one in self.values if one[:2] not in targets]

    def _answering(self) -> set[str]:
        return {step.cached_from for step in self.steps().values() if step.cached_from is not None}

    # What is to be found

    def answer(self, key: str) -> tuple[str, bool] | None:
        """Return the step run that the cache knows of a key, and whether it is finished."""
        steps = [one for one in self.steps().values() if one.key == key and not one.is_invalidated]
        for status in ("completed", "running"):
            found = [one.id for one in steps if one.status == status]
            if found:
                return max(found), status == "completed"
        return None

    def used(self) -> set[str]:
        """Return the artifacts that something but their being saved refers to."""
        steps = self.steps()
        kept = self.links | {target for kind, target, _ in self.tags if kind == "artifact"}
        for run in self.runs.values():
            kept |= {*run.outputs, *(one for step in run.steps.values() for one in step.inputs)}
        makers = steps.keys() | self._answering()
        return kept | {one.id for one in self.artifacts.values() if one.producer in makers}

    def unused(self) -> set[str]:
        """Return the artifacts that are to be collected."""
        savers = self.steps().keys() | {""}
        began = [run.created_at for run in self.runs.values() if self._is_dynamic_and_goes_on(run)]
        return {
            one.id
            for one in self.artifacts.values()
            if one.saved_by not in savers
            and not (one.producer is None and began and one.created_at > min(began))
        } - self.used()

    def unnamed_documents(self) -> set[str]:
        """Return the documents that no run names; none while a dynamic run goes on."""
        if any(self._is_dynamic_and_goes_on(run) for run in self.runs.values()):
            return set()
        return self.documents - {
            digest for run in self.runs.values() for digest in (run.plan, run.environment)
        }

    def beyond(self, keep_last: int | None, before: int | None) -> list[str]:
        """Return the runs that limits do not keep, with what is inside them; all of it has to have ended."""
        if keep_last is None and before is None:
            return []
        found, seen = [], {}
        outer = [run for run in self.runs.values() if run.parent is None]
        for run in sorted(outer, key=lambda run: run.id, reverse=True):
            seen[run.pipeline] = seen.get(run.pipeline, 0) + 1
            is_old = before is None or (run.ended_at is not None and 0 <= run.ended_at < before)
            is_beyond = keep_last is None or seen[run.pipeline] > keep_last
            family = self.family(run.id)
            if is_beyond and is_old and all(self.runs[one].status in ENDED for one in family):
                found += family
        return found

    def family(self, run_id: str) -> set[str]:
        """Return a run with the runs inside it, and inside those."""
        inside = {run_id}
        while more := {one.id for one in self.runs.values() if one.parent in inside} - inside:
            inside |= more
        return inside

    @staticmethod
    def _is_dynamic_and_goes_on(run: RunEntry) -> bool:
        return run.pipeline == DYNAMIC and run.status not in ENDED
