"""The pure core of the engine: which step may run, given what has ended so far.

Events go in, decisions come out; there is no input, output, clock or thread here, so every
interleaving can be tested. The engine asks `take_ready` for steps to look up or start, and
tells what became of them. A static run adds all invocations at once, a dynamic one adds each
as it is called.

The states of an invocation, and the only transitions there are:

    pending → ready → running → completed | failed | stopped
    ready → cached | running
    pending | ready | retrying → skipped
    running → paused → skipped      (a child waits for a person; skipped if it is cancelled)
    running → retrying              (an attempt failed, and another one follows after a wait)
    retrying → ready | pending      (the wait is over; pending if an input is being made anew)
    completed | cached → ready      (repair: its stored output was found damaged)
    running | ready → pending       (what takes the damaged output waits for the repair)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.records.plan import ExecutionMode, Invocation

State = Literal[
    "pending", "ready", "running", "retrying", "paused", "completed", "cached", "failed", "skipped", "stopped"
]

TRANSITIONS: dict[State, frozenset[State]] = {
    "pending": frozenset(("ready", "skipped")),
    "ready": frozenset(("running", "cached", "skipped", "pending")),
    "running": frozenset(("completed", "failed", "stopped", "pending", "retrying", "paused")),
    "retrying": frozenset(("ready", "pending", "skipped")),
    "paused": frozenset(("skipped",)),
    "completed": frozenset(("ready",)),
    "cached": frozenset(("ready",)),
    "failed": frozenset(),
    "skipped": frozenset(),
    "stopped": frozenset(),
}
NOT_STARTED: frozenset[State] = frozenset(("pending", "ready", "retrying"))
"""States of a step that can be skipped."""
MAX_REPAIRS = 2
"""How often one step is executed again because its stored output was damaged; then it is a failure."""

Verdict = Literal["completed", "failed", "stopped"]


class Node(msgspec.Struct):
    """What the machine knows of one invocation."""

    invocation: Invocation
    state: State = "pending"
    missing: int = 0
    """Upstream invocations that have not succeeded yet."""
    downstream: list[str] = []
    repairs: int = 0
    retries: int = 0
    """How many attempts followed one that failed, since the step was first needed or had to be repaired."""
    reason: str | None = None
    is_last: bool = False
    """Whether it was ready when it was added: what others made ready goes first."""


class Machine:
    """The state of one run."""

    def __init__(
        self,
        invocations: Iterable[Invocation],
        mode: ExecutionMode = "continue_on_failure",
        *,
        is_open: bool = False,
    ) -> None:
        self.mode = mode
        self.is_open = is_open
        """Whether more invocations may come: the function of a dynamic pipeline is still running."""
        self.has_function_failed = False
        self.nodes: dict[str, Node] = {}
        self.unfinished = 0
        self.running = 0
        self.is_stopping = False
        self.is_stopped_by_user = False
        self.failures: dict[str, None] = {}
        """Failed invocations in the order in which they failed."""
        self.handled: set[str] = set()
        """Those of them whose failure somebody took, so that it is not the run's."""
        self._paused: set[str] = set()
        self._ready: list[str] = []
        self._late: list[str] = []
        """Of those that were added as ready: the first one first, behind all others."""
        added = list(invocations)
        for invocation in added:
            self.nodes[invocation.id] = Node(invocation)
        for invocation in added:
            self._wire(self.nodes[invocation.id])
        # Taken from the end, so the first of the plan goes last on the stack.
        self._ready.reverse()

    # Asking

    def take_ready(self) -> list[str]:
        """Return what became ready since the last call, the deepest and then the earliest first."""
        taken, self._ready, self._late = [*self._ready[::-1], *self._late], [], []
        return taken

    @property
    def paused_children(self) -> list[str]:
        """The calls whose runs wait for a person."""
        return sorted(self._paused)

    @property
    def is_at_standstill(self) -> bool:
        """Tell whether nothing goes on, and something waits for a person."""
        going_on = ("ready", "running", "retrying")
        return (
            bool(self._paused)
            and not self.running
            and not any(node.state in going_on for node in self.nodes.values())
        )

    @property
    def is_over(self) -> bool:
        """Tell whether nothing runs and nothing can run any more."""
        return not self.is_open and not self.running and (not self.unfinished or self.is_stopping)

    def verdict(self) -> Verdict:
        """Return what the run as a whole came to."""
        if self.is_stopped_by_user:
            return "stopped"
        return "failed" if self.has_function_failed or self.first_failure is not None else "completed"

    @property
    def first_failure(self) -> str | None:
        """The invocation that failed first and whose failure nobody took."""
        return next((one for one in self.failures if one not in self.handled), None)

    # Telling

    def add(self, invocation: Invocation, *, is_first: bool = False) -> None:
        """Add an invocation of a dynamic pipeline; its upstream must have been added before.

        One that is ready at once waits behind what is ready already, unless it `is_first`.
        """
        node = self.nodes[invocation.id] = Node(invocation)
        self._wire(node)
        if node.state == "ready" and not is_first:
            self._ready.pop()
            node.is_last = True
            self._late.append(invocation.id)

    def start(self, identifier: str) -> None:
        """Note that a ready step runs now."""
        self._move(identifier, "running")
        self.running += 1

    def cached(self, identifier: str) -> None:
        """Note that a ready step was answered from the cache."""
        self._move(identifier, "cached")
        self._succeeded(identifier)

    def completed(self, identifier: str) -> None:
        """Note that a running step succeeded."""
        self._move(identifier, "completed")
        self.running -= 1
        self._succeeded(identifier)

    def failed(self, identifier: str) -> list[str]:
        """Note that a running step failed for good; return what is skipped because of it."""
        self._move(identifier, "failed")
        self.running -= 1
        self.unfinished -= 1
        self.failures[identifier] = None
        if self.mode != "continue_on_failure":
            self.is_stopping = True
            return self._skip_rest(f"step `{identifier}` failed and the run stops on failure")
        return self._skip_downstream(identifier)

    def paused(self, identifier: str) -> None:
        """Note that a running child waits for a person; nothing more becomes of it in this execution of the run."""
        self._move(identifier, "paused")
        self.running -= 1
        self._paused.add(identifier)

    def retry(self, identifier: str) -> bool:
        """Note that an attempt of a running step failed and another one follows after a wait.

        Returns False when nothing may start any more, or when a step that it needs could not be
        repaired; then the step has failed.
        """
        if self.is_stopping or self._is_cut_off(identifier):
            return False
        self._move(identifier, "retrying")
        self.running -= 1
        self.nodes[identifier].retries += 1
        return True

    def due(self, identifier: str) -> None:
        """Note that the wait before an attempt is over."""
        node = self.nodes[identifier]
        node.missing = self._open_upstream(identifier)
        if node.missing:
            self._move(identifier, "pending")
        else:
            self._make_ready(identifier)

    def handle(self, identifier: str) -> None:
        """Note that somebody takes the failure of a step; where a failure stops the run, it stays the run's."""
        if self.mode == "continue_on_failure":
            self.handled.add(identifier)

    def cancel(self, identifier: str) -> list[str]:
        """Skip a step that has not started, with what waits for it; return what is skipped."""
        if self.nodes[identifier].state not in (*NOT_STARTED, "paused"):
            return []
        self._paused.discard(identifier)
        self._skip(identifier, "it was cancelled")
        self._forget_ready(identifier)
        return [identifier, *self._skip_downstream(identifier)]

    def cut_off(self, identifier: str) -> list[str]:
        """Return what is skipped because a step was stopped by itself, and not with its run."""
        return self._skip_downstream(identifier)

    def close(self, *, has_failed: bool = False) -> None:
        """Note that no invocations come any more; `has_failed` if the function raised."""
        self.is_open = False
        self.has_function_failed = has_failed

    def stopped(self, identifier: str) -> None:
        """Note that a running step was ended from outside."""
        self._move(identifier, "stopped")
        self.running -= 1
        self.unfinished -= 1

    def damaged(self, consumer: str, producer: str, *, is_current: bool = True) -> bool:
        """Start a repair: the producer runs again, and whatever takes its outputs waits for it.

        Returns False when the producer was repaired too often already, or is not of this run, or when
        an earlier repair that either of the two needs has failed; then the consumer has failed. An
        input that is not current was made anew while the consumer read it: the consumer starts again.
        """
        node = self.nodes.get(producer)
        if node is None or self.is_stopping or self._is_cut_off(producer) or self._is_cut_off(consumer):
            return False
        if is_current and node.state in ("completed", "cached"):
            if node.repairs >= MAX_REPAIRS:
                return False
            node.repairs += 1
            node.retries = 0
            self.unfinished += 1
            self._make_ready(producer)
            if self._open_upstream(producer):  # its own input is being made anew right now
                self._hold_back(producer)
            for identifier in node.downstream:
                self._hold_back(identifier)
        self.running -= 1
        self._move(consumer, "pending")
        self.nodes[consumer].missing = self._open_upstream(consumer)
        if not self.nodes[consumer].missing:
            self._make_ready(consumer)
        return True

    def stop(self) -> list[str]:
        """Let nothing start any more; return what is skipped because of it."""
        self.is_stopping = self.is_stopped_by_user = True
        return self._skip_rest("the run was stopped")

    # Inside

    def _wire(self, node: Node) -> None:
        self.unfinished += 1
        blocked = None
        for upstream in node.invocation.upstream():
            parent = self.nodes[upstream]
            parent.downstream.append(node.invocation.id)
            if parent.state in ("failed", "skipped", "stopped"):
                blocked = upstream
            elif parent.state not in ("completed", "cached"):
                node.missing += 1
        if self.is_stopping:
            self._skip(node.invocation.id, "the run is stopping")
        elif blocked is not None:
            self._skip(node.invocation.id, f"step `{blocked}` did not succeed")
        elif not node.missing:
            self._make_ready(node.invocation.id)

    def _open_upstream(self, identifier: str) -> int:
        upstream = self.nodes[identifier].invocation.upstream()
        return sum(self.nodes[one].state not in ("completed", "cached") for one in upstream)

    def _is_cut_off(self, identifier: str) -> bool:
        """Tell whether a step, or one that it needs, has ended without success."""
        needed = (identifier, *self.nodes[identifier].invocation.upstream())
        return any(self.nodes[one].state in ("failed", "skipped", "stopped") for one in needed)

    def _hold_back(self, identifier: str) -> None:
        """Make a step that has not started wait for an input that is being made anew."""
        node = self.nodes[identifier]
        if node.state == "ready":
            self._move(identifier, "pending")
            self._forget_ready(identifier)
        if node.state == "pending":
            node.missing = self._open_upstream(identifier)

    def _forget_ready(self, identifier: str) -> None:
        for ready in (self._ready, self._late):
            if identifier in ready:
                ready.remove(identifier)

    def _succeeded(self, identifier: str) -> None:
        self.unfinished -= 1
        fresh = []
        for downstream in self.nodes[identifier].downstream:
            node = self.nodes[downstream]
            if node.state == "pending":
                node.missing -= 1
                if not node.missing:
                    fresh.append(downstream)
        for downstream in reversed(fresh):
            self._make_ready(downstream)

    def _make_ready(self, identifier: str) -> None:
        self._move(identifier, "ready")
        self._ready.append(identifier)

    def _skip_downstream(self, failed: str) -> list[str]:
        skipped: list[str] = []
        stack = [failed]
        while stack:
            current = stack.pop()
            for downstream in self.nodes[current].downstream:
                if self.nodes[downstream].state in NOT_STARTED:
                    self._skip(downstream, f"step `{current}` did not succeed")
                    skipped.append(downstream)
                    stack.append(downstream)
        return skipped

    def _skip_rest(self, reason: str) -> list[str]:
        skipped = [i for i, node in self.nodes.items() if node.state in NOT_STARTED]
        for identifier in skipped:
            self._skip(identifier, reason)
        self._ready.clear()
        self._late.clear()
        return skipped

    def _skip(self, identifier: str, reason: str) -> None:
        self._move(identifier, "skipped")
        self.nodes[identifier].reason = reason
        self.unfinished -= 1

    def _move(self, identifier: str, state: State) -> None:
        node = self.nodes[identifier]
        if state not in TRANSITIONS[node.state]:
            raise AssertionError(f"step `{identifier}` cannot go from {node.state} to {state}")
        node.state = state
