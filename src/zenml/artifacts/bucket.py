"""A place of objects in a storage service, through fsspec: few verbs, each tried again when it may succeed.

    put_file    a file of this machine, in parts if it is large
    put_new     small content, only if there is no object of that name yet
    read_range  a part of an object
    find        names, sizes and ages of all objects below a folder
    remove      many objects

Every other error becomes a `ComponentError` with the address and what to do. Objects are named from the
place on; what fsspec calls a path is the bucket, the prefix and that name.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NoReturn, TypeVar

import msgspec

from zenml.artifacts.bucket_errors import Meaning, meaning_of, words_of
from zenml.errors import ComponentError, ZenMLError

PART = 8 << 20
"""Bytes in one request: what is larger travels in parts, of which several are under way at once."""
PARTS_AT_ONCE = 4
FILES_AT_ONCE = 8
_AT_ONCE_TO_REMOVE = 1000
"""As many as one request of S3 removes."""

Answer = TypeVar("Answer")


class Found(msgspec.Struct, frozen=True):
    """An object in a bucket."""

    size: int
    changed_at: float
    """Seconds since 1970, by the clock of the service."""


class Patience(msgspec.Struct, frozen=True):
    """How often a request is tried, and how long is waited between two tries: at random, up to twice as long each time."""

    tries: int = 6
    first: float = 0.25
    longest: float = 10.0

    def waits(self) -> Iterator[float]:
        """Yield seconds to wait, one for each further try."""
        for number in range(self.tries - 1):
            most = min(self.longest, self.first * 2**number)
            yield random.uniform(most / 2, most)  # noqa: S311  # so that many processes do not come back together


class Bucket:
    """Objects below a prefix of a bucket.

    Args:
        url: the address for people, such as `s3://bucket/prefix`; what follows `://` is the place.
        connect: makes the file system of fsspec; called once in each process, when it is used first.
        service: what people call the service, with its address if one was given: `S3 at http://…`.
        upload_options: what the file system's `put_file` takes, such as the size of parts.
        patience: how often a request is tried.
    """

    def __init__(
        self,
        url: str,
        connect: Callable[[], Any],
        *,
        service: str,
        upload_options: dict[str, Any] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.place = self.url.partition("://")[2]
        self.name = self.place.partition("/")[0]
        self._connect = connect
        self._service = service
        self._upload_options = upload_options or {}
        self._patience = patience or Patience()
        self._lock = threading.Lock()
        self._connected: tuple[int, Any] | None = None

    @property
    def files(self) -> Any:
        """The file system of fsspec, one for this process: a connection does not survive a fork."""
        if self._connected is None or self._connected[0] != os.getpid():
            with self._lock:
                if self._connected is None or self._connected[0] != os.getpid():
                    self._connected = os.getpid(), self._connect()
        return self._connected[1]

    def put_file(self, local: str, name: str) -> None:
        """Upload a file; an object of that name is replaced."""
        options = self._upload_options
        self._ask("put", name, lambda: self.files.put_file(local, self._path(name), **options))

    def put(self, name: str, content: bytes) -> None:
        """Write a small object; one of that name is replaced."""
        self._ask("put", name, lambda: self.files.pipe_file(self._path(name), content))

    def put_new(self, name: str, content: bytes) -> bool:
        """Write a small object unless there is one of that name; tell whether it was written.

        False can also mean that an earlier try has written it, whose answer was lost: compare the content.
        """
        try:
            self._ask("put", name, lambda: self.files.pipe_file(self._path(name), content, mode="create"))
        except FileExistsError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """Return the content of a small object.

        Raises:
            FileNotFoundError: there is none.
        """
        content: bytes = self._ask("get", name, lambda: self.files.cat_file(self._path(name)))
        return content

    def read_range(self, name: str, start: int, size: int) -> bytes:
        """Return a part of an object; an answer that is too short is taken for a lost connection.

        Raises:
            FileNotFoundError: there is no such object.
        """

        def read() -> bytes:
            content: bytes = self.files.cat_file(self._path(name), start=start, end=start + size)
            if len(content) != size:
                raise ConnectionError(f"{len(content)} of {size} bytes came")
            return content

        return self._ask("get", name, read)

    def find(self, folder: str = "") -> dict[str, Found]:
        """Return all objects in a folder and below it, by their names."""
        path = self._path(folder)
        return self._listed(folder, lambda: self.files.find(path, detail=True))

    def find_beginning(self, letters: str) -> dict[str, Found]:
        """Return all objects whose names begin with some letters."""
        listed = self._listed(letters, lambda: self.files.find(self.place, prefix=letters, detail=True))
        # some file systems ignore a prefix that is no folder
        return {name: found for name, found in listed.items() if name.startswith(letters)}

    def _listed(self, name: str, request: Callable[[], Any]) -> dict[str, Found]:
        listed: dict[str, Any] = self._ask("list", name, request, missing={})
        if not listed:
            self._require_bucket()
        skipped = len(self.place) + 1
        return {path.lstrip("/")[skipped:]: _found(info) for path, info in listed.items()}

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects; missing ones are no error."""
        for start in range(0, len(names), _AT_ONCE_TO_REMOVE):
            paths = [self._path(name) for name in names[start : start + _AT_ONCE_TO_REMOVE]]
            self._ask("remove", names[start], partial(self.files.rm, paths), missing=None)

    def _path(self, name: str) -> str:
        return f"{self.place}/{name}" if name else self.place

    def _require_bucket(self) -> None:
        """An empty list can mean that the whole bucket is missing, which some services do not say."""
        try:
            is_there = self.files.exists(self.name)
        except Exception:  # whoever may only use objects may not ask for the bucket
            return
        if not is_there:
            self._fail("list", "", FileNotFoundError(f"no bucket `{self.name}`"), Meaning.NO_BUCKET)

    def _ask(self, verb: str, name: str, request: Callable[[], Answer], **missing: Answer) -> Answer:
        """Make a request until it has an answer; `missing` is the answer if there is no such object."""
        for wait in (*self._patience.waits(), None):
            try:
                return request()
            except (ZenMLError, ImportError):
                raise
            except Exception as error:  # the border to the libraries of the services
                meaning = meaning_of(error)
                if meaning is Meaning.EXISTS:
                    raise FileExistsError(self._address(name)) from error
                if meaning is Meaning.ABSENT and verb != "put":
                    if "missing" in missing:
                        return missing["missing"]
                    raise FileNotFoundError(self._address(name)) from error
                if meaning is not Meaning.PASSING or wait is None:
                    self._fail(verb, name, error, meaning)
                time.sleep(wait)
        raise AssertionError  # the last try returns or raises

    def _address(self, name: str) -> str:
        return f"{self.url}/{name}" if name else self.url

    def _fail(self, verb: str, name: str, error: Exception, meaning: Meaning) -> NoReturn:
        where = f"`{self._address(name)}`"
        said = words_of(error)
        remedy = _REMEDIES.get(meaning, _REMEDIES[Meaning.OTHER]).format(bucket=self.name, verb=verb)
        if meaning is Meaning.PASSING:
            what = f"{self._service} cannot be reached, or is too busy, to {verb} {where}: {self._patience.tries} tries failed"
        elif meaning in (Meaning.NO_BUCKET, Meaning.ABSENT):
            what = f"{self._service} has no bucket `{self.name}`, which is needed to {verb} {where}"
        else:
            what = f"{self._service} refuses to {verb} {where}"
        raise ComponentError(f"{what} ({said}). {remedy}") from error


_REMEDIES = {
    Meaning.PASSING: "Check the network and the address of the service, then run again.",
    Meaning.NO_BUCKET: "Create the bucket, or correct `path` of the artifact store.",
    Meaning.ABSENT: "Create the bucket, or correct `path` of the artifact store.",
    Meaning.NO_KEY: "Check the credentials of the artifact store: they are missing, expired or not known there.",
    Meaning.FORBIDDEN: "Let these credentials list, get, put and remove objects of the bucket `{bucket}`.",
    Meaning.ELSEWHERE: "The bucket `{bucket}` is in another region: correct `region` of the artifact store.",
    Meaning.OTHER: "Check the configuration of the artifact store.",
}


def _found(info: dict[str, Any]) -> Found:
    """Read size and time from what a file system of fsspec tells; each has its own words for the time."""
    for name in ("LastModified", "last_modified", "updated", "mtime", "created"):
        moment = info.get(name)
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        if isinstance(moment, datetime):
            return Found(info["size"], moment.timestamp())
        if isinstance(moment, (int, float)):
            return Found(info["size"], float(moment))
    return Found(info["size"], time.time())  # nothing of unknown age is taken for old
