"""Is everything well with the store and this installation: one finding for each question."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Literal

import msgspec

from zenml import __version__
from zenml.components.active_stack import active_stack
from zenml.components.kinds import words
from zenml.components.parts import open_part
from zenml.errors import ZenMLError
from zenml.records.run import Run
from zenml.records.schedules import Schedule
from zenml.reporting.reporter import count
from zenml.store import inspection
from zenml.store.location import default_root
from zenml.store.migrations import SCHEMA_VERSION
from zenml.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.store.database import Database

Level = Literal["ok", "warn", "problem"]

MB = 1_000_000
LONG_WAL = 64 * MB
"""A WAL beyond this is not recycled: somebody reads all the time, or a writer died in a bad moment."""
LITTLE_SPACE = 1_000 * MB
NO_SPACE = 100 * MB
OLD_SQLITE = (3, 37)
EXTRAS = {
    "numpy": ("numpy",),
    "pandas": ("pandas", "pyarrow"),
    "sklearn": ("sklearn", "skops"),
    "matplotlib": ("matplotlib",),
    "pydantic": ("pydantic",),
    "blake3": ("blake3",),
    "postgresql": ("psycopg",),
}
"""By extra of this package, the modules that it brings."""


class Finding(msgspec.Struct, frozen=True):
    """The answer to one question."""

    name: str
    level: Level
    text: str
    remedy: str | None = None


def examine() -> list[Finding]:
    """Ask everything; a store that cannot be opened is a finding too."""
    found = [
        Finding("version", "ok", f"zenml-core {__version__}"),
        _python(),
        *_disk(default_root()),
    ]
    try:
        store = open_store()
    except ZenMLError as error:
        found.append(Finding("store", "problem", str(error), "See the message; the rest was not checked."))
        return [*found, *_extras()]
    found += [*_stack(store), *_place(store), *_permissions(store)]
    database = list(_database(store))
    if database[0].level == "ok":
        # A damaged database is asked nothing more.
        database += [*_processes(store), *_schedules(store)]
    return [*found, *database, *_extras()]


def _python() -> Finding:
    version = sys.version.split()[0]
    sqlite = inspection.SQLITE_VERSION
    is_old = tuple(map(int, sqlite.split(".")[:2])) < OLD_SQLITE
    text = f"Python {version}, SQLite {sqlite}, {sys.executable}"
    remedy = "Use a Python with SQLite 3.37 or later." if is_old else None
    return Finding("python", "warn" if is_old else "ok", text, remedy)


def _stack(store: Database) -> Iterator[Finding]:
    """Say whether every component that runs are made with can be opened."""
    try:
        stack = active_stack(store)
    except ZenMLError as error:
        yield Finding("stack", "problem", str(error), "Choose another one: zenml stack set default")
        return
    listed = []
    for kind, component in stack.components.items():
        what = f"{words(kind)} `{component.name}`"
        try:
            open_part(component, store)
        except Exception as error:  # importing a component may raise anything
            text = f"{what} cannot be loaded: {type(error).__name__}: {error}"
            remedy = f"See the message; `zenml stack update --remove {kind}` takes it out of the stack."
            yield Finding("stack", "problem", text, remedy)
        else:
            listed.append(what)
    yield Finding("stack", "ok", f"`{stack.name}`: {', '.join(listed) or 'nothing that can be used'}")


def _disk(root: str) -> Iterator[Finding]:
    folder = root
    while not os.path.exists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    free = shutil.disk_usage(folder).free
    level: Level = "problem" if free < NO_SPACE else "warn" if free < LITTLE_SPACE else "ok"
    remedy = (
        None if level == "ok" else "Free space: `zenml gc --dry-run`, or choose another ZENML_CONFIG_PATH."
    )
    yield Finding("disk", level, f"{free // MB} MB free at {folder}", remedy)


def _place(store: Database) -> Iterator[Finding]:
    """Say which store is the active one."""
    if not store.file.is_shared:
        yield Finding("store", "ok", f"{store.root} opens")
        return
    yield Finding("store", "ok", f"{store.file.path} opens ({inspection.server_version(store)})")
    yield Finding("files", "ok", f"artifacts and logs are in {store.root}, not in the database")


def _database(store: Database) -> Iterator[Finding]:
    problems = inspection.integrity_problems(store)
    if problems:
        yield Finding("database", "problem", "; ".join(problems[:3]), "Restore a backup of store.db.")
        return
    sound = "is looked after by its server" if store.file.is_shared else "passes the integrity check"
    yield Finding("database", "ok", sound)
    version = inspection.schema_version(store)
    is_current = version == SCHEMA_VERSION
    remedy = None if is_current else "Open the store once with this version."
    yield Finding("schema", "ok" if is_current else "problem", f"{version} of {SCHEMA_VERSION}", remedy)
    if not store.file.is_shared:
        yield _log(inspection.wal_size(store))
    holder = inspection.lock_holder(store)
    yield Finding("lock", "ok", f"held by {holder} right now" if holder else "held by nobody")


def _log(size: int) -> Finding:
    is_long = size > LONG_WAL
    remedy = (
        "End programs that keep the store open for long; the next write recycles it." if is_long else None
    )
    return Finding("wal", "warn" if is_long else "ok", f"{size / MB:.1f} MB", remedy)


def _permissions(store: Database) -> Iterator[Finding]:
    names = (
        "",
        "store.db",
        "store.key",
        "team.key",
        "team-store.password",
        "store.lock",
        "artifacts",
        "logs",
        "leases",
    )
    paths = [os.path.join(store.root, name) for name in names]
    open_to_others = [path for path in paths if os.path.exists(path) and os.stat(path).st_mode & 0o077]
    closed = [path for path in paths if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        yield Finding(
            "permissions", "problem", f"{closed[0]} cannot be written", f"chown it to you: {store.root}"
        )
    elif open_to_others:
        text = f"{open_to_others[0]} can be read by others"
        yield Finding("permissions", "warn", text, f"chmod -R go= {store.root}")
    else:
        yield Finding("permissions", "ok", "only you can read the store")


def _processes(store: Database) -> Iterator[Finding]:
    dead = store.interrupt_dead_runs()
    names = ", ".join(f"`{run.name}`" for run in store.select(Run, id=dead)) if dead else ""
    if names:
        text = f"{names} had no living process and are interrupted now"
        yield Finding(
            "runs", "warn", text, "Run the pipelines again: what succeeded is answered from the cache."
        )
    else:
        alive = len(store.select(Run, status=["running", "stopping"]))
        yield Finding("runs", "ok", f"{alive} running, none without a process")
    found = inspection.owners_of_leases(store)
    alive_owners = [owner for owner, is_alive in found if is_alive]
    listed = ", ".join(f"pid {owner.pid} on {owner.host}" for owner in alive_owners[:5])
    left = len(found) - len(alive_owners)
    rest = f"; {left} left by processes that are gone, removed in time" if left else ""
    yield Finding("leases", "ok", (listed or "no process owns a run") + rest)


def _schedules(store: Database) -> Iterator[Finding]:
    """Say whether somebody starts what is due; nothing where there are no schedules."""
    try:
        schedules = store.select(Schedule)
    except ZenMLError as error:  # a damaged row, for which the scheduler sets only one of them aside
        yield Finding("schedules", "problem", str(error), "See the message; the other schedules are served.")
        return
    if not schedules:
        return
    active = sum(one.is_active and one.problem is None for one in schedules)
    text = f"{count(len(schedules), 'schedule')}, {active} active"
    served = [f"process {owner.pid} on {owner.host}" for _, owner in store.schedules.schedulers()]
    if served:
        yield Finding("schedules", "ok", f"{text}; served by {', '.join(served[:5])}")
    else:
        level: Level = "warn" if active else "ok"
        remedy = "Start a scheduler: zenml schedule serve" if active else None
        yield Finding("schedules", level, f"{text}; no scheduler serves them", remedy)
    for one in schedules:
        if one.problem is not None:
            remedy = (
                f"Change it (zenml schedule update {shlex.quote(one.name)}), or schedule its pipeline again."
            )
            yield Finding("schedules", "problem", f"`{one.name}` is set aside: {one.problem}", remedy)


def _extras() -> Iterator[Finding]:
    from importlib.util import find_spec

    missing = {
        extra: [name for name in modules if find_spec(name) is None] for extra, modules in EXTRAS.items()
    }
    there = [extra for extra, names in missing.items() if not names]
    yield Finding("extras", "ok", f"installed: {', '.join(there) or 'none'}")
    for extra, names in missing.items():
        # Half an extra is a surprise; none of it is a choice.
        if names and len(names) < len(EXTRAS[extra]):
            text = f"{extra}: {', '.join(names)} is missing, so its values are pickled"
            yield Finding("extras", "warn", text, f'pip install "zenml-core[{extra}]"')
