"""Copies of a whole store, made while it is in use, and put into its place again.

A backup is a folder that is itself a store: the database as it was at one moment, the keys, and every file that it
refers to. The database is copied first. Files come before the rows that name them, and never change, so whatever the
copy of the database names is there when it is copied after it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from zenml import __version__, fs
from zenml.errors import StoreUnavailableError
from zenml.records.ids import microseconds_now
from zenml.store import inspection, owners
from zenml.store.migrations import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.store.database import Database

ABOUT = "backup.json"
KEYS = ("store.key", "secrets.key")
FOLDERS = ("artifacts", "logs")
_UNFINISHED = ".unfinished"
_SKIPPED = frozenset((".staging",))
"""What is being written while the copy is made."""


class Backup(msgspec.Struct, frozen=True):
    """What a backup says of itself."""

    made_at: int
    """Microseconds since 1970."""
    version: str
    """The version of this package that made it."""
    schema: int
    files: int
    """How many files it has, the database among them."""
    size: int
    """Their bytes."""


def back_up(store: Database, target: str, *, progress: Callable[[int], None] = lambda _: None) -> Backup:
    """Copy a store to a new folder, which is there when all of it is on the disk, and else is not.

    Args:
        store: the store; runs may go on meanwhile.
        target: the folder to make.
        progress: is told the bytes copied so far.

    Raises:
        StoreUnavailableError: the folder is there already, or the store has no file of its own to copy.
    """
    if store.file.is_shared or store.root == ":memory:":
        raise StoreUnavailableError(
            f"The records of `{store.file.path}` are not in a file of this machine. Back the server up by its own means, "
            "such as `pg_dump`, and the folder of the artifacts beside it."
        )
    target = os.path.abspath(target)
    if os.path.exists(target):
        raise StoreUnavailableError(f"`{target}` is there already. Name a folder that is to be made.")
    draft = target + _UNFINISHED
    fs.remove_tree(draft)
    fs.make_folder(draft)
    copied = _Copying(progress)
    store.file.read("VACUUM INTO ?", (os.path.join(draft, "store.db"),))
    copied.settle(os.path.join(draft, "store.db"))
    for name in KEYS:
        copied.file(os.path.join(store.root, name), os.path.join(draft, name))
    for name in FOLDERS:
        copied.tree(os.path.join(store.root, name), os.path.join(draft, name))
    about = Backup(microseconds_now(), __version__, SCHEMA_VERSION, copied.files, copied.size)
    fs.write_whole(os.path.join(draft, ABOUT), msgspec.json.encode(about), is_durable=True)
    for folder, _, _ in os.walk(draft, topdown=False):
        fs.sync_folder(folder)
    fs.rename(draft, target)
    fs.sync_folder(os.path.dirname(target))
    return about


def restore(root: str, source: str, *, progress: Callable[[int], None] = lambda _: None) -> str | None:
    """Put a backup into the place of a store; return where that was put, None if there was none.

    The backup stays as it is, and the store that was there is kept beside the new one: nothing is deleted.

    Args:
        root: the folder of the store; no process of this one may use it.
        source: the backup.
        progress: is told the bytes copied so far.

    Raises:
        StoreUnavailableError: it is no whole backup, or runs of the store go on.
    """
    about = read_backup(source)
    if os.path.isdir(root):
        _refuse_if_used(root)
    draft = root + _UNFINISHED
    fs.remove_tree(draft)
    copied = _Copying(progress)
    copied.tree(os.path.abspath(source), draft)
    fs.remove(os.path.join(draft, ABOUT))
    if copied.files - 1 != about.files:  # without what it says of itself
        fs.remove_tree(draft)
        raise StoreUnavailableError(
            f"The backup `{source}` had {about.files} files and has {copied.files - 1}. Take another one."
        )
    for folder, _, _ in os.walk(draft, topdown=False):
        fs.sync_folder(folder)
    aside = None
    if os.path.isdir(root):
        aside = f"{root}.before-{microseconds_now()}"
        fs.rename(root, aside)
    fs.rename(draft, root)
    fs.sync_folder(os.path.dirname(root))
    return aside


def read_backup(source: str) -> Backup:
    """Return what a backup says of itself.

    Raises:
        StoreUnavailableError: it is none, or its database is damaged.
    """
    try:
        about = msgspec.json.decode(fs.read_whole(os.path.join(source, ABOUT)), type=Backup)
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreUnavailableError(
            f"`{source}` is no backup: its `{ABOUT}` cannot be read. Make one with `zenml store backup FOLDER`."
        ) from error
    problems = inspection.file_problems(os.path.join(source, "store.db"))
    if problems:
        raise StoreUnavailableError(
            f"The database of the backup `{source}` is damaged: {problems[0]}. Take another one."
        )
    return about


def _refuse_if_used(root: str) -> None:
    folder = os.path.join(root, "leases")
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if owners.lease_is_held(root, name):
            raise StoreUnavailableError(
                f"A process that has run pipelines still uses the store `{root}`. Wait until its runs have ended, or stop "
                "them: zenml run list"
            )


class _Copying:
    """Copies files, and counts what it has copied."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress = progress
        self.files = 0
        self.size = 0

    def settle(self, path: str) -> None:
        """Take a file that was copied by other means."""
        fs.settle(path)
        self.files += 1
        self._count(path)

    def _count(self, path: str) -> None:
        self.size += os.path.getsize(path)
        self._progress(self.size)

    def file(self, source: str, target: str) -> None:
        """Copy a file, if it is there, with its mode; it is on the disk when this returns."""
        try:
            reading = fs.open_to_read(source)
        except FileNotFoundError:  # collected since it was listed, or never made
            return
        try:
            writing = fs.create(target)
            try:
                fs.copy(reading, writing)
                fs.set_mode(writing, os.fstat(reading).st_mode & 0o700)
                fs.sync(writing)
            finally:
                os.close(writing)
        finally:
            os.close(reading)
        self.files += 1
        self._count(target)

    def tree(self, source: str, target: str) -> None:
        """Copy a folder with all that is in it, following no link."""
        fs.make_folder(target)
        try:
            entries = sorted(os.scandir(source), key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.name in _SKIPPED or entry.is_symlink():
                continue
            path = os.path.join(target, entry.name)
            if entry.is_dir():
                self.tree(entry.path, path)
            else:
                self.file(entry.path, path)
