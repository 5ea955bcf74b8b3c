"""Measures what the package costs, each figure beside its floor.

    python benchmarks/run.py [--only NAME,…] [--reps 5] [--json FILE] [--write]

Times are shown and compared with budgets, never asserted: they belong to the machine. What must
hold on every machine (modules, statements, transactions, syncs, threads) is in `tests/budget`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable

import cases_data
import cases_dynamic
import cases_isolated
import cases_logs
import cases_scale
import cases_schedules
import cases_start
import cases_steps
import cases_store
import machine
import report
import results
from children import ChildError, run_workload
from rows import Row

CASES: dict[str, Callable[[int], list[Row]]] = {
    **cases_start.CASES,
    **cases_steps.CASES,
    **cases_dynamic.CASES,
    **cases_isolated.CASES,
    **cases_data.CASES,
    **cases_store.CASES,
    **cases_logs.CASES,
    **cases_schedules.CASES,
    **cases_scale.CASES,
}


def main() -> int:
    options = read_options()
    about = machine.describe()
    run_workload("warm_up")
    rows: list[Row] = []
    for name in options.only or CASES:
        begin = time.perf_counter()
        rows += measure(name, options.reps)
        print(f"{name}: {time.perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)
    print(report.as_text(rows))
    date = time.strftime("%Y-%m-%d %H:%M")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(
                {"date": date, "machine": about, "rows": [row.as_json() for row in rows]}, file, indent=1
            )
    if options.write:
        results.write_measurements(report.as_markdown(rows, about, date, options.reps))
    return 1 if any(row.problem for row in rows) else 0


def measure(name: str, reps: int) -> list[Row]:
    """Measure one case; one that cannot be measured is a row that says why."""
    try:
        return CASES[name](reps)
    except (ChildError, subprocess.SubprocessError, RuntimeError) as error:
        return [Row(case=name, what=name, unit="", problem=str(error))]


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"some of: {', '.join(CASES)}")
    parser.add_argument("--reps", type=int, default=5, help="repetitions of each measurement (5)")
    parser.add_argument("--json", metavar="FILE", help="also write every single figure to a file")
    parser.add_argument("--write", action="store_true", help="write benchmarks/RESULTS.md; takes all cases")
    options = parser.parse_args()
    unknown = [name for name in options.only or () if name not in CASES]
    if unknown:
        parser.error(f"there is no case {', '.join(unknown)}; there is: {', '.join(CASES)}")
    if options.write and options.only:
        parser.error("--write records a complete run; leave --only out")
    if options.reps < 1:
        parser.error("--reps must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
