"""Which calls of a run are executed whatever the cache knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.config.preview import preview
from zenml.errors import ConfigurationError
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_names import capitalised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zenml.compile.trace import TracedCall

    Refresh = bool | str | Sequence[str]


EVERY = "*"
"""What stands for all calls in the plan of a dynamic pipeline."""


class Refreshed:
    """The answer for calls that come one at a time: nobody knows yet which steps there will be."""

    def __init__(self, refresh: Refresh, what: str) -> None:
        if not isinstance(refresh, (bool, str, list, tuple, set, frozenset)):
            refreshed(refresh, {}, what)  # it raises
        named = (EVERY,) if refresh is True else () if refresh is False else refresh
        self.names: tuple[str, ...] = (named,) if isinstance(named, str) else tuple(named)
        """Ids of calls and names of steps, or `EVERY`."""
        self._met: set[str] = {EVERY}

    def __contains__(self, call: TracedCall) -> bool:
        if not self.names:
            return False
        met = {EVERY, call.id, call.step.name}.intersection(self.names)
        self._met |= met
        return bool(met)

    def not_met(self) -> list[str]:
        """Return the names that no call had."""
        return sorted(str(name) for name in self.names if name not in self._met)


def refreshed(refresh: Refresh, calls: Mapping[str, TracedCall], what: str) -> tuple[str, ...]:
    """Return the ids of the calls that are to be executed.

    Args:
        refresh: all, none, or ids of calls and names of steps.
        calls: the calls of the run, by id.
        what: what is run, for messages.
    """
    if isinstance(refresh, bool):
        return tuple(calls) if refresh else ()
    if not isinstance(refresh, (str, list, tuple, set, frozenset)):
        raise ConfigurationError(
            f"`refresh` of {what} is {preview(refresh)}. Give it True, or a list of names of steps."
        )
    wanted = (refresh,) if isinstance(refresh, str) else tuple(refresh)
    known = {*calls, *(call.step.name for call in calls.values())}
    for name in wanted:
        if not isinstance(name, str) or name not in known:
            raise ConfigurationError(
                f"{capitalised(what)} is to refresh a step `{name}`, which it does not have. "
                f"{did_you_mean(name, known)}Its steps are: {', '.join(f'`{step}`' for step in sorted(known))}."
            )
    return tuple(call.id for call in calls.values() if {call.id, call.step.name} & {*wanted})
