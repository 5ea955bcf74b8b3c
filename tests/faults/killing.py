"""Having a process be killed at a point: at a mark of a step, at an operation of the seam, at a transaction, or at a time.

    ["mark", n]                  at the n-th mark of this process and of the isolated steps that it starts
    ["before", n], ["after", n]  before or after the n-th operation that changes the disk or the database
    ["before", n, label], ["after", n, label]  before or after the n-th transaction is committed that writes what the label says
    ["time", seconds]
    ["child before", n], ["child after", n]    the process of an isolated step, at the n-th operation of all of those

Labels: `start NAME` and `end NAME`, of a call; `run STATUS` and `child STATUS`, the end or pause of a run; `resume`; `answer`.
"""

import os
import threading
import time

from seam import FILE_OF_CHILDREN, Watch, die, forget_children, name_point_of_children

from zenml import fs
from zenml.store.sqlite import WriteTransaction


def prepare_to_die(kill, counts):
    """Have this process, or one of its isolated steps, be killed at a point; count the points that it passes."""
    kind, at, *label = kill or ("", 0)
    os.environ[FILE_OF_CHILDREN] = f"{os.environ['FAULTS_TRACE']}.points{os.environ['FAULTS_ROLE']}"
    os.environ["FAULTS_OWNER"] = str(os.getpid())
    forget_children()
    if kind.startswith("child "):
        name_point_of_children(kind.removeprefix("child "), at)
    elif kind == "mark":
        os.environ["FAULTS_KILL_AT"] = str(lines_of(os.environ["FAULTS_TRACE"]) + at)
    elif kind == "time":
        threading.Thread(target=lambda: (time.sleep(at), die()), daemon=True).start()
    listen_to_transactions(kill if label else None, counts)
    fs.watch = Watch(kind if not label else "", at, counts)


def listen_to_transactions(kill, counts):
    """Have transactions write down what they mean, and this process be killed at one of them."""
    kind, at, wanted = kill or (None, 0, None)
    leave, run, run_many = WriteTransaction.__exit__, WriteTransaction.run, WriteTransaction.run_many

    def at_commit(self, *error):
        said = getattr(self, "said", set())
        counts["labels"] += sorted(said)
        dies = wanted in said and counts["labels"].count(wanted) == at
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

    WriteTransaction.__exit__ = at_commit
    WriteTransaction.run, WriteTransaction.run_many = listen, listen_to_many


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
