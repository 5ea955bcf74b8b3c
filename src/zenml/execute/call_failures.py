"""Why the calls of a dynamic pipeline have no result: failures of their own or of what they need, and cancellations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.errors import RunStoppedError, StepCancelledError
from zenml.worker import failures

if TYPE_CHECKING:
    from types import TracebackType

    from zenml.execute.engine import Engine


class CallFailures:
    """The failures of one run, as its function gets them."""

    def __init__(self, engine: Engine) -> None:
        self.cancelled: set[str] = set()
        """Invocation ids of calls that were to be cancelled."""
        self._engine = engine
        self._traces: dict[str, TracebackType | None] = {}
        """By invocation id: where a failure came from, before it was raised anew, perhaps many times."""

    def take(self, identifier: str) -> BaseException:
        """Return why a settled call has no result; it is the function's business now, and not the run's."""
        engine = self._engine
        found = self.take_causes(identifier)
        for cause, error in found.items():
            failures.add_note(error, failures.place_of(cause, engine.run))
        errors = list(dict.fromkeys(found.values()))
        if len(errors) == 1:
            trace = self._traces.setdefault(next(iter(found)), errors[0].__traceback__)
            return errors[0].with_traceback(trace)
        if errors:
            return _grouped(f"{len(errors)} steps failed that step `{identifier}` needs", errors)
        what = f"Step `{identifier}` of run `{engine.run.name}`"
        if self.is_cancelled(identifier):
            return StepCancelledError(f"{what} has no result: it, or a step that it needs, was cancelled.")
        node = engine.machine.nodes.get(identifier)
        reason = node.reason if node is not None and node.reason else "the run was stopped"
        return RunStoppedError(f"{what} did not run to its end: {reason}.")

    def take_causes(self, identifier: str) -> dict[str, BaseException]:
        """Return the failures because of which a settled call has no result, by invocation id; they are handled now."""
        found = self._causes(identifier)
        for cause in found:
            self._engine.machine.handle(cause)
        return found

    def is_cancelled(self, identifier: str) -> bool:
        """Tell whether a call was cancelled, or was skipped because one that it needs was."""
        nodes = self._engine.machine.nodes
        waiting, seen = [identifier], set()
        while waiting:
            node = nodes.get(waiting.pop())
            if node is None or node.invocation.id in seen or node.state not in ("skipped", "stopped"):
                continue
            if node.invocation.id in self.cancelled:
                return True
            seen.add(node.invocation.id)
            waiting += node.invocation.upstream()
        return False

    def _causes(self, identifier: str) -> dict[str, BaseException]:
        """Return the failures because of which a step has no result, by invocation id: its own, or of what it needs."""
        engine, nodes = self._engine, self._engine.machine.nodes
        found: dict[str, BaseException] = {}
        waiting, seen = [identifier], {identifier}
        while waiting:
            current = waiting.pop(0)
            node = nodes.get(current)
            if node is not None and node.state == "failed" and current in engine.failures:
                found[current] = engine.failures[current]
            elif node is not None and node.state == "skipped":
                upstream = [one for one in node.invocation.upstream() if one not in seen]
                for (
                    one
                ) in upstream:  # whether it fails before or after this: it must not matter which is faster
                    engine.machine.handle(one)
                seen.update(upstream)
                waiting += upstream
        if not found and engine.machine.is_stopping and engine.failures:
            first = next(iter(engine.failures))
            found[first] = engine.failures[first]
        return found


def _grouped(message: str, errors: list[BaseException]) -> BaseException:
    if all(isinstance(error, Exception) for error in errors):
        return ExceptionGroup(message, [error for error in errors if isinstance(error, Exception)])
    return BaseExceptionGroup(message, errors)
