"""The process of one scheduled run: `python -m zenml.schedule.entry STORE SCHEDULE KEY`.

It runs the pipeline of the schedule as the run of that tick, and ends with it. Started twice for the same tick
it does nothing the second time: the store has room for one run of each.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING


def main(arguments: list[str]) -> int:
    """Run what a tick stands for; return the exit status: 0 once the run has begun, however it ends."""
    from zenml.errors import ZenMLError
    from zenml.store.opening import open_store

    root, schedule_id, key = arguments
    os.environ["ZENML_CONFIG_PATH"] = root
    try:
        return _run(open_store(), schedule_id, key)
    except ZenMLError as error:
        sys.stderr.write(f"Error: {error}\n")  # the last line of its file is why it could not start
        return 1


def _run(store: Database, schedule_id: str, key: str) -> int:
    from zenml.declare.scheduled import compile_scheduled
    from zenml.execute.running import Fired, run_plan
    from zenml.records.schedules import Schedule
    from zenml.reporting.reporter import PlainReporter

    schedule, tick = store.get(Schedule, schedule_id), store.schedules.tick(schedule_id, key)
    if schedule is None or tick is None or tick.outcome != "claimed":
        return 0  # it was deleted, or has begun already
    if os.path.isdir(schedule.folder):
        os.chdir(schedule.folder)
    compiled = compile_scheduled(schedule, tick.instant, store)
    run_plan(compiled, store, reporter=PlainReporter(), fired=Fired(tick.run_id, schedule.id))
    return 0


if TYPE_CHECKING:
    from zenml.store.database import Database

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
