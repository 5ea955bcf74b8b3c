"""What a disk may hold after the power failed: everything that was synced, and of the rest whatever one likes.

A run is recorded as the list of what it did to the disk, through the seam. From that list any moment is rebuilt,
and of what was not synced at that moment some is dropped: the content of a file in part or whole, a name, a
rename, and the end of the database's log. A synced file keeps its content, a synced folder its names.
"""

import os
import shutil
import threading

from zenml import fs

WAL = "store.db-wal"
_DATABASE = ("store.db", WAL, "store.db-shm", "store.lock")


class Recorder:
    """Writes down what is done to the disk under a folder; use it in a process that never closes the store."""

    def __init__(self, root):
        self.root = root
        self.operations = []
        """(name, path, other path or content, size of the log of the database)."""
        self._lock = threading.Lock()

    def watch(self, operation, what, other):
        """Write down one operation, which is about to be done."""
        path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else what
        name = os.path.relpath(path, self.root)
        if name.startswith("..") or operation in (
            "open",
            "chmod",
            "connect",
            "begin",
            "statement",
            "checkpoint",
        ):
            return
        if operation == "fsync" and not os.path.isdir(path) and name != WAL:
            with open(path, "rb") as file:
                other = file.read()
        elif operation in ("rename", "link"):
            other = os.path.relpath(other, self.root)
        elif operation == "write":
            other = bytes(other)
        self.note(operation, name, other)
        return

    def note(self, operation, name="", other=None):
        """Write down a moment."""
        with self._lock:
            size = os.path.getsize(os.path.join(self.root, WAL))
            self.operations.append((operation, name, other, size))


class _Folder:
    def __init__(self):
        self.now, self.safe = {}, {}


class _File:
    def __init__(self, content=b"", safe=b""):
        self.content, self.safe = content, safe


class Disk:
    """The files of a store at one moment: as they are, and as far as they are safe.

    Args:
        before: a copy of the store before the run, all of it safe.
        operations: what was done since, as `Recorder` wrote it down.
    """

    def __init__(self, before, operations):
        self._top = _read(before)
        self._synced = os.path.getsize(os.path.join(before, WAL))
        for operation, name, other, size in operations:
            getattr(self, f"_{operation}", lambda *_: None)(name, other, size)

    def build(self, draw, target, log, size):
        """Make a folder that holds what a power failure may have left.

        Args:
            draw: a `random.Random`.
            target: the folder to make.
            log: the whole log of the database, which only grows in a run.
            size: how long it was.
        """
        _write(self._top, target, draw)
        with open(os.path.join(target, WAL), "wb") as file:
            cut = draw.choice((self._synced, size, draw.randint(self._synced, max(size, self._synced))))
            file.write(log[:cut] + draw.choice((b"", bytes(100))))

    def _at(self, name):
        *above, last = name.split("/")
        folder = self._top
        for part in above:
            folder = folder.now.setdefault(part, _Folder())
        return folder.now, last

    def _mkdir(self, name, _, __):
        names, last = self._at(name)
        names.setdefault(last, _Folder())

    def _write(self, name, data, _):
        names, last = self._at(name)
        file = names.setdefault(last, _File())
        file.content += data

    def _fsync(self, name, content, size):
        if name == WAL:
            self._synced = size
            return
        if name == ".":
            self._top.safe = dict(self._top.now)
            return
        names, last = self._at(name)
        if content is None:
            folder = names.setdefault(last, _Folder())
            folder.safe = dict(folder.now)
        else:
            file = names.setdefault(last, _File())
            file.content = file.safe = content

    def _rename(self, source, target, _):
        names, last = self._at(source)
        node = names.pop(last)
        names, last = self._at(target)
        names[last] = node

    def _link(self, source, target, _):
        names, last = self._at(source)
        node = names[last]
        names, last = self._at(target)
        names[last] = node

    def _unlink(self, name, _, __):
        names, last = self._at(name)
        names.pop(last, None)

    _rmdir = _unlink


def _read(path):
    """Return a folder all of which is safe, without the log of the database."""
    folder = _Folder()
    for entry in os.scandir(path):
        if entry.name in _DATABASE[1:]:
            continue
        if entry.is_dir():
            folder.now[entry.name] = _read(entry.path)
        else:
            with open(entry.path, "rb") as file:
                content = file.read()
            folder.now[entry.name] = _File(content, content)
    folder.safe = dict(folder.now)
    return folder


def _write(folder, target, draw):
    """Write what may be left of a folder: of each name, content and change that is not safe, drawn anew."""
    os.makedirs(target, mode=0o700)
    for name in sorted({*folder.now, *folder.safe}):
        now, safe = folder.now.get(name), folder.safe.get(name)
        node = now if now is safe else draw.choice((now, safe))
        path = os.path.join(target, name)
        if isinstance(node, _Folder):
            _write(node, path, draw)
        elif node is not None:
            part = node.content[: draw.randint(0, len(node.content))]
            kept = node.safe if node.content == node.safe else draw.choice((node.content, node.safe, part))
            with open(path, "wb") as file:
                file.write(kept)
            os.chmod(path, 0o600)


def watch_with(recorder):
    """Have a recorder be told of everything from now on."""
    fs.watch = recorder.watch


def copy_store(root, target):
    """Copy a store as it is, with its log."""
    shutil.copytree(root, target)
