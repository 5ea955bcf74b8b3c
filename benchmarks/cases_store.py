"""The store: what is asked of the database, and many processes that ask at once."""

from __future__ import annotations

import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile

from children import WORKLOADS, ChildError, fresh_folder, run_workload, workload_environment
from rows import Row

PROCESSES = 32
RUNS = 20
"""Runs of each process, after one to open the store."""


def statements(reps: int) -> list[Row]:
    """Three uncached steps; a count, so one repetition says it all."""
    del reps
    figures = run_workload("statements").figures
    asked = Row(
        case="statements",
        what="SQL statements of 3 uncached steps",
        unit="statements",
        ours=(figures["statements"],),
        budget=30,
        remark="without BEGIN, COMMIT and PRAGMA; an inserted row counts as a statement",
    )
    written = Row(
        case="statements",
        what="- transactions",
        unit="transactions",
        ours=(figures["transactions"],),
        budget=5,
        remark="n + 2",
    )
    return [asked, written]


def contention(reps: int) -> list[Row]:
    """Processes that record runs in one store: none may fail, none may starve."""
    bare = [contend("bare_contender") for _ in range(reps)]
    ours, problems, recorded = [], [], []
    for _ in range(reps):
        with fresh_folder() as folder:
            times, said = contend_in(folder, "contender")
            ours.append(times)
            problems += said
            recorded.append(completed_runs(folder))
    expected = PROCESSES * (RUNS + 1)
    lost = [expected - count for count in recorded if count != expected]
    broken = f"{len(problems)} errors, such as: {problems[0][-200:]}" if problems else ""
    if lost and not broken:
        broken = f"runs missing: {lost}"
    row = Row(
        case="contention",
        what="32 processes on one store, the slowest",
        unit="s",
        ours=tuple(max(times) for times in ours if times),
        floor=tuple(statistics.median(times) for times in ours if times),
        floor_is="the median process of the 32",
        budget_ratio=1.5,
        broken=broken,
        remark=broken
        or f"0 errors, {recorded[0]} of {expected} runs recorded each time, {RUNS} timed runs of 3 steps a process",
    )
    floor = Row(
        case="contention",
        what="- the same with as many bare transactions",
        unit="s",
        ours=tuple(max(times) for times, _ in bare),
        floor=tuple(statistics.median(times) for times, _ in bare),
        floor_is="the median process of the 32",
        is_binding=False,
        remark="how fair the file lock itself is",
    )
    return [row, floor]


def contend(script: str) -> tuple[list[float], list[str]]:
    """Let processes contend in a folder of their own."""
    with fresh_folder() as folder:
        return contend_in(folder, script)


def contend_in(folder: str, script: str) -> tuple[list[float], list[str]]:
    """Start all processes, have them begin together, and return their times and what went wrong."""
    env = workload_environment(folder, os.path.join(folder, "result.json"))
    command = [sys.executable, os.path.join(WORKLOADS, f"{script}.py"), str(RUNS)]
    times: list[float] = []
    problems: list[str] = []
    with tempfile.TemporaryFile("w+") as errors:
        children = [
            subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            for _ in range(PROCESSES)
        ]
        answers = [child.stdout.readline().strip() for child in children if child.stdout is not None]
        for child, answer in zip(children, answers, strict=True):
            if child.stdin is not None and answer == "ready":
                child.stdin.write("go\n")
                child.stdin.flush()
        for child in children:
            said, _ = child.communicate(timeout=600)
            if child.returncode == 0:
                times.append(float(said))
            else:
                problems.append(f"a process left with {child.returncode}")
        if problems:
            errors.seek(0)
            problems[0] += f": {complaints(errors.read())}"
    if not times:
        raise ChildError(problems[0])
    return times, problems


def complaints(said: str) -> str:
    """Return the lines that tell of an error, out of what 32 processes said."""
    lines = [
        line for line in said.splitlines() if re.match(r"[\w.]+(Error|Exception|Interrupt|Exit)\b", line)
    ]
    return " / ".join(lines)[:600] or said[-300:]


def completed_runs(folder: str) -> int:
    """Count the completed runs with three completed steps each, straight from the file."""
    connection = sqlite3.connect(os.path.join(folder, "store", "store.db"))
    sql = (
        "SELECT count(*) FROM runs r WHERE status = 'completed' AND"
        " 3 = (SELECT count(*) FROM step_runs s WHERE s.run_id = r.id AND s.status = 'completed')"
    )
    count = int(connection.execute(sql).fetchone()[0])
    connection.close()
    return count


CASES = {"statements": statements, "contention": contention}
