"""Let many worlds pass in which schedulers are killed, and say what did not hold: `python tests/faults/worlds.py --worlds 10000`.

`make faults` runs it; with `--write` the figures go into benchmarks/RESULTS.md. A world that breaks a promise is
named by its seed, with which `--first SEED --worlds 1` has it pass again.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.dirname(__file__), os.path.join(ROOT, "benchmarks")]

import machine  # noqa: E402
import results  # noqa: E402

AT_ONCE = 50


def pass_worlds(first, count):
    """Let some worlds pass; return what happened in them, and what did not hold."""
    from schedule_world import World, new_store

    store, facts, violations = new_store(), Counter(), []
    for seed in range(first, first + count):
        try:
            facts.update(World(seed, store).run())
        except Exception:
            violations.append(f"seed {seed}: {traceback.format_exc(limit=-1)}")
    store.close()
    return facts, violations


def main():
    options = read_options()
    began = said = time.monotonic()
    facts, violations, done = Counter(), [], 0
    parts = range(options.first, options.first + options.worlds, AT_ONCE)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        last = options.first + options.worlds
        jobs = [pool.submit(pass_worlds, first, min(AT_ONCE, last - first)) for first in parts]
        for job in concurrent.futures.as_completed(jobs):
            found, bad = job.result()
            facts.update(found)
            violations += bad
            done += 1
            for one in bad:
                print(f"\nVIOLATION {one}", file=sys.stderr, flush=True)
            if time.monotonic() - said > 20:
                said = time.monotonic()
                print(
                    f"worlds {done * AT_ONCE}/{options.worlds}, violations {len(violations)}", file=sys.stderr
                )
    seconds = time.monotonic() - began
    told = (
        f"{options.worlds} worlds from seed {options.first} on in {seconds:.0f} s by {options.workers} processes: "
        f"{facts['kills']} kills of schedulers, {facts['begun']} runs, {facts['ticks']} rows of the ledger, "
        f"{len(violations)} violations."
    )
    print(told)
    if options.write:
        results.write_part("Schedules", as_markdown(told))
    return 1 if violations else 0


def as_markdown(told):
    about = machine.describe()
    lines = [
        "Written by `make faults`. In each world a seed decides what schedules there are, when the clock is set or the machine",
        "sleeps, when schedulers are killed (before and after each of their statements), when a second one works between two",
        "statements of the first, what people change meanwhile, and how processes end. A violation is a fire that happened twice,",
        "an instant that the ledger does not tell of, two runs that should not go on at once, or something that waits for ever.",
        "",
        f"- Date: {time.strftime('%Y-%m-%d %H:%M')}",
        *(f"- {name}: {about[name]}" for name in ("CPU", "Python", "SQLite") if name in about),
        f"- {told}",
    ]
    return "\n".join(lines)


def read_options():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", action="store_true", help="write the figures into benchmarks/RESULTS.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
