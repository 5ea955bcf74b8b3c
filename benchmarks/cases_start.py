"""Starting: importing the decorators, the command line, a first run, memory."""

from __future__ import annotations

import os
import statistics
import sys

from children import environment, output_of, run_workload, time_code, time_command
from rows import Row

IMPORT = "from zenml import step, pipeline"
PAIRS = 10
"""Pairs of processes in one repetition of the import: a start varies by more than an import costs."""
MUST_NOT_LOAD = (
    "pydantic", "asyncio", "rich", "click", "numpy", "pandas", "psycopg", "httpx", "msgspec", "logging.config",
)  # fmt: skip
PEAK = "print(next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"


def import_time(reps: int) -> list[Row]:
    """Whole processes, in pairs: one that imports, one that does not."""
    bare, over, ratios = [], [], []
    for _ in range(reps):
        pairs = [(time_code("pass") * 1000, time_code(IMPORT) * 1000) for _ in range(PAIRS)]
        without, with_import = (statistics.median(part) for part in zip(*pairs, strict=True))
        bare.append(without)
        over.append(with_import - without)
        ratios.append(with_import / without)
    row = Row(
        case="import",
        what="import of `step` and `pipeline`, over bare Python",
        unit="ms",
        ours=tuple(over),
        floor=tuple(bare),
        floor_is="start and end of a bare Python; the ratio is that of the whole processes",
        ratios=tuple(ratios),
        budget=30,
    )
    return [row, modules()]


def modules() -> Row:
    """How many modules the import adds to those of a bare Python."""
    bare = set(output_of("import sys; print(*sys.modules)").split())
    ours = set(output_of(f"import sys; {IMPORT}; print(*sys.modules)").split())
    loaded = [name for name in MUST_NOT_LOAD if name in ours]
    return Row(
        case="import",
        what="- modules it loads",
        unit="modules",
        ours=(len(ours - bare),),
        floor=(len(bare),),
        floor_is="modules a bare Python has loaded",
        budget=80,
        broken=f"loads {', '.join(loaded)}" if loaded else "",
        remark="none of the heavy ones is loaded" if not loaded else f"loads {', '.join(loaded)}",
    )


def command_line(reps: int) -> list[Row]:
    """`zenml --help`, as a whole process."""
    command = [os.path.join(os.path.dirname(sys.executable), "zenml"), "--help"]
    time_command(command, environment())  # bytecode
    floor, ours = [], []
    for _ in range(reps):
        floor.append(time_code("pass") * 1000)
        ours.append(time_command(command, environment()) * 1000)
    row = Row(
        case="help",
        what="`zenml --help`",
        unit="ms",
        ours=tuple(ours),
        floor=tuple(floor),
        floor_is="start and end of a bare Python",
        budget=120,
    )
    return [row]


def first_run(reps: int) -> list[Row]:
    """The first run ever: the process, the store and the run, from nothing."""
    floor, ours = [], []
    for _ in range(reps):
        floor.append(time_code("pass") * 1000)
        ours.append(run_workload("first").seconds * 1000)
    row = Row(
        case="first",
        what="first run ever, fresh store, whole process, two steps",
        unit="ms",
        ours=tuple(ours),
        floor=tuple(floor),
        floor_is="start and end of a bare Python",
        budget=120,
    )
    return [row]


def memory(reps: int) -> list[Row]:
    """The most memory a process with a no-op pipeline ever holds."""
    row = Row(
        case="memory",
        what="peak memory of a no-op pipeline",
        unit="MB",
        ours=tuple(run_workload("memory").figures["megabytes"] for _ in range(reps)),
        floor=tuple(int(output_of(PEAK)) * 1024 / 1e6 for _ in range(reps)),
        floor_is="peak memory of a bare Python",
        budget=40,
    )
    return [row]


CASES = {"import": import_time, "help": command_line, "first": first_run, "memory": memory}
