"""Kill runs at every point of every shape, cut their power at every moment, and tell what does not hold.

    python tests/faults/faults.py [--kills 10000] [--states 2000] [--seed N] [--shapes fan,nested] [--workers 2] [--write]
    python tests/faults/faults.py --again nested '[["after", 31]]'

First each shape is run undisturbed, and what it passes is counted: operations of the seam, in its own process and in
those of isolated steps, and marks. Then one run is killed at each of them, before and after it, resumed, and looked at.
Then runs are killed again while they are resumed, until there are as many kills as were asked for. The same seed draws
the same. `--write` puts the figures into benchmarks/RESULTS.md.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "benchmarks")]

import jobs
import power_states
import tables
from jobs import Job
from rounds import COUNTED, random_kill

KINDS = ("mark", "before", "after", "child before", "child after")
STATES_OF_A_JOB = 25
RELAXED = 4
"""One of so many jobs of states is done in the relaxed durability too."""
COSTLY = 0.75
"""Which part of the runs with isolated steps is left out once each point was had: they take five times as long."""


def main():
    options = read_options()
    if options.again:
        return again(*options.again)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    total = tables.Total(options.seed, options.workers)
    with started(options.workers) as pool:
        print("counting the points of each shape …", file=sys.stderr)
        for result in done_by(pool, (Job(shape, "count") for shape in options.shapes), options.workers):
            total.add(result)
        power = power_jobs(options)
        work = mixed(power, kill_jobs(options, total), options.seed)
        tell = Progress(total, options)
        try:
            for result in done_by(pool, work, options.workers):
                total.add(result)
                tell(result)
        except KeyboardInterrupt:
            total.was_stopped = True
        for _ in range(2 * options.workers):
            pool.submit(jobs.end)
    total.seconds = time.monotonic() - began
    print(tables.as_text(total))
    if options.write:
        tables.write(total)
    return 1 if total.violations else 0


def kill_jobs(options, total):
    """Yield runs that are killed at one point each, all of them; then more often, until there were enough kills."""
    draw = random.Random(options.seed)
    once = [
        Job(shape, "kill", ((kind, at),), total.counts[shape])
        for shape in options.shapes
        if shape in total.counts
        for kind in KINDS
        for at in range(1, total.counts[shape][COUNTED[kind]] + 1)
    ]
    draw.shuffle(once)
    total.points = len(once)
    yield from once
    while total.kills < options.kills and once:
        for job in once:
            if total.kills >= options.kills:
                return
            if job.counts["child points"] and draw.random() < COSTLY:
                continue
            more = [] if job.shape in jobs.FLIGHTS else range(draw.randint(1, 3))
            kills = (*job.kills, *(tuple(random_kill(draw, job.counts)) for _ in more))
            yield Job(job.shape, "kill", kills, job.counts)
        draw.shuffle(once)


def power_jobs(options):
    """Return what looks at states of disks: as many as were asked for, and a few in the other durability."""
    shapes = [shape for shape in power_states.SHAPES if shape in options.shapes]
    if not shapes or not options.states:
        return []
    rounds = -(-options.states // (len(shapes) * STATES_OF_A_JOB))
    return [
        Job(shape, durability, seed=f"{options.seed} {shape} {number}", states=STATES_OF_A_JOB)
        for number in range(rounds)
        for shape in shapes
        for durability in (("full", "relaxed") if number % RELAXED == 0 else ("full",))
    ]


def mixed(some, others, seed):
    """Yield both in turns, the shorter ones spread over the beginning of the others."""
    some = list(some)
    random.Random(seed).shuffle(some)
    for number, one in enumerate(others):
        if number % 20 == 0 and some:
            yield some.pop()
        yield one
    yield from some


def started(workers):
    return concurrent.futures.ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=jobs.begin
    )


def done_by(pool, work, workers):
    """Yield what comes of jobs, in the order in which they end; few are handed out ahead."""
    running = set()
    for job in work:
        running.add(pool.submit(jobs.perform, job))
        if len(running) >= 2 * workers:
            done, running = concurrent.futures.wait(running, return_when="FIRST_COMPLETED")
            yield from (one.result() for one in done)
    yield from (one.result() for one in concurrent.futures.as_completed(running))


def again(shape, kills):
    """Do one job again, and show what it comes to."""
    jobs.begin()
    counted = jobs.perform(Job(shape, "count"))
    result = jobs.perform(
        Job(shape, "kill", tuple(tuple(kill) for kill in json.loads(kills)), counted.counts)
    )
    print(
        counted.violation or result.violation or f"it holds; {result.kills} kills in {result.seconds:.2f} s"
    )
    jobs.end()
    return 1 if result.violation else 0


class Progress:
    """Says how far it is: each second on a terminal, else every 20 seconds; each violation at once."""

    def __init__(self, total, options):
        self._total, self._options = total, options
        self._is_terminal = sys.stderr.isatty()
        self._began = self._said = time.monotonic()

    def __call__(self, result):
        now = time.monotonic()
        if result.violation:
            print(f"\nVIOLATION {result.violation}\n", file=sys.stderr, flush=True)
        if now - self._said < (1 if self._is_terminal else 20):
            return
        self._said = now
        total, options = self._total, self._options
        rate = total.kills / (now - self._began)
        line = (
            f"kills {total.kills}/{options.kills} ({rate:.1f}/s), states {total.states('full')}/{options.states}, "
            f"violations {len(total.violations)}, {max(0, options.kills - total.kills) / max(rate, 0.1) / 60:.0f} min to go"
        )
        print(
            f"\r{line}  " if self._is_terminal else line,
            file=sys.stderr,
            end="" if self._is_terminal else "\n",
            flush=True,
        )


def read_options():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=10_000, help="kills truly done, at the least (10000)")
    parser.add_argument("--states", type=int, default=2_000, help="states of the disk, at the least (2000)")
    parser.add_argument("--seed", default=str(int(time.time())), help="draws the same again")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that do the work")
    parser.add_argument("--shapes", type=lambda text: tuple(text.split(",")), default=jobs.ALL_SHAPES)
    parser.add_argument("--write", action="store_true", help="write the figures into benchmarks/RESULTS.md")
    parser.add_argument("--again", nargs=2, metavar=("SHAPE", "KILLS"), help="one run, killed at points")
    options = parser.parse_args()
    unknown = sorted(set(options.shapes) - set(jobs.ALL_SHAPES))
    if unknown:
        parser.error(f"there is no shape {', '.join(unknown)}; there is: {', '.join(jobs.ALL_SHAPES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
