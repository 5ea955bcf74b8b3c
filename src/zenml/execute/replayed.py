"""What a replay takes from the run that it reproduces, instead of executing it again.

A call finds its result under its own id and the same cache key, else under another id that nothing else wants, as a
resumed run does. What is left is found by the id alone: code and inputs may have changed, since it is taken and not
made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.execute import recording
from zenml.execute.recorded import Recorded, differing
from zenml.records.run import Run
from zenml.records.status import SUCCESSFUL
from zenml.views.run_view import RunView
from zenml.views.step_outputs import outputs_of_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.compile.cache_key import CacheKey
    from zenml.execute.recorded import Finished
    from zenml.records.plan import Replay, StepDefinition
    from zenml.records.run import StepRun
    from zenml.store.store import Store


class Replayed:
    """The results that one replay takes.

    Args:
        run: the name of the run that it reproduces.
        recorded: the results.
        names: of the steps whose results they are, by step run.
    """

    def __init__(self, run: str, recorded: Recorded, names: Mapping[str, str]) -> None:
        self._run = run
        self._recorded = recorded
        self._names = names
        self._missed: dict[str, str] = {}
        """By call: why its result was not taken."""

    @classmethod
    def read(cls, store: Store, replay: Replay) -> Replayed:
        """Read what a replay takes."""
        run = None if replay.original is None else store.get(Run, replay.original)
        if run is None or not (replay.skip or replay.skips_successful):
            return cls("" if run is None else run.name, Recorded((), {}), {})
        view = RunView(run, store)
        steps = steps_to_take(view, replay)
        names = {str(step.id): view.definition(step.definition).name for step in steps}
        return cls(run.name, Recorded(steps, outputs_of_steps(store, steps)), names)

    def announce(self, identifier: str, key: str) -> None:
        """Note the key that a call has now."""
        self._recorded.announce(identifier, key)

    def take(
        self,
        identifier: str,
        key: CacheKey,
        definition: StepDefinition,
        known: Mapping[str, object],
        artifacts: ArtifactStore,
    ) -> Finished | None:
        """Return the result for a call, which nothing else gets; None if it is to be executed."""
        found = self._recorded.take(identifier, key.digest, known) or self._recorded.take_own(identifier)
        if found is None:
            return None
        why = self._unfit(found, definition, artifacts)
        if why is not None:
            self._missed[identifier] = why
        return found if why is None else None

    def reason(self, found: Finished, key: CacheKey) -> str:
        """Return what the record of a call says whose result was taken."""
        said = f"taken from run `{self._run}`"
        if found.step.cache_key == key.digest:
            return said
        return f"{said}, although {differing(found.step.key_parts, key.parts)}"

    def missed(self, identifier: str) -> str | None:
        """Return why a call is executed whose result was to be taken; None if it was not to be."""
        return self._missed.get(identifier)

    def _unfit(self, found: Finished, definition: StepDefinition, artifacts: ArtifactStore) -> str | None:
        """Return why a result cannot stand for a call."""
        if self._names[found.step.id] != definition.name:
            return f"another step had its id in run `{self._run}`"
        names = {artifact.output for artifact in found.artifacts}
        if not definition.is_pipeline and names != {output.name for output in definition.outputs}:
            return f"it had other outputs in run `{self._run}`"
        if not recording.is_whole(found.artifacts, definition, artifacts):
            return f"its stored output in run `{self._run}` is damaged or gone"
        return None


def steps_to_take(run: RunView, replay: Replay) -> list[StepRun]:
    """Return the attempts of a run whose results a replay takes: of each call the last that succeeded."""
    last: dict[str, StepRun] = {}
    done: dict[str, StepRun] = {}
    for step in run.attempts:
        last[step.invocation_id] = step
        if step.status in SUCCESSFUL:
            done[step.invocation_id] = step
    wanted = set(replay.skip)
    return [
        step
        for name, step in done.items()
        if (replay.skips_successful and last[name] is step)
        or not wanted.isdisjoint((name, run.definition(step.definition).name, step.invocation.map))
    ]


def names_of(run: RunView, steps: Iterable[StepRun]) -> set[str]:
    """Return by which names steps of a run can be meant: ids of calls, and names of steps."""
    found = set()
    for step in steps:
        found |= {step.invocation_id, run.definition(step.definition).name}
    return found


def maps_of(steps: Iterable[StepRun]) -> set[str]:
    """Return the names of the maps whose elements steps are."""
    return {step.invocation.map for step in steps if step.invocation.map is not None}
