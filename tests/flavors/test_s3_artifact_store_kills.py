"""A publisher that is killed at any request leaves the whole artifact or nothing that anybody sees."""

import json
import signal
import subprocess
import sys
import threading

import pytest
from faulty_proxy import CUT_IN_REQUEST, PASS, FaultyProxy
from s3_publisher import FILES

from moto_server import KEY, SECRET
from zenml.components.artifact_store_check import put, read_all

REQUESTS = 2 + 1 + 3 + 1 + 1
"""Two small files; a big one's beginning, three parts and end; the manifest."""


@pytest.fixture
def publisher(open_s3, moto, tmp_path):
    """Starts a publisher that is killed at the request of that number, and waits for its end."""
    proxy = FaultyProxy(moto.port)

    def run(number, *, is_before):
        process = None
        started = threading.Event()

        def kill():
            started.wait()
            process.send_signal(signal.SIGKILL)
            process.wait()

        def decide(method, path, count):
            if count != number:
                return PASS
            if is_before:
                kill()
                return CUT_IN_REQUEST
            return kill

        proxy.decide = decide
        options = {
            "path": f"s3://{open_s3.bucket}/team/artifacts",
            "endpoint_url": proxy.url,
            "key": KEY,
            "secret": SECRET,
            "folder": str(tmp_path / "killed"),
        }
        arguments = [
            sys.executable,
            __file__.replace("test_s3_artifact_store_kills", "s3_publisher"),
            json.dumps(options),
        ]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        started.set()
        output, _ = process.communicate()
        return output, process.returncode, len(proxy.requests)

    yield run
    proxy.close()


def test_the_number_of_requests_is_known(publisher):
    """Otherwise the kills below would miss some."""
    assert publisher(0, is_before=True) == ("published\n", 0, REQUESTS)


@pytest.mark.parametrize(
    ("number", "is_before"),
    [(1, True), (3, False), (5, True), (REQUESTS - 1, False), (REQUESTS, True), (REQUESTS, False)],
)
def test_a_killed_publisher_leaves_all_or_nothing(publisher, open_s3, number, is_before):
    output, code, _ = publisher(number, is_before=is_before)
    store = open_s3("other machine")

    assert (output, code) == ("", -signal.SIGKILL)
    if number == REQUESTS and not is_before:
        assert list(store.keys()) == ["attempt1.output"]
        assert list(store.staged_attempts()) == []
        return
    assert list(store.keys()) == []
    assert list(open_s3("killed").staged_attempts()) == ["attempt1"]

    open_s3("killed").discard("attempt1")

    assert list(open_s3("killed").staged_attempts()) == []
    stored = put(store, "attempt1/output", FILES)
    assert read_all(open_s3("third machine").fetch(stored)) == FILES
