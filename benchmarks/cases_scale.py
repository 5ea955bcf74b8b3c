"""A store of a hundred thousand runs: what it costs to look at it, and to run on it."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from big_store import kept
from children import environment, fresh_folder, run_workload, time_command
from rows import Row

RUNS = int(os.environ.get("BENCH_SCALE", "100000"))
PAIRS = 60
"""Runs on each store in a repetition: what varies is the noise of the machine, far more than 10 %."""
BUDGET = 50.0
LOOSE = ("artifacts of a type", "no such run", "artifacts of a run with a cascading tag")
"""Questions that no index answers: a column without one, the close names in an error, the steps of 2,000 tagged runs."""


def scale(reps: int) -> list[Row]:
    """Ask, run, and look at a store that was made beforehand; each repetition on a fresh copy."""
    answers, starts, commands, collecting = [], [], [], []
    for _ in range(reps):
        with a_copy() as store:
            answers.append(run_workload("asking", store, ZENML_QUIET="1").figures)
            starts.append(run_workload("starting", store, PAIRS, ZENML_QUIET="1").figures)
            commands.append(times_of_commands(store, answers[-1]["some_run"]))
            collecting.append(time_of_zenml(store, "gc", "--dry-run"))
    return [
        *(question(name, answers, is_first=not i) for i, name in enumerate(answers[0]["times"])),
        *(start(name, starts) for name in ("executed", "cached")),
        *(command(name, commands) for name in commands[0]),
        plain("finding and interrupting 50 dead runs", "ms", [one["interrupting"] * 1e3 for one in answers]),
        plain("`zenml gc --dry-run`", "s", collecting),
        plain("bytes of the database for each run", "bytes", [one["size"] / one["runs"] for one in answers]),
    ]


@contextmanager
def a_copy() -> Iterator[str]:
    """Copy the store: what is asked first marks dead runs, and starting runs adds some."""
    with fresh_folder() as folder:
        yield shutil.copytree(kept(RUNS), os.path.join(folder, "store"))


def question(name: str, answers: list[dict], *, is_first: bool) -> Row:
    median = statistics.median(one["times"][name] for one in answers) * 1e3
    processor = statistics.median(one["processor"][name] for one in answers) * 1e3
    return Row(
        case="scale",
        what=f"{RUNS:,} runs, 95th percentile: {name}" if is_first else f"- {name}",
        unit="ms",
        ours=tuple(one["times"][name] * 1e3 for one in answers),
        floor=tuple(one["floors"][name] * 1e3 for one in answers),
        floor_is="a row of `runs` by its id, with bare sqlite3" if is_first else "",
        budget=BUDGET,
        is_binding=name not in LOOSE,
        remark="" if median <= BUDGET else f"{processor:.1f} ms of processor time",
    )


def start(name: str, starts: list[dict]) -> Row:
    large, empty = (
        [statistics.median(one[f"{name}_{which}"]) * 1e3 for one in starts] for which in ("large", "empty")
    )
    return Row(
        case="scale",
        what=f"{RUNS:,} runs: one more run, of 3 {name} steps",
        unit="ms",
        ours=tuple(large),
        floor=tuple(empty),
        floor_is=f"the same on an empty store, in turn; medians of {PAIRS}",
        budget_ratio=1.1,
    )


def times_of_commands(store: str, run: str) -> dict[str, tuple[float, float]]:
    """Return the seconds of whole processes, and of the one that only prints a version beside each."""
    words = {
        "run list": ("run", "list"),
        "run list --json": ("run", "list", "--json"),
        "run show": ("run", "show", run),
    }
    return {
        name: (time_of_zenml(store, *said), time_of_zenml(store, "--version")) for name, said in words.items()
    }


def time_of_zenml(store: str, *words: str) -> float:
    return time_command([sys.executable, "-m", "zenml", *words], environment(ZENML_CONFIG_PATH=store))


def command(name: str, commands: list[dict[str, tuple[float, float]]]) -> Row:
    ours, floor = zip(*(one[name] for one in commands), strict=True)
    return Row(
        case="scale",
        what=f"- `zenml {name}`, the whole process",
        unit="ms",
        ours=tuple(one * 1e3 for one in ours),
        floor=tuple(one * 1e3 for one in floor),
        floor_is="`zenml --version`",
    )


def plain(what: str, unit: str, figures: list[float]) -> Row:
    return Row(case="scale", what=f"- {what}", unit=unit, ours=tuple(figures))


CASES = {"scale": scale}
