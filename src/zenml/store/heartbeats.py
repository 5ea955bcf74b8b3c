"""Signs of life of the owners of runs, where processes of several hosts share a store.

On one host the kernel tells who is dead. A process of another host is known by its heartbeat: a row
that its owner renews, with the time until which it holds by the clock of the server. An owner whose
time is over is dead for everybody: whoever looks deletes the row and interrupts the runs, in one
transaction. From then on the epochs of the runs refuse whatever the owner still writes, and it
learns from its missing row that it has been given up.

An owner that cannot renew its row stops by itself, well before others may take over its runs.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, cast

from zenml.errors import ConfigurationError, RunStoppedError
from zenml.store import owners, queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zenml.records.run import Owner
    from zenml.store.database import Database
    from zenml.store.file import StoreFile, Transaction

VARIABLE = "ZENML_OWNER_TTL"
SECONDS = 60.0
"""How long a sign of life holds, unless `ZENML_OWNER_TTL` says otherwise."""
BEATS = 6
"""Signs of life in that time."""
PART_UNTIL_STOP = 2 / 3
"""The part of that time after which an owner that could give no sign stops by itself."""

# The clock of the server: those of hosts may differ by more than a sign of life holds.
_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_BEGIN = (
    f"INSERT INTO heartbeats (owner_id, expires_at) VALUES (:owner, {_NOW} + :span)"  # noqa: S608
    " ON CONFLICT (owner_id) DO UPDATE SET expires_at = excluded.expires_at"
)
# A row that is gone is not made again: whoever deleted it has taken over what the owner had.
_RENEW = f"UPDATE heartbeats SET expires_at = {_NOW} + :span WHERE owner_id = :owner"  # noqa: S608  our own text
_ARE_OVER = f"SELECT owner_id, expires_at <= {_NOW} FROM heartbeats WHERE owner_id IN ({{ids}})"  # noqa: S608
_TAKE_OVER = f"DELETE FROM heartbeats WHERE owner_id = :owner AND expires_at <= {_NOW}"  # noqa: S608
_HAS_BEGUN = "SELECT 1 FROM heartbeats WHERE owner_id = :owner"
_END = "DELETE FROM heartbeats WHERE owner_id = :owner"


class Pulse(Protocol):
    """What gives signs of life: it asks a server without waiting for those who write."""

    def ask_beside(self, sql: str, values: Mapping[str, Any]) -> int:
        """Run one statement outside of all transactions; return how many rows changed.

        Raises:
            OSError: the server is not reached.
        """

    def give_up(self, problem: RunStoppedError | None) -> None:
        """Have nobody wait for the server any more, or again."""


def span() -> float:
    """Return the seconds for which a sign of life of this process holds."""
    text = os.environ.get(VARIABLE, "")
    try:
        chosen = float(text) if text else SECONDS
    except ValueError:
        chosen = 0.0
    if not 1 <= chosen <= 86400:
        raise ConfigurationError(f"{VARIABLE} is `{text}`; it is a number of seconds, from 1 to 86400.")
    return chosen


def clock() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def current_owner(database: Database) -> Owner:
    """Return this process as an owner of runs; whoever was given up begins anew, as somebody else."""
    owner = owners.current_owner(database.root)
    heartbeat = database.heartbeat
    if heartbeat is None or heartbeat.problem is None or heartbeat.owner_id != owner.id:
        return owner
    owners.forget_leases(database.root)
    return owners.current_owner(database.root)


def give(database: Database, transaction: Transaction, owner: Owner) -> None:
    """Have other hosts know that an owner lives, from the transaction on that records what it owns.

    What goes on giving signs is started after the transaction: before, there is nothing to renew.
    """
    if not database.file.is_shared:
        return
    known = database.heartbeat
    if known is None or known.owner_id != owner.id or not known.is_of_this_process:
        if known is not None:
            known.close()
        database.heartbeat = known = Heartbeat(cast("Pulse", database.file), owner)
    transaction.run(_BEGIN, {"owner": owner.id, "span": round(known.seconds * 1e6)})


def find_dead(
    read: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]],
    file: StoreFile,
    found: Iterable[Owner],
    root: str,
) -> list[Owner]:
    """Return those owners that are dead, as far as this process can tell."""
    found = list(found)
    if not file.is_shared:
        return [owner for owner in found if not owners.is_alive(owner, root)]
    dead: list[Owner] = []
    for start in range(0, len(found), queries.CHUNK):
        chunk = found[start : start + queries.CHUNK]
        sql = _ARE_OVER.format(ids=queries.marks(len(chunk)))
        is_over = dict(read(sql, [owner.id for owner in chunk]))
        dead += [owner for owner in chunk if _is_dead(owner, root, is_over=is_over.get(owner.id))]
    return dead


def _is_dead(owner: Owner, root: str, *, is_over: bool | None) -> bool:
    if is_over is None:  # it never began: then only the kernel of its host knows
        return not owners.is_alive(owner, root)
    return not owners.is_own(owner, root) and (is_over or owners.is_known_dead(owner, root))


def take_over(transaction: Transaction, file: StoreFile, owner: Owner, root: str) -> bool:
    """End the life of an owner that was found dead; return False if it has given a sign since."""
    if not file.is_shared or transaction.run(_TAKE_OVER, {"owner": owner.id}) == 1:
        return True
    has_begun = bool(transaction.read(_HAS_BEGUN, {"owner": owner.id}))
    if not (owners.is_known_dead(owner, root) if has_begun else not owners.is_alive(owner, root)):
        return False
    transaction.run(_END, {"owner": owner.id})
    return True


class Heartbeat:
    """The thread of an owner that gives signs of life until it is closed."""

    def __init__(self, pulse: Pulse, owner: Owner) -> None:
        self.owner_id = owner.id
        self.seconds = span()
        self.problem: RunStoppedError | None = None
        """Why the runs of this owner are not its own any more."""
        self._pulse = pulse
        self._process = os.getpid()
        self._renewed_at = clock()
        pulse.give_up(None)
        self._listeners: list[Callable[[RunStoppedError], None]] = []
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_of_this_process(self) -> bool:
        """Whether this process made it; a forked child has none of its own yet."""
        return self._process == os.getpid()

    def start(self) -> None:
        """Begin, if it has not."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="zenml-heartbeat", daemon=True)
                self._thread.start()

    def tell(self, listener: Callable[[RunStoppedError], None]) -> None:
        """Have a function be called, in another thread, if the runs of this owner are lost."""
        self._listeners.append(listener)
        if self.problem is not None:
            listener(self.problem)

    def forget(self, listener: Callable[[RunStoppedError], None]) -> None:
        """Take `tell` back."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def close(self) -> None:
        """Give no signs any more."""
        self._closing.set()
        if self._thread is not None and self.is_of_this_process:
            self._thread.join(5)

    def _work(self) -> None:
        while not self._closing.wait(self.seconds / BEATS) and self.problem is None:
            began = clock()
            try:
                was_there = self._pulse.ask_beside(
                    _RENEW, {"owner": self.owner_id, "span": round(self.seconds * 1e6)}
                )
            except OSError as error:
                silent = clock() - self._renewed_at
                if silent > self.seconds * PART_UNTIL_STOP:
                    self._lose(f"the store was not reached for {silent:.0f} s ({error})")
                continue
            if was_there:
                self._renewed_at = began
            else:
                self._lose("this process gave no sign of life for too long, and its runs were interrupted")

    def _lose(self, reason: str) -> None:
        if self._closing.is_set():
            return
        self.problem = RunStoppedError(
            f"The run does not go on here: {reason}. Nothing more is recorded. "
            "Go on from what is recorded: zenml run resume latest"
        )
        self._pulse.give_up(self.problem)
        for listener in list(self._listeners):
            listener(self.problem)
