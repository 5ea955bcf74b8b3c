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
options = {"preload": ("__main__", "json")}
if sys.argv[1] == "wait-for-c":
    watched = watch(launcher, "hold_the_interpreter", **options)
else:
    watched = watch(launcher, "stay_with_family", **options)
watched.wait_for_event()
step, *family = map(int, watched.events[0].split())
print("owner", os.getpid(), "warden", warden_of(launcher), "forkserver", forkserver_of(launcher), end=" ")

if sys.argv[1] == "forked":  # a child that keeps copies of everything that C code does not close
    child = os.fork()
    if child == 0:
        while True:
            signal.pause()
    print("fork", child, end=" ")
print("step", step, *(f"family {pid}" for pid in family), flush=True)

if sys.argv[1] == "return":
    sys.exit(0)
if sys.argv[1] == "raise":
    raise RuntimeError("an error of the program")
with contextlib.suppress(KeyboardInterrupt):
    threading.Event().wait()
