"""How what a replay has made compares with its original: output by output, by the digests of their contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from zenml.errors import NotFoundError
from zenml.records.status import SUCCESSFUL
from zenml.views.step_outputs import outputs_of_steps, producer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.records.run import Artifact, StepRun
    from zenml.store.store import Store
    from zenml.views.run_view import RunView

Verdict = Literal["same", "differs", "new"]
NAMED = 10
"""Outputs and steps that a text names of each kind; more are counted."""


class OutputComparison(msgspec.Struct, frozen=True):
    """One output of a step that the replay has executed."""

    step: str
    """The invocation id."""
    output: str
    verdict: Verdict
    """Whether the content is that of the original; `new` where that has recorded no such output."""
    artifact_id: str
    original_artifact_id: str | None = None


class ReplayReport(msgspec.Struct, frozen=True):
    """What became of a replay, compared with its original. `print` it, or go through `outputs`."""

    original: str
    """The name of the run that is reproduced."""
    original_id: str
    outputs: tuple[OutputComparison, ...]
    """Of what was executed."""
    taken: tuple[str, ...]
    """Ids of calls whose outputs were taken from the original."""
    failed: tuple[str, ...]
    """Ids of calls that the replay did not bring to a success."""
    missing: tuple[str, ...]
    """Ids of calls that succeeded in the original, and that the replay did not make."""

    @property
    def is_same(self) -> bool:
        """Whether everything has succeeded, and with the same content."""
        return not self.failed and not self.missing and all(one.verdict == "same" for one in self.outputs)

    def of(self, verdict: Verdict) -> list[OutputComparison]:
        """Return the outputs of which this is so."""
        return [one for one in self.outputs if one.verdict == verdict]

    def lines(self) -> list[str]:
        """Return the report as text."""
        several = {one.step for one in self.outputs if one.output != "output"}
        named = {
            words: [
                f"`{one.step}`" + (f" {one.output}" if one.step in several else "")
                for one in self.of(verdict)
            ]
            for verdict, words in _WORDS.items()
        }
        named |= {
            "taken from the original": [f"`{one}`" for one in self.taken],
            "without success": [f"`{one}`" for one in self.failed],
            "not called any more": [f"`{one}`" for one in self.missing],
        }
        listed = [f"  {words}: {_told(names)}" for words, names in named.items() if names]
        return [f"Compared with run `{self.original}`:", *(listed or ["  nothing was executed"])]

    def __str__(self) -> str:
        return "\n".join(self.lines())


_WORDS: dict[Verdict, str] = {
    "same": "same content",
    "differs": "differs",
    "new": "not in the original",
}


def _told(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def read_report(run: RunView, original: RunView | None, store: Store) -> ReplayReport:
    """Compare a replay with its original.

    Raises:
        NotFoundError: the original was deleted.
    """
    if original is None:
        raise NotFoundError(
            f"The original of run `{run.name}` was deleted, so nothing can be compared with it."
        )
    own = {step.id for step in run.attempts}
    last = {step.invocation_id: step for step in run.attempts}
    done = [step for step in last.values() if step.status in SUCCESSFUL]
    executed = [step for step in done if producer_of(step) in own]
    before = {step.invocation_id: step for step in original.attempts if step.status in SUCCESSFUL}
    return ReplayReport(
        original=original.name,
        original_id=original.id,
        outputs=tuple(_compared(executed, before, store)),
        taken=tuple(step.invocation_id for step in done if producer_of(step) not in own),
        failed=tuple(step.invocation_id for step in last.values() if step.status not in SUCCESSFUL),
        missing=tuple(name for name in before if name not in last),
    )


def _compared(
    executed: list[StepRun], before: dict[str, StepRun], store: Store
) -> Iterator[OutputComparison]:
    now = outputs_of_steps(store, executed)
    then = outputs_of_steps(store, before.values())
    for step in executed:
        earlier = before.get(step.invocation_id)
        known = {} if earlier is None else _named(earlier, then.get(producer_of(earlier), []))
        for name, artifact in _named(step, now.get(producer_of(step), [])).items():
            same = known.get(name)
            if same is None:
                yield OutputComparison(step.invocation_id, name, "new", artifact.id)
            else:
                verdict: Verdict = "same" if same.digest == artifact.digest else "differs"
                yield OutputComparison(step.invocation_id, name, verdict, artifact.id, same.id)


def _named(step: StepRun, outputs: list[Artifact]) -> dict[str, Artifact]:
    """Return outputs by name; those of a run of its own by position, since its steps may use a name twice."""
    if step.child_run_id is None:
        return {artifact.output: artifact for artifact in outputs}
    if len(outputs) == 1:
        return {"output": outputs[0]}
    return {f"output_{position}": artifact for position, artifact in enumerate(outputs)}
