"""Two runs side by side: their steps in pairs, by the id that a step has inside its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zenml.views.run_view import RunView
    from zenml.views.step_view import StepView


class Difference(msgspec.Struct, frozen=True):
    """Something that has one value in each run, as text; None where it is missing."""

    name: str
    before: str | None
    after: str | None


class BlindSpot(msgspec.Struct, frozen=True):
    """Something that was not compared, or not as a whole."""

    what: str
    """Such as `output train.model`."""
    why: str


class StepPair(msgspec.Struct, frozen=True):
    """A step in both runs, in its last attempt; None where it did not begin."""

    name: str
    before: StepView | None
    after: StepView | None

    @property
    def producers(self) -> tuple[str | None, str | None]:
        """The ids of the step runs that made the outputs."""
        one, other = (
            None if step is None else step.record.cached_from or step.id for step in (self.before, self.after)
        )
        return one, other


class RunPair:
    """Two runs that are compared."""

    def __init__(self, before: RunView, after: RunView) -> None:
        self.before, self.after = before, after
        self.steps = [
            StepPair(name, before.steps.get(name), after.steps.get(name))
            for name in {**before.steps, **after.steps}
        ]

    def both(self) -> Iterator[tuple[str, StepView, StepView]]:
        """Yield the steps that began in both runs."""
        for pair in self.steps:
            if pair.before is not None and pair.after is not None:
                yield pair.name, pair.before, pair.after


def differences(
    before: Mapping[str, str], after: Mapping[str, str], prefix: str = ""
) -> Iterator[Difference]:
    """Yield what two mappings do not share, by name."""
    for name in sorted({**before, **after}):
        if before.get(name) != after.get(name):
            yield Difference(f"{prefix}{name}", before.get(name), after.get(name))
