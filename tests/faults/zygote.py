"""A process that has imported everything, and forks the process of each round from itself.

It reads orders from its standard input, a line of JSON each, and answers each with a line when the process of
the round is gone. So a round costs no imports, and is a real process with a real end all the same.

    {"shape": "fan", "folder": "/tmp/…", "resume": null, "kill": ["mark", 3]}

`kill`: null; ["mark", n]: at the n-th mark of this process and of the isolated steps that it starts; ["before", n] or ["after", n]: before or after the
n-th transaction is committed; ["time", seconds]. `resume`: the id of the run to resume, null for a new one.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback

import shapes

from zenml.client import Client
from zenml.store.sqlite import WriteTransaction

import zenml.declare.resuming  # noqa: F401  isort: skip  once, not in each round


def die():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # no other thread does anything meanwhile


def prepare_to_die(kind, at, counts):
    """Have this process be killed at a point, and count the points that it passes."""
    leave = WriteTransaction.__exit__

    def at_commit(self, *error):
        counts["commits"] += 1
        if kind == "before" and counts["commits"] == at:
            die()
        left = leave(self, *error)
        if kind == "after" and counts["commits"] == at:
            die()
        return left

    WriteTransaction.__exit__ = at_commit
    if kind == "mark":
        os.environ["FAULTS_KILL_AT"] = str(lines_of(os.environ["FAULTS_TRACE"]) + at)
    os.environ["FAULTS_OWNER"] = str(os.getpid())
    if kind == "time":
        threading.Thread(target=lambda: (time.sleep(at), die()), daemon=True).start()


def lines_of(path):
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        return file.read().count(b"\n")


def play(order):
    """Run or resume, and write what became of it."""
    os.environ["ZENML_CONFIG_PATH"] = os.path.join(order["folder"], "store")
    os.environ["FAULTS_TRACE"] = os.path.join(order["folder"], "trace")
    counts = {"commits": 0}
    marks = lines_of(os.environ["FAULTS_TRACE"])
    pipeline, _ = shapes.SHAPES[order["shape"]]
    Client().store
    prepare_to_die(*(order["kill"] or (None, 0)), counts)
    try:
        run = pipeline() if order["resume"] is None else Client().resume_run(order["resume"])
        said = {"status": str(run.status), "outputs": [output.load() for output in run.outputs], **counts}
    except BaseException:
        said = {"status": "error", "error": traceback.format_exc(), **counts}
    said["marks"] = lines_of(os.environ["FAULTS_TRACE"]) - marks
    with open(os.path.join(order["folder"], "said"), "w") as file:
        json.dump(said, file)


def main():
    for line in sys.stdin:
        order = json.loads(line)
        said = os.path.join(order["folder"], "said")
        if os.path.exists(said):
            os.unlink(said)
        child = os.fork()
        if child == 0:
            try:
                play(order)
            finally:
                sys.stdout.flush()
                os._exit(0)
        _, status = os.waitpid(child, 0)
        answer = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}
        if os.path.exists(said):
            with open(said) as file:
                answer |= json.load(file)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
