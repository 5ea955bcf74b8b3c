"""Having a process be killed at a point: at a mark of a step, at a transaction, at a kind of transaction, or at a time.

    ["mark", n]                  at the n-th mark of this process and of the isolated steps that it starts
    ["before", n], ["after", n]  before or after the n-th transaction is committed
    ["point", n]                 before the n-th operation that changes the disk or the database
    ["time", seconds]
    ["before", n, label], ["after", n, label]  before or after the n-th transaction that writes what the label says

Labels: `start NAME` and `end NAME`, of a call; `run STATUS` and `child STATUS`, the end or pause of a run; `resume`; `answer`.
"""

import os
import signal
import threading
import time

from zenml import fs
from zenml.store.sqlite import WriteTransaction


def die():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # no other thread does anything meanwhile


def prepare_to_die(kill, counts):
    """Have this process be killed at a point, and count the points that it passes."""
    kind, at, wanted = (*(kill or (None, 0)), None)[:3]
    leave, run, run_many = WriteTransaction.__exit__, WriteTransaction.run, WriteTransaction.run_many

    def is_due(transaction):
        counts["commits"] += 1
        said = getattr(transaction, "said", set())
        counts["labels"] += sorted(said)
        if wanted is not None:
            return wanted in said and counts["labels"].count(wanted) == at
        return counts["commits"] == at

    def at_commit(self, *error):
        dies = is_due(self)
        if dies and kind == "before":
            die()
        left = leave(self, *error)
        if dies and kind == "after":
            die()
        return left

    def listen(self, sql, values=()):
        note(self, sql, values)
        return run(self, sql, values)

    def listen_to_many(self, sql, rows):
        for row in rows:
            note(self, sql, row)
        return run_many(self, sql, rows)

    def at_operation(operation, path, other):
        counts["points"] += 1
        if kind == "point" and counts["points"] == at:
            die()

    fs.watch = at_operation
    WriteTransaction.__exit__ = at_commit
    WriteTransaction.run, WriteTransaction.run_many = listen, listen_to_many
    if kind == "mark":
        os.environ["FAULTS_KILL_AT"] = str(lines_of(os.environ["FAULTS_TRACE"]) + at)
    os.environ["FAULTS_OWNER"] = str(os.getpid())
    if kind == "time":
        threading.Thread(target=lambda: (time.sleep(at), die()), daemon=True).start()


def note(transaction, sql, values):
    """Keep in a transaction what a statement means, if it means something to those who kill."""
    label = label_of(" ".join(sql.split()), values)
    if label is not None:
        transaction.said = getattr(transaction, "said", set()) | {label}


def label_of(sql, values):
    if not isinstance(values, dict):
        return None
    if sql.startswith("INSERT INTO step_runs") and values["status"] == "running":
        return f"start {values['invocation_id']}"
    if sql.startswith("UPDATE step_runs") and "invocation_id" in values:
        return f"end {values['invocation_id']}"
    if sql.startswith("UPDATE runs SET status = 'running'"):
        return "resume"
    if sql.startswith("UPDATE runs") and "parent_id" in values:
        return f"{'run' if values['parent_id'] is None else 'child'} {values['status']}"
    return "answer" if sql.startswith("UPDATE waits SET status = 'answered'") else None


def lines_of(path):
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        return file.read().count(b"\n")
