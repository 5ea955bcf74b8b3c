"""What a run has finished before it was resumed: each result is used once, and not made again.

A call finds its result under its own id and the same cache key. Else the same content counts under another
id that nothing else wants: the calls of a dynamic pipeline may come in another order, and so may be numbered
otherwise. Whether caching is on, how old a result may be, and what is to be refreshed, do not matter here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.execute import recording
from zenml.execute.recorded_children import RecordedChildren
from zenml.records.ids import microseconds_now
from zenml.records.run import Artifact, StepRun
from zenml.records.status import SUCCESSFUL
from zenml.views.step_outputs import outputs_of_steps, producer_of
from zenml.worker import kept_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.compile.cache_key import CacheKey
    from zenml.records.ids import RunId
    from zenml.records.task import StepOutcome
    from zenml.store.store import Store
    from zenml.worker.kept_outcomes import Kept

PAUSED = "its run is paused until there is an answer"
"""Why the attempt of a call is over whose run asks a person."""
_WORDS = {
    "interrupted": "it was interrupted",
    "failed": "it had failed",
    "retried": "it had failed",
    "stopped": "it was stopped",
    "skipped": "it was skipped",
}
"""By the state of the last attempt: why there is another one."""


class Finished(msgspec.Struct, frozen=True):
    """A result that the run has recorded."""

    step: StepRun
    artifacts: tuple[Artifact, ...]
    is_last: bool
    """Whether no later attempt of its call is recorded."""


class Recorded:
    """The attempts of one run that were recorded before it was resumed."""

    def __init__(
        self,
        steps: Iterable[StepRun],
        artifacts: Mapping[str, list[Artifact]],
        children: RecordedChildren | None = None,
    ) -> None:
        self._children = children or RecordedChildren((), ())
        self.attempts: dict[str, int] = {}
        """How many attempts there were, by invocation id."""
        self.reused: list[StepRun] = []
        """Attempts whose results were taken and not yet told of."""
        self._last: dict[str, StepRun] = {}
        self._finished: dict[str, list[Finished]] = {}
        self._done: dict[str, list[StepRun]] = {}
        """By invocation id: its attempts that succeeded."""
        self._keys: dict[str, str] = {}
        self._taken: set[str] = set()
        self.kept: list[str] = []
        """Ids of the attempts that may have kept an outcome: their owner died before it removed it."""
        self._outcomes: dict[tuple[str, str], tuple[StepRun, Kept]] = {}
        """By call and key: isolated attempts, and what they came to that was not recorded any more."""
        listed = list(steps)
        for step in listed:
            known = self._last.get(step.invocation_id)
            if known is None or known.attempt <= step.attempt:
                self._last[step.invocation_id] = step
            self.attempts[step.invocation_id] = max(self.attempts.get(step.invocation_id, 0), step.attempt)
        for step in listed:
            if step.status in SUCCESSFUL and step.cache_key is not None:
                if step.child_run_id is not None and producer_of(step) not in artifacts:
                    continue  # what it returned is not all there any more
                outputs = tuple(artifacts.get(producer_of(step), ()))
                is_last = self._last[step.invocation_id] is step
                self._finished.setdefault(step.cache_key, []).append(Finished(step, outputs, is_last))
                self._done.setdefault(step.invocation_id, []).append(step)

    @classmethod
    def read(cls, store: Store, run_id: str) -> Recorded:
        """Read what a run has recorded, in a few reads however many steps it has."""
        steps = store.select(StepRun, run_id=run_id)
        recorded = cls(steps, outputs_of_steps(store, steps), RecordedChildren.read(store, steps))
        recorded._read_outcomes(store)
        recorded.kept = kept_outcomes.left_of(store.artifact_root, [step.id for step in steps])
        return recorded

    def _read_outcomes(self, store: Store) -> None:
        """Find what attempts that were interrupted had come to, whose owner died before it recorded that."""
        for step in self._last.values():
            if step.status == "interrupted" and step.cache_key is not None:
                kept = kept_outcomes.read(store.artifact_root, step.id, kept_outcomes.seal_of(store, step.id))
                if kept is not None:
                    self._outcomes[step.invocation_id, step.cache_key] = step, kept

    def take_outcome(
        self, step: StepRun, artifacts: ArtifactStore
    ) -> tuple[StepOutcome, list[kept_outcomes.Told]] | None:
        """Return, once, what an earlier attempt of an isolated step had come to and had said, if that counts for this one."""
        before, kept = self._outcomes.pop((step.invocation_id, step.cache_key or ""), (None, None))
        if before is None or kept is None or not recording.are_there(kept.outcome.outputs, artifacts):
            return None
        now = microseconds_now()
        outcome = msgspec.structs.replace(kept.outcome, started_at=now, ended_at=now)
        return outcome, kept.told_of(before.id, step.id)

    def announce(self, identifier: str, key: str) -> None:
        """Note the key that a call has now, so that results which it does not want are free for others."""
        self._keys[identifier] = key

    def take(self, identifier: str, key: str, known: Mapping[str, object]) -> Finished | None:
        """Return a result for a call, which nothing else gets; None if there is none.

        Args:
            identifier: the call.
            key: its cache key.
            known: the calls of the run by id, as far as they are known.
        """
        found = [one for one in self._finished.get(key, ()) if one.step.id not in self._taken]
        own = [one for one in found if one.step.invocation_id == identifier]
        last = self._last.get(identifier)
        if not own and last is not None and last.cache_key == key:
            return None  # the call itself began and did not finish: what is under other ids is of other calls
        free = [one for one in found if self._is_free(one.step, known)]
        chosen = own[-1] if own else free[0] if free else None
        if chosen is not None:
            self._taken.add(chosen.step.id)
        return chosen

    def child(self, identifier: str, key: str, known: Mapping[str, object]) -> RunId | None:
        """Return the run that the call of a pipeline goes on with, once; None if it is to be a new one."""
        return self._children.go_on_with(identifier, key, lambda step: self._is_free(step, known))

    def take_own(self, identifier: str) -> Finished | None:
        """Return the last result of a call, whatever its key was, unless something else got it."""
        for step in reversed(self._done.get(identifier, ())):
            if step.id in self._taken:
                continue
            self._taken.add(step.id)
            return next(one for one in self._finished[step.cache_key or ""] if one.step is step)
        return None

    def tell_reused(self) -> list[StepRun]:
        """Return, once, the attempts whose results were taken, as a reporter is told of them."""
        reused, self.reused = self.reused, []
        return [msgspec.structs.replace(step, status="cached", reason="done before") for step in reused]

    def _is_free(self, step: StepRun, known: Mapping[str, object]) -> bool:
        """Tell whether the call that a result is recorded under does not want it."""
        identifier = step.invocation_id
        if identifier in self._keys:
            return self._keys[identifier] != step.cache_key
        return identifier not in known

    def reason(self, identifier: str, key: CacheKey) -> str | None:
        """Return why a call is executed that has no result, once; None where nothing of it is recorded."""
        last = self._last.pop(identifier, None)
        if last is None:
            return None
        if (identifier, key.digest) in self._outcomes:
            return "it was done, and only its record was missing"
        done = self._done.get(identifier)
        if not done:
            words = (
                "it was paused" if last.reason == PAUSED else _WORDS.get(last.status, "the run was resumed")
            )
            return words if last.child_run_id is None else f"{words}, and goes on"
        newest = max(done, key=lambda step: step.attempt)
        if any(step.cache_key == key.digest for step in done):
            return "its stored output is damaged or gone"
        return f"{differing(newest.key_parts, key.parts)} since it was done"


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return a clause that says which parts of a cache key differ: "its code and its input `x` changed"."""
    names = sorted(
        (name for name in {**before, **after} if before.get(name) != after.get(name)),
        key=lambda name: (name != "code", name),
    )
    listed = [_part(name) for name in names] or ["something that its cache key counts"]
    return (" and ".join(listed) if len(listed) < 3 else f"{', '.join(listed[:2])} and more") + " changed"


def _part(name: str) -> str:
    kind, _, rest = name.partition(":")
    if not rest:
        return {"code": "its code", "outputs": "its outputs"}.get(kind, f"its `{kind}`")
    label = rest.partition(":-")[0] if kind == "variable" else rest
    return {"input": "its input", "variable": "the variable", "secret": "the secret"}.get(kind, kind) + (
        f" `{label}`"
    )
