"""The artifact store in S3: lost connections, damage, credentials, and what it asks the service for."""

import os

import pytest
from faulty_proxy import BUSY, CUT_AFTER, CUT_BEFORE, CUT_IN_ANSWER, CUT_IN_REQUEST, FaultyProxy

from zenml.artifacts import bucket as buckets
from zenml.artifacts.bucket import Patience
from zenml.components.artifact_store_check import put, read_all
from zenml.errors import ArtifactDamagedError, ArtifactError, ComponentError
from zenml.flavors import s3_artifact_store

MANIFEST = "manifest.json"
BIG = 20 << 20


@pytest.fixture
def proxy(moto):
    proxy = FaultyProxy(moto.port)
    yield proxy
    proxy.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Waiting between two tries is no part of what is tested."""
    monkeypatch.setattr(Patience, "waits", lambda self: iter([0.0] * (self.tries - 1)))


@pytest.fixture
def through(open_s3, proxy):
    """A store whose requests go through the proxy."""
    return open_s3("here", endpoint_url=proxy.url)


FILES = {"a.txt": b"one", "sub/b.bin": os.urandom(200_000)}


# Lost connections and a busy service


@pytest.mark.parametrize("fault", [CUT_BEFORE, CUT_IN_REQUEST, CUT_AFTER, BUSY])
@pytest.mark.parametrize("name", ["b.bin", MANIFEST])
def test_an_upload_survives_lost_connections(through, proxy, open_s3, fault, name):
    proxy.fail(fault, times=2, method="PUT", part=name)

    stored = put(through, "attempt1/output", FILES)

    assert sum(name in path for _, path in proxy.requests) >= 3
    assert read_all(open_s3("elsewhere").fetch(stored)) == FILES


def test_a_manifest_whose_answer_was_lost_is_ours_and_one_of_somebody_else_is_not(through, proxy, open_s3):
    proxy.fail(CUT_AFTER, times=1, method="PUT", part=MANIFEST)
    put(through, "attempt1/output", FILES)

    proxy.fail(CUT_AFTER, times=1, method="PUT", part=MANIFEST)
    with pytest.raises(ArtifactError, match=r"is in `s3://.*` already"):
        put(open_s3("elsewhere", endpoint_url=proxy.url), "attempt1/output", FILES)


@pytest.mark.parametrize("fault", [CUT_BEFORE, CUT_IN_REQUEST, CUT_AFTER, BUSY])
def test_a_part_of_a_big_file_is_sent_again_alone(through, proxy, open_s3, fault):
    proxy.fail(fault, times=1, method="PUT", part="partNumber=2")

    stored = put(through, "attempt1/output", {"big": os.urandom(1 << 20) * (BIG >> 20)})

    sent = [path.partition("partNumber=")[2][:1] for _, path in proxy.requests if "partNumber=" in path]
    assert sorted(sent) == ["1", "2", "2", "3"]
    open_s3().check(stored)


@pytest.mark.parametrize("fault", [CUT_BEFORE, CUT_AFTER, CUT_IN_ANSWER, BUSY])
@pytest.mark.parametrize("size", [200_000, BIG])
def test_a_download_survives_lost_connections(through, proxy, open_s3, fault, size):
    files = {"a": os.urandom(1000) * (size // 1000)}
    stored = put(open_s3("elsewhere"), "attempt1/output", files)
    proxy.fail(fault, times=2, method="GET", part="/a")

    assert read_all(through.fetch(stored)) == files


@pytest.fixture
def without_tries_inside(monkeypatch):
    """The client gives up at once, so that only the tries of the store itself take place."""
    monkeypatch.setattr(s3_artifact_store, "_TRIES_PER_PART", 1)


def test_a_service_that_is_gone_is_named_with_a_remedy(open_s3, proxy, without_tries_inside):
    proxy.close()
    store = open_s3(endpoint_url=proxy.url)

    with pytest.raises(
        ComponentError, match=r"S3 at `http://127.* cannot be reached.*s3://bucket.*6 tries.*network"
    ):
        put(store, "attempt1/output", {"a": b"1"})


def test_a_service_that_stays_busy_is_given_up_and_nothing_is_visible(
    through, proxy, open_s3, without_tries_inside
):
    proxy.fail(BUSY, times=1000, method="PUT", part=MANIFEST)

    with pytest.raises(ComponentError, match="too busy"):
        put(through, "attempt1/output", FILES)

    assert list(open_s3().keys()) == []
    assert list(open_s3().staged_attempts()) == ["attempt1"]
    open_s3().discard("attempt1")
    assert list(open_s3().staged_attempts()) == []


# Refusals are told at once


def test_a_missing_bucket_is_named_at_once(open_s3, proxy):
    store = open_s3(path="s3://no-such-bucket/x", endpoint_url=proxy.url)
    proxy.requests.clear()

    for call in (lambda: put(store, "attempt1/output", {"a": b"1"}), lambda: list(store.keys())):
        with pytest.raises(ComponentError, match=r"no bucket `no-such-bucket`.*Create the bucket"):
            call()
    assert len([1 for method, _ in proxy.requests if method == "PUT"]) == 1


def test_refused_credentials_are_told_at_once_without_showing_them(open_s3, proxy):
    def forbid(method, path, number):
        return BUSY

    store = open_s3(endpoint_url=proxy.url, secret="very secret")
    proxy.decide = forbid
    proxy_answer = proxy._answer
    words = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    proxy._answer = lambda handler, status, headers, body, **more: proxy_answer(
        handler, 403, headers, words, **more
    )

    with pytest.raises(
        ComponentError, match=r"refuses to put `s3://.*/attempt1.output/.*AccessDenied.*Let these"
    ) as caught:
        put(store, "attempt1/output", {"a": b"1"})
    assert len([1 for method, _ in proxy.requests if method == "PUT"]) == 1
    assert "very secret" not in str(caught.value)


# Damage


@pytest.fixture
def published(open_s3, moto):
    stored = put(open_s3("writer"), "attempt1/output", FILES)
    names = {name.rpartition("/")[2]: name for name in moto.names(open_s3.bucket)}
    return stored, names


def test_a_missing_file_is_named(published, open_s3, moto):
    stored, names = published
    moto.client.delete_object(Bucket=open_s3.bucket, Key=names["b.bin"])

    for call in (open_s3().check, open_s3().fetch):
        with pytest.raises(ArtifactDamagedError, match=r"file `sub/b.bin`, is damaged: it is missing"):
            call(stored)


def test_a_shorter_file_is_named(published, open_s3, moto):
    stored, names = published
    moto.client.put_object(Bucket=open_s3.bucket, Key=names["b.bin"], Body=b"short")

    for call in (open_s3().check, open_s3().fetch):
        with pytest.raises(ArtifactDamagedError, match=r"it has 5 bytes and was written with 200000"):
            call(stored)


def test_a_missing_manifest_means_that_it_is_not_there(published, open_s3, moto):
    stored, names = published
    moto.client.delete_object(Bucket=open_s3.bucket, Key=names[MANIFEST])

    for call in (open_s3().check, open_s3().fetch):
        with pytest.raises(ArtifactDamagedError, match=r"`manifest.json` is missing in `s3://"):
            call(stored)


def test_other_content_never_gets_into_the_cache(published, open_s3, moto):
    stored, names = published
    right = FILES["sub/b.bin"]
    moto.client.put_object(Bucket=open_s3.bucket, Key=names["b.bin"], Body=bytes(len(right)))
    store = open_s3()

    store.check(stored)
    for _ in range(2):
        with pytest.raises(ArtifactDamagedError, match=r"its content has changed"):
            store.fetch(stored)
    moto.client.put_object(Bucket=open_s3.bucket, Key=names["b.bin"], Body=right)
    assert read_all(store.fetch(stored)) == FILES


# What is asked for


def test_what_is_cached_needs_no_request(through, proxy, open_s3):
    mine = put(through, "attempt1/output", FILES)
    theirs = put(open_s3("elsewhere"), "attempt2/output", {"a": b"theirs"})
    through.fetch(theirs)
    proxy.requests.clear()

    for stored in (mine, theirs):
        through.fetch(stored)
        open_s3(endpoint_url=proxy.url).fetch(stored)

    assert proxy.requests == []


def test_a_check_is_one_request_and_an_artifact_of_one_file_two(through, proxy):
    proxy.requests.clear()
    stored = put(through, "attempt1/output", {"a": b"1"})
    published = len(proxy.requests)
    many = put(through, "attempt2/output", {f"part{number}": b"1" for number in range(30)})
    proxy.requests.clear()

    through.check(stored)
    through.check(many)

    assert published == 2
    assert len(proxy.requests) == 2


def test_a_long_upload_shows_that_it_lives_and_uploads_again_what_was_removed(
    through, proxy, moto, open_s3, monkeypatch
):
    from zenml.artifacts import remote_commit

    monkeypatch.setattr(remote_commit, "SECONDS_PER_SIGN", 0.001)

    def remove():
        name = next(name for name in moto.names(open_s3.bucket) if name.endswith("/a"))
        moto.client.delete_object(Bucket=open_s3.bucket, Key=name)

    proxy.fail(remove, method="PUT", end="/a")
    stored = put(through, "attempt1/output", {"a": b"1"})

    assert any(path.endswith("/attempt1.output/uploading") for _, path in proxy.requests)
    assert not [name for name in moto.names(open_s3.bucket) if name.endswith("uploading")]
    open_s3().check(stored)


def test_no_more_than_a_few_parts_are_in_memory(open_s3, monkeypatch):
    """What was asked for and not yet written is bounded, however large the file is."""
    monkeypatch.setattr(buckets, "PART", 1 << 20)
    from zenml.artifacts import remote_fetch

    monkeypatch.setattr(remote_fetch, "PART", 1 << 20)
    stored = put(open_s3("elsewhere"), "attempt1/output", {"big": bytes(24 << 20)})
    store = open_s3()
    asked, written = [0], [0]
    ahead = []
    read, write = store.bucket.read_range, remote_fetch.fs.write

    def counting_read(*arguments):
        asked[0] += 1
        ahead.append(asked[0] - written[0])
        return read(*arguments)

    def counting_write(fd, data):
        write(fd, data)
        written[0] += len(data) >> 20

    monkeypatch.setattr(store.bucket, "read_range", counting_read)
    monkeypatch.setattr(remote_fetch.fs, "write", counting_write)
    store.fetch(stored)

    assert asked[0] == 24
    assert max(ahead) <= remote_fetch.PARTS_AT_ONCE + 1
