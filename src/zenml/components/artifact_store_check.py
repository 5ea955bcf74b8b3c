"""The conformance check of artifact stores: what each must do, as functions that raise `AssertionError`.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_artifact_store_conforms(check, tmp_path):
        check(lambda: MyArtifactStore(config, place))

What a check is given opens one and the same, empty store: each call as another process would. Checks that need
two machines get stores that share the service, and no folder, from a factory that takes the name of a machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from zenml.artifacts.artifact_store import ArtifactStore
from zenml.artifacts.commit import key_for
from zenml.artifacts.hashing import digest_files
from zenml.errors import ArtifactDamagedError, ArtifactError
from zenml.records.artifact_data import FileEntry, StoredValue

StoreFactory: TypeAlias = Callable[[], ArtifactStore]

_BIG = (40 << 20) + 12_345
_MANY = 60
_ODD_NAMES = (
    "a b.txt",
    "ä ö 漢字.txt",
    "100%.txt",
    "a%20b",
    "x?versionId=1",
    "x#y",
    "[z]*",
    "back\\slash",
    "+=&@:;,$",
    "'quoted\"",
    "ends.",
    "~",
    "UPPER",
    "upper",
    "data.",
    "line\nbreak",
    "manifest.json.txt",
)


def comes_back_as_it_was_written(make: StoreFactory) -> None:
    """Another process gets the same files, in nested folders, and no others."""
    stored = put(make(), "attempt1/output", {"a.txt": b"one", "sub/deep/b.bin": b"two" * 1000, "empty": b""})

    folder = make().fetch(stored)

    _expect(
        read_all(folder) == {"a.txt": b"one", "sub/deep/b.bin": b"two" * 1000, "empty": b""},
        "other files came back",
    )


def lists_files_with_size_and_digest(make: StoreFactory) -> None:
    """What `publish` returns is sorted, and says of each file what it was."""
    stored = put(make(), "attempt1/output", {"b": b"22", "a": b"1"})

    _expect(
        [(one.path, one.size) for one in stored.files] == [("a", 1), ("b", 2)], f"wrong list: {stored.files}"
    )
    _expect(all(":" in one.digest for one in stored.files), "a digest names no algorithm")


def keeps_odd_names(make: StoreFactory) -> None:
    """A name that a service or a library could misread stays what it is."""
    files = {name: name.encode() for name in _ODD_NAMES} | {f"folder {name}/x": b"x" for name in _ODD_NAMES}

    stored = put(make(), "attempt1/output", files)

    make().check(stored)
    _expect(read_all(make().fetch(stored)) == files, "a name was changed")


def keeps_a_big_file(make: StoreFactory) -> None:
    """What travels in parts arrives whole."""
    content = os.urandom(1 << 20) * (_BIG >> 20) + b"end"

    stored = put(make(), "attempt1/output", {"big.bin": content, "small": b"1"})

    _expect(
        read_all(make().fetch(stored)) == {"big.bin": content, "small": b"1"}, "the content is another one"
    )


def keeps_many_files(make: StoreFactory) -> None:
    """Files that travel side by side are not mixed up."""
    files = {f"part/{number:04}": os.urandom(number) for number in range(_MANY)}

    stored = put(make(), "attempt1/output", files)

    make().check(stored)
    _expect(read_all(make().fetch(stored)) == files, "files are missing or mixed up")


def keeps_an_artifact_without_files(make: StoreFactory) -> None:
    """An empty folder is an artifact too."""
    stored = put(make(), "attempt1/output", {})

    make().check(stored)
    _expect(read_all(make().fetch(stored)) == {}, "files came from nowhere")
    _expect(list(make().keys()) == [stored.key], "it is not listed")


def gives_read_only_files(make: StoreFactory) -> None:
    """Nobody changes a stored file by accident."""
    stored = put(make(), "attempt1/output", {"a": b"1"})

    folder = make().fetch(stored)

    _expect(os.stat(os.path.join(folder, "a")).st_mode & 0o222 == 0, "a file can be written")


def refuses_to_publish_again(make: StoreFactory) -> None:
    """What is stored stays as it is, whether the same or something else is published under its key."""
    stored = put(make(), "attempt1/output", {"a": b"first"})

    for content in (b"second", b"first"):
        _refused(lambda content=content: put(make(), "attempt1/output", {"a": content}))  # type: ignore[misc]

    make().check(stored)
    _expect(read_all(make().fetch(stored)) == {"a": b"first"}, "it was overwritten")


def lets_one_of_two_publishers_win(make: StoreFactory) -> None:
    """Two that publish under one key at once: one is told that it did, and its files are those that are read."""
    for round_number in range(3):
        hint = f"attempt{round_number}/output"
        stores = [make(), make()]
        contents = [bytes([number]) * 300_000 for number in range(2)]
        won, lost = _race(stores, hint, contents)

        _expect(len(won) == 1 and len(lost) == 1, f"{len(won)} have won, {len(lost)} were refused")
        number, stored = won[0]
        make().check(stored)
        _expect(read_all(make().fetch(stored))["a"] == contents[number], "the files are the loser's")


def is_not_there_before_it_is_published(make: StoreFactory) -> None:
    """Staged files are nobody's artifact, and are found as what an attempt has left."""
    store = make()
    staging = store.stage("attempt1/output")
    with staging.create("a") as file:
        file.write(b"1")

    _expect(list(make().keys()) == [], "a staged folder is listed as an artifact")
    _expect(list(make().staged_attempts()) == ["attempt1"], "what is staged is not found")
    for one in make().unpublished():
        measure = one.measure()
        _expect(measure is not None and measure.size == 1, f"wrong size: {measure}")


