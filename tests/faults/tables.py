"""What kills and power failures came to, shape by shape, for people and for benchmarks/RESULTS.md."""

import time
from collections import Counter, defaultdict

import machine
import results


class Total:
    """Everything that was done and found."""

    def __init__(self, seed, workers):
        self.seed, self.workers = seed, workers
        self.seconds = 0.0
        self.was_stopped = False
        self.points = 0
        """At how many points, before and after and at marks, a run is killed once."""
        self._reached = set()
        self.counts = {}
        """By shape: how many points of each kind an undisturbed run passes."""
        self.violations = []
        self.runs, self._kills, self._violations = Counter(), Counter(), Counter()
        self._losses = defaultdict(list)
        self.takeovers = []

    @property
    def kills(self):
        """How many processes were killed."""
        return self._kills.total()

    def add(self, result):
        """Take what came of a job."""
        shape, what = result.job.shape, result.job.what
        if what == "count":
            self.counts |= {shape: result.counts} if result.counts else {}
        else:
            self.runs[shape, what] += 1
        self._kills[shape] += result.kills
        if result.kills:
            self._reached.add((shape, result.job.kills[:1]))
        self._losses[shape, what] += result.losses
        if result.takeover is not None:
            self.takeovers.append(result.takeover)
        if result.violation is not None:
            self._violations[shape, what] += 1
            self.violations.append(result.violation)

    def states(self, durability):
        """How many states of disks were looked at."""
        return sum(len(losses) for (_, what), losses in self._losses.items() if what == durability)

    def of_kills(self):
        """Return a table: by shape, the points, the runs, the kills, and what did not hold."""
        names = ("points", "child points", "marks")
        rows = [["shape", "points", "of isolated steps", "marks", "runs", "kills", "violations"]]
        for shape, counts in self.counts.items():
            bad = self._violations[shape, "kill"] + self._violations[shape, "count"]
            numbers = [*(counts[name] for name in names), self.runs[shape, "kill"], self._kills[shape], bad]
            rows.append([shape, *numbers])
        return with_sums(rows)

    def of_power(self):
        """Return a table: by shape, what was lost in states of the disk, in either durability."""
        rows = [
            [
                "shape",
                "states, full",
                "reported runs lost",
                "violations",
                "states, relaxed",
                "reported runs lost",
                "artifacts refused",
                "violations",
            ]
        ]
        for shape in sorted({shape for (shape, what), losses in self._losses.items() if losses}):
            full, relaxed = self._losses[shape, "full"], self._losses[shape, "relaxed"]
            rows.append(
                [
                    shape,
                    len(full),
                    lost(full),
                    self._violations[shape, "full"],
                    len(relaxed),
                    lost(relaxed),
                    sum(one.refused for one in relaxed),
                    self._violations[shape, "relaxed"],
                ]
            )
        return with_sums(rows)

    def as_sentences(self):
        """Return what the tables do not say."""
        done = f"{self.kills} kills and {self.states('full')} + {self.states('relaxed')} states"
        how = f"in {self.seconds / 60:.0f} min by {self.workers} processes"
        rate = f"{self.kills / max(self.seconds, 1):.1f} kills/s"
        told = [f"{done} {how}: {rate}; {len(self.violations)} violations."]
        told.append(
            f"{len(self._reached)} of the {self.points} points of undisturbed runs (before, after, marks) were killed at: "
            "which operations come depends a little on the order of threads."
        )
        if self.was_stopped:
            told.append("It was stopped before its end.")
        if self.takeovers:
            found = sorted(self.takeovers)
            told.append(
                f"From the death of a process whose result another one waits for to the end of that one's run: median "
                f"{found[len(found) // 2] * 1000:.0f} ms, at most {found[-1] * 1000:.0f} ms, of {len(found)}."
            )
        return told


def lost(losses):
    """Count the runs that were reported as completed and are not recorded as that."""
    return sum(one.has_returned and not one.was_complete for one in losses)


def with_sums(rows):
    """Add what the columns come to."""
    if len(rows) == 1:
        return rows
    return [*rows, ["all", *(sum(column) for column in list(zip(*rows[1:], strict=True))[1:])]]


def as_text(total):
    """Return the tables for a terminal."""
    parts = []
    for rows in (total.of_kills(), total.of_power()):
        widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = [str(row[0]).ljust(widths[0])]
            cells += [str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells))
        parts.append("\n".join(lines))
    listed = [f"VIOLATION {one}" for one in total.violations]
    return "\n\n".join([*parts, "\n".join([*total.as_sentences(), f"seed {total.seed}"]), *listed])


def as_markdown(total):
    """Return the section of RESULTS.md."""
    about = machine.describe()
    lines = [
        "Written by `make faults`. Each point is an operation that changes the disk or the database; at each one run is killed",
        "before it and one after it, and resumed; then runs are killed again while they are resumed. A violation is anything that",
        "docs/reliability.md promises and that did not hold.",
        "",
        f"- Date: {time.strftime('%Y-%m-%d %H:%M')}",
        f"- Seed: {total.seed}",
        *(
            f"- {name}: {value}"
            for name, value in about.items()
            if name in ("CPU", "Kernel", "Python", "SQLite")
        ),
        *(f"- {sentence}" for sentence in total.as_sentences()),
        "",
        "### Kills",
        "",
        *table(total.of_kills()),
        "",
        "### Power failures",
        "",
        *table(total.of_power()),
    ]
    return "\n".join(lines) + "\n"


def table(rows):
    """Return the lines of a table."""
    marks = ["---"] + ["--:"] * (len(rows[0]) - 1)
    return [f"| {' | '.join(str(cell) for cell in row)} |" for row in (rows[0], marks, *rows[1:])]


def write(total):
    """Put the figures into RESULTS.md."""
    results.write_part("Faults", as_markdown(total))
