"""A program that owns a launcher, for tests that end the owner.

It starts a step with a family of stubborn descendants, prints all process ids, and does as its argument
says. Its top level runs once: the forkserver must not import it.
"""

import contextlib
import os
import signal
import sys
import threading

from process_launcher_helpers import forkserver_of, warden_of, watch

from zenml.flavors.process_launcher import ProcessLauncher

print("top level of the program", flush=True)

launcher = ProcessLauncher()
is_c = sys.argv[1] == "wait-for-c"
watched = watch(
    launcher, "hold_the_interpreter" if is_c else "stay_with_family", preload=("__main__", "json")
)
step, *family = map(int, watched.wait_for_event().split())
pids = [("owner", os.getpid()), ("warden", warden_of(launcher)), ("forkserver", forkserver_of(launcher))]
pids += [("step", step), *(("family", pid) for pid in family)]

if sys.argv[1] == "forked":  # a child that keeps copies of everything that is not closed for it
    child = os.fork()
    while child == 0:
        signal.pause()
    pids.append(("fork", child))

with contextlib.suppress(KeyboardInterrupt):
    print(*(f"{role} {pid}" for role, pid in pids), flush=True)
    if sys.argv[1] == "return":
        sys.exit(0)
    if sys.argv[1] == "raise":
        raise RuntimeError("an error of the program")
    threading.Event().wait()