def discards_what_an_attempt_has_left(make: StoreFactory) -> None:
    """Only the attempt's own, and only what it has not published; a second time is no error."""
    store = make()
    stored = put(store, "attempt1/published", {"a": b"1"})
    for hint in ("attempt1/output", "attempt10/output"):
        with store.stage(hint).create("a") as file:
            file.write(b"1")

    make().discard("attempt1")
    make().discard("attempt1")

    _expect(list(make().staged_attempts()) == ["attempt10"], "too much or too little was discarded")
    make().check(stored)


def deletes_once_and_for_all(make: StoreFactory) -> None:
    """What is deleted is not listed any more; a second time is no error; others stay."""
    gone = put(make(), "attempt1/gone", {"a": b"1", "sub/b": b"2"})
    kept = put(make(), "attempt1/kept", {"a": b"1"})

    make().delete(gone.key or "")
    make().delete(gone.key or "")

    _expect(list(make().keys()) == [kept.key], "the wrong folder is gone")
    _expect(list(make().staged_attempts()) == [], "something of it was left")
    _damaged(lambda: make().check(gone))
    make().check(kept)


def lists_what_is_stored_with_its_size(make: StoreFactory) -> None:
    """Sizes count at least the files; the time is that of the publication."""
    stored = put(make(), "attempt1/output", {"a": bytes(5000)})

    (one,) = make().published()
    measure = one.measure()

    _expect(one.name == stored.key, f"wrong name: {one.name}")
    _expect(measure is not None and 5000 <= measure.size < 7000, f"wrong size: {measure}")


def finds_a_file_that_differs_from_its_row(make: StoreFactory) -> None:
    """A file that is not there, or is shorter than recorded, is damage, and so is a list that is not the recorded one."""
    store = make()
    stored = put(store, "attempt1/output", {"a": b"1"})
    entry = stored.files[0]

    for files in (
        (entry, FileEntry("b", 1, entry.digest)),
        (FileEntry("a", 2, entry.digest),),
        (FileEntry("../a", 1, entry.digest),),
    ):
        changed = msgspec.structs.replace(stored, files=files)
        _damaged(lambda changed=changed: make().check(changed))  # type: ignore[misc]
        _damaged(lambda changed=changed: make().fetch(changed))  # type: ignore[misc]
        honest = msgspec.structs.replace(changed, digest=digest_files(files))
        _damaged(lambda honest=honest: make().fetch(honest))  # type: ignore[misc]


