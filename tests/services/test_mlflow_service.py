"""The MLflow server of the tests: it answers, and leaves nothing behind when the tests are killed."""

import contextlib
import glob
import os
import signal
import subprocess
import sys
import time

from keeper import answers


def test_the_server_answers(mlflow_server):
    from mlflow import MlflowClient

    assert "Default" in [one.name for one in MlflowClient(mlflow_server.address).search_experiments()]


def test_the_server_ends_with_a_test_process_that_is_killed(tmp_path):
    code = f"""
import sys, time
sys.path.insert(0, {os.path.dirname(__file__)!r})
from mlflow_service import MlflowServer
print(MlflowServer({str(tmp_path)!r}).port, flush=True)
time.sleep(600)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    port = int(owner.stdout.readline())
    assert answers(port)
    assert still_there(str(tmp_path))

    owner.send_signal(signal.SIGKILL)
    owner.wait()

    owner.stdout.close()
    while answers(port) or still_there(str(tmp_path)):  # the timeout of the test is the limit
        time.sleep(0.05)


def still_there(word):
    """Return the command lines of processes that name something."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            found.append(file.read())
    return [line for line in found if word in line]
