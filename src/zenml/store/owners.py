"""Which process owns a run, and whether it still lives.

An owner holds a POSIX record lock on a lease file for as long as it lives; the kernel drops
it at death, `kill -9` included, even while forked children go on. Dead means two things at
once: the lock is free, and no process with that pid and start time runs on this boot.

Closing *any* descriptor of a locked file drops the process's own lock. So this process opens
its own lease exactly once, keeps it in a table, and answers for itself from that table.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from zenml import fs
from zenml.records.ids import OwnerId, microseconds_now, new_id
from zenml.records.run import Owner

if TYPE_CHECKING:
    from zenml.store.store import Store

_leases: dict[str, tuple[int, Owner, int]] = {}
"""By store folder: the pid that locked, the owner it is, and the locked descriptor."""
_lock = threading.Lock()
SWEPT_FROM = 16
"""Lease files in a folder from which on it is swept when a process becomes an owner."""


def current_owner(root: str) -> Owner:
    """Return this process as an owner of runs in a store."""
    with _lock:
        held = _leases.get(root)
        if held is not None and held[0] == os.getpid():
            return held[1]
        owner = Owner(
            id=OwnerId(new_id()),
            host=os.uname().nodename,
            boot_id=_boot_id(),
            pid=os.getpid(),
            process_start=_process_start(os.getpid()),
            created_at=microseconds_now(),
        )
        _leases[root] = (os.getpid(), owner, _lock_lease(root, owner.id))
    _sweep(root)
    return owner


def is_alive(owner: Owner, root: str) -> bool:
    """Tell whether the process that owns a run still lives (as far as this host can tell)."""
    held = _leases.get(root)
    if held is not None and held[1].id == owner.id:
        return held[0] == os.getpid() or _runs(owner)
    if owner.host != os.uname().nodename:
        return True  # another host's process; its heartbeat decides, not this host
    return lease_is_held(root, owner.id) or _runs(owner)


def elsewhere(store: Store, owner_id: str) -> str | None:
    """Return the host of an owner whose files do not lie here, as text; None if they do, or may."""
    owner = store.get(Owner, owner_id) if store.is_shared else None
    if owner is None or is_this_host(owner):
        return None
    return f"host `{owner.host}`"


def is_own(owner: Owner, root: str) -> bool:
    """Tell whether an owner is this very process."""
    held = _leases.get(root)
    return held is not None and held[0] == os.getpid() and held[1].id == owner.id


def is_known_dead(owner: Owner, root: str) -> bool:
    """Tell whether the kernel says that an owner is gone; that it says nothing is not enough.

    The lease has to lie here: a host of the same name may be a container, or have another folder.
    """
    if not is_this_host(owner) or owner.boot_id != _boot_id() or is_own(owner, root):
        return False
    is_here = root != ":memory:" and os.path.exists(_lease_path(root, owner.id))
    return is_here and not lease_is_held(root, owner.id) and not _runs(owner)


def is_this_host(owner: Owner) -> bool:
    """Tell whether an owner's process is one of this host, which can send it signals."""
    return owner.host == os.uname().nodename


def send_signal(owner: Owner, number: int) -> bool:
    """Send a signal to the very process that an owner is; return whether it was there.

    The process is held by a descriptor while pid and start time are compared, so a later process
    with the same pid is never meant.
    """
    if not is_this_host(owner):
        return False
    import signal

    try:
        descriptor = os.pidfd_open(owner.pid)
    except OSError:
        return False
    try:
        if not _runs(owner):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def forget_leases(store: str | None = None) -> None:
    """Give this process's leases back, of all stores or of the one in a folder; its runs must have ended."""
    with _lock:
        held = [one for one in _leases.items() if store in (None, one[0])]
        for root, (pid, owner, descriptor) in held:
            if pid == os.getpid() and descriptor >= 0:
                try:
                    fs.remove(_lease_path(root, owner.id))
                except OSError:
                    pass
                os.close(descriptor)
            del _leases[root]


def remove_lease(root: str, owner: Owner) -> None:
    """Remove the lease file of an owner that was found dead."""
    try:
        fs.remove(_lease_path(root, owner.id))
    except OSError:
        pass


def _sweep(root: str) -> None:
    """Remove lease files that processes left behind which died between two runs.

    A young file may belong to a process that is about to lock it.
    """
    if root == ":memory:":
        return
    folder = os.path.join(root, "leases")
    names = os.listdir(folder)
    if len(names) <= SWEPT_FROM:
        return
    own = {owner.id for _, owner, _ in _leases.values()}
    for name in names:
        path = os.path.join(folder, name)
        try:
            is_old = time.time() - os.stat(path).st_mtime > 60
            if name not in own and is_old and not lease_is_held(root, name):
                fs.remove(path)
        except OSError:
            pass  # another process swept it first


def _lease_path(root: str, owner_id: str) -> str:
    return os.path.join(root, "leases", owner_id)


def _lock_lease(root: str, owner_id: str) -> int:
    if root == ":memory:":
        return -1
    import fcntl

    descriptor = fs.open_file(_lease_path(root, owner_id), os.O_RDWR | os.O_CREAT)
    fcntl.lockf(descriptor, fcntl.LOCK_EX)
    return descriptor


def lease_is_held(root: str, owner_id: str) -> bool:
    """Tell whether a process holds the lease of an owner, so that this lives."""
    import fcntl

    try:
        descriptor = fs.open_file(_lease_path(root, owner_id), os.O_RDONLY)
    except OSError:
        return False
    try:
        # A shared lock: two processes that look at once do not mistake each other for the owner.
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _runs(owner: Owner) -> bool:
    """Tell whether the very process, not a later one of the same pid, runs on this boot."""
    return (
        owner.boot_id == _boot_id()
        and bool(owner.process_start)
        and _process_start(owner.pid) == owner.process_start
    )


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _process_start(pid: int) -> str:
    """Return the start time of a process in clock ticks since boot, "" when it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def _forget_in_child() -> None:
    """Close the parent's leases in a forked child: record locks are not inherited anyway.

    The lock is made anew: another thread of the parent may have held it at that moment.
    """
    global _lock
    _lock = threading.Lock()
    for _, _, descriptor in _leases.values():
        if descriptor >= 0:
            os.close(descriptor)
    _leases.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