def finds_content_that_differs_from_its_row(make: StoreFactory) -> None:
    """Content that does not have the recorded digest is damage, however consistent the row is."""
    stored = put(make(), "attempt1/output", {"a": b"1"})
    (entry,) = stored.files
    other = FileEntry("a", 1, entry.digest[:-1] + ("0" if entry.digest[-1] != "0" else "1"))

    changed = msgspec.structs.replace(stored, files=(other,), digest=digest_files((other,)))

    _damaged(lambda: make().fetch(changed))


def refuses_keys_that_are_none(make: StoreFactory) -> None:
    """A key in a row that was changed leads nowhere else."""
    stored = put(make(), "attempt1/output", {"a": b"1"})

    for key in ("../attempt1.output", "a/b", "", ".staging"):
        _refused(lambda key=key: make().delete(key))  # type: ignore[misc]
        changed = msgspec.structs.replace(stored, key=key)
        _refused(lambda changed=changed: make().fetch(changed))  # type: ignore[misc]


CHECKS: tuple[Callable[[StoreFactory], None], ...] = (
    comes_back_as_it_was_written,
    lists_files_with_size_and_digest,
    keeps_odd_names,
    keeps_a_big_file,
    keeps_many_files,
    keeps_an_artifact_without_files,
    gives_read_only_files,
    refuses_to_publish_again,
    lets_one_of_two_publishers_win,
    is_not_there_before_it_is_published,
    discards_what_an_attempt_has_left,
    deletes_once_and_for_all,
    lists_what_is_stored_with_its_size,
    finds_a_file_that_differs_from_its_row,
    finds_content_that_differs_from_its_row,
    refuses_keys_that_are_none,
)


# -- what the checks are made of


def put(store: ArtifactStore, hint: str, files: dict[str, bytes], *, key: str | None = None) -> StoredValue:
    """Store files under a key, by default that of the hint, and return what a row would say of them."""
    staging = store.stage(hint)
    staging.key = key or staging.key
    try:
        for path, content in files.items():
            with staging.create(path) as file:
                file.write(content)
        published = store.publish(staging, {"type": "bytes"})
    except BaseException:
        staging.abandon()
        raise
    return StoredValue(
        type="bytes",
        materializer="bytes",
        digest=digest_files(published),
        size=sum(entry.size for entry in published),
        key=staging.key,
        files=published,
    )


def read_all(folder: str) -> dict[str, bytes]:
    """Return the content of all files of a fetched folder, but for what a store keeps with them."""
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    found.pop("manifest.json", None)
    return found


def _race(
    stores: list[ArtifactStore], hint: str, contents: list[bytes]
) -> tuple[list[tuple[int, StoredValue]], list[ArtifactError]]:
    """Publish all contents under one key at once; return who has won, with what, and what the others were told."""
    together = threading.Barrier(len(stores))
    won: list[tuple[int, StoredValue]] = []
    lost: list[ArtifactError] = []
    failed: list[BaseException] = []

    def publish(number: int) -> None:
        try:
            together.wait(60)
            # staged apart, as on two machines, since one machine has one staging folder for each key
            won.append(
                (number, put(stores[number], f"{hint}{number}", {"a": contents[number]}, key=key_for(hint)))
            )
        except ArtifactError as error:
            lost.append(error)
        except BaseException as error:  # told below, in the thread of the check
            failed.append(error)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _expect(not failed, f"a publisher failed in another way: {failed}")
    return won, lost


def _refused(call: Callable[[], object]) -> None:
    try:
        call()
    except ArtifactError:
        return
    raise AssertionError("it was not refused")


def _damaged(call: Callable[[], object]) -> None:
    try:
        call()
    except ArtifactDamagedError:
        return
    raise AssertionError("the damage was not found")


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001  # reads as a statement
    if not condition:
        raise AssertionError(message)
