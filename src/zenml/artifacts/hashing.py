"""Digests: what a stored file must still be when it is read.

A digest says which algorithm made it, such as `sha256:9f86…`. Files take blake3 where it is
installed, since it is many times faster, and SHA-256 otherwise; what one machine wrote with
blake3, another can check as soon as it has the package.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from zenml import fs
from zenml.errors import MissingLibraryError
from zenml.records.artifact_data import FileEntry

BESIDE_SIZE = 1 << 20
"""From this size on it pays to hash in a thread of its own while the disk works."""

LAG_LIMIT = 16 << 20
"""Bytes that may wait to be hashed while more is written: as much as is hashed while the disk makes the file durable."""

_READ_BLOCK = 1 << 20
_to_json = msgspec.json.Encoder(order="deterministic").encode
_file_algorithm: str | None = None


class Hash(Protocol):
    """What `hashlib` and `blake3` have in common."""

    def update(self, data: Any, /) -> Any:
        """Take in more data."""
        ...

    def hexdigest(self) -> str:
        """Return the digest of all data so far."""
        ...


def digest_bytes(data: bytes) -> str:
    """Return the digest of a value that is kept in its row."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_files(files: tuple[FileEntry, ...]) -> str:
    """Return the digest of a folder: of its files' paths, sizes and digests."""
    return digest_bytes(_to_json(files))


def file_algorithm() -> str:
    """Return the algorithm for new files."""
    global _file_algorithm
    if _file_algorithm is None:
        try:
            import blake3  # noqa: F401
        except ImportError:
            _file_algorithm = "sha256"
        else:
            _file_algorithm = "blake3"
    return _file_algorithm


def new_hash(algorithm: str) -> Hash:
    """Start a digest."""
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "blake3":
        try:
            import blake3
        except ImportError as error:
            raise MissingLibraryError(
                "A stored file is protected by a blake3 digest, and blake3 is not installed here. Install it with"
                " `pip install blake3`, then load again."
            ) from error
        hasher: Hash = blake3.blake3(max_threads=blake3.blake3.AUTO)
        return hasher
    raise MissingLibraryError(
        f"A stored file is protected by a digest of the kind `{algorithm}`, which this version does not know."
        " Upgrade zenml-core, then load again."
    )


def digest_fd(fd: int, algorithm: str) -> str:
    """Return the digest of an open file, from its beginning."""
    hasher, buffer, offset = new_hash(algorithm), bytearray(_READ_BLOCK), 0
    view = memoryview(buffer)
    while count := os.preadv(fd, [view], offset):
        hasher.update(view[:count])
        offset += count
    return f"{algorithm}:{hasher.hexdigest()}"


def digest_file(path: str) -> str:
    """Return the digest of a file; a symbolic link is an error."""
    fd = fs.open_to_read(path)
    try:
        return digest_fd(fd, file_algorithm())
    finally:
        os.close(fd)


class Beside:
    """A call that runs in a thread of its own; `result` waits for it and gives its answer or error."""

    def __init__(self, call: Callable[[], Any]) -> None:
        import threading

        self._call = call
        self._answer: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="zenml-hash", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._call()
        except BaseException as error:  # handed over to the waiting thread
            self._error = error

    def result(self) -> Any:
        """Wait for the call to end."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answer


class HashingWriter(io.RawIOBase):
    """A new file that is hashed while it is written, and is durable and read-only when closed."""

    def __init__(self, path: str, on_close: Callable[[int, str], None]) -> None:
        super().__init__()
        self._fd = fs.create(path)
        self._algorithm = file_algorithm()
        self._hash = new_hash(self._algorithm)
        self._behind: _Behind | None = None
        self._size = 0
        self._on_close = on_close

    def writable(self) -> bool:
        """Say that this is a file to write."""
        return True

    def tell(self) -> int:
        """Return how much has been written."""
        return self._size

    def write(self, data: Any) -> int:
        """Write all of the data, and hash it: meanwhile, or later if it cannot change."""
        size = self.write_stable(data)
        if type(data) is not bytes and self._behind is not None:
            self._behind.wait()
        return size

    def write_stable(self, data: Any) -> int:
        """Write data that will not change until the file is closed: the hash may lag behind."""
        view = memoryview(data).cast("B")
        if self._behind is None and self._size + len(view) >= BESIDE_SIZE:
            self._behind = _Behind(self._hash)
        if self._behind is None:
            self._hash.update(view)
        else:
            self._behind.update(view)
        fs.write(self._fd, view)
        self._size += len(view)
        return len(view)

    def close(self) -> None:
        """Make the file durable, then report its size and digest; a second call does nothing."""
        if self.closed:
            return
        try:
            # Protected first: the change of mode then is part of what is synced, and lies so far
            # back when the file is ready that its time of change can be relied on.
            fs.protect(self._fd)
            fs.sync(self._fd)
        finally:
            if self._behind is not None:
                self._behind.close()
            os.close(self._fd)
            super().close()
        self._on_close(self._size, f"{self._algorithm}:{self._hash.hexdigest()}")


class _Behind:
    """Hashes, in a thread of its own and in order, what it is handed; at most `LAG_LIMIT` bytes lie waiting."""

    def __init__(self, hasher: Hash) -> None:
        import queue
        import threading

        self._hash = hasher
        self._queue: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._waiting = 0
        self._progress = threading.Condition()
        self._thread = Beside(self._run)

    def update(self, view: memoryview) -> None:
        """Hash the data soon; wait until there is room for it, or nothing else waits."""
        with self._progress:
            self._progress.wait_for(lambda: not self._waiting or self._waiting + len(view) <= LAG_LIMIT)
            self._waiting += len(view)
        self._queue.put(view)

    def wait(self) -> None:
        """Return when everything is hashed."""
        with self._progress:
            self._progress.wait_for(lambda: not self._waiting)

    def close(self) -> None:
        """Hash the rest; end the thread."""
        self._queue.put(None)
        self._thread.result()

    def _run(self) -> None:
        error: BaseException | None = None
        while (view := self._queue.get()) is not None:
            try:
                if error is None:
                    self._hash.update(view)
            except (
                BaseException
            ) as raised:  # raised again when the file is closed; until then nobody may wait in vain
                error = raised
            with self._progress:
                self._waiting -= len(view)
                self._progress.notify_all()
        if error is not None:
            raise error
