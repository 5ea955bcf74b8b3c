"""What an engine tells of its run to the function that calls the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zenml.records.run import StepRun


class Caller(Protocol):
    """Who calls steps one at a time: the function of a dynamic pipeline."""

    @property
    def was_told(self) -> bool:
        """Whether the function knows that its run ends."""

    def settle(self, step: StepRun) -> bool:
        """Hear, with the baton, that an attempt was recorded with this status; tell whether somebody waits for it."""

    def is_awaited(self, identifier: str) -> bool:
        """Tell whether somebody waits for the end of a call, or is to hear of it."""

    def close(self) -> None:
        """Hear that the run has ended."""

    def alarm(self) -> None:
        """Hear, from whatever thread, that the run cannot go on."""

    def feed_maps(self) -> bool:
        """Add further elements to maps that have room for them; return False if there are none."""

    def call_back(self) -> None:
        """Tell those who asked for it, without the baton, what has ended."""

    def refusal(self) -> BaseException:
        """Return what the function is told by, that its run ends: the first time why, then what it does not catch."""
