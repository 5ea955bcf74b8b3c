"""A process that has imported everything, and forks the process of each round from itself.

It reads orders from its standard input, a line of JSON each, and answers each with a line when the processes of
the round are gone. So a round costs no imports, and is a real process with a real end all the same.

    {"shape": "fan", "folder": "/tmp/…", "resume": null, "kill": ["mark", 3]}

`kill`: null, or a point as `killing` knows them. `resume`: the id of the run to resume, null for a new one; a
question that it waits for is answered first. `roles`: for several processes at once, what each is called; the one
named by `victim` is killed, and each is answered for under its name.
"""

import asyncio
import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
import time
import traceback

import shapes
from killing import lines_of, prepare_to_die
from seam import count_of_children

import zenml.execute
import zenml.flavors
import zenml.logs
import zenml.reporting
import zenml.worker
from zenml.client import Client
from zenml.execute import isolation
from zenml.records.waits import Wait

SECONDS = 45
"""A process that takes longer hangs."""
LATE = (
    "encodings.ascii",
    "zenml.declare.resuming",
    "zenml.declare.starting",
    "zenml.materializers.builtin_materializer",
    "zenml.views.failure_panel",
)
"""What runs import late, beside the engine and what it reaches through the registry."""
NEVER = {"zenml.reporting.drawing", "zenml.reporting.live_region"}
"""What quiet runs do not import: its library would be imported for isolated steps too."""


def play(order, role):
    """Run or resume, and write what became of it."""
    os.environ["ZENML_CONFIG_PATH"] = os.path.join(order["folder"], "store")
    os.environ["FAULTS_TRACE"] = os.path.join(order["folder"], "trace")
    os.environ["FAULTS_ROLE"] = role
    with open(os.path.join(order["folder"], f"stacks{role}"), "w") as stacks:
        faulthandler.register(signal.SIGUSR1, stacks)
        counts = {"points": 0, "labels": []}
        marks = lines_of(os.environ["FAULTS_TRACE"])
        if order["shape"] not in shapes.OPENING:
            Client().store
        if role == "follower":
            wait_for_leader()
        prepare_to_die(order["kill"] if role == order.get("victim", "") else None, counts)
        try:
            run = go_on(order)
            said = {"status": str(run.status), "outputs": [output.load() for output in run.outputs]}
        except BaseException as error:
            said = {"status": "error", "error": traceback.format_exc(), "kind": type(error).__name__}
        said |= {**counts, "marks": lines_of(os.environ["FAULTS_TRACE"]) - marks}
        path = os.path.join(order["folder"], f"said{role}")
        with open(f"{path}.new", "w") as file:  # it may be killed while it writes
            json.dump(said, file)
        os.rename(f"{path}.new", path)


def go_on(order):
    if order["resume"] is None:
        pipeline = shapes.SHAPES[order["shape"]][0] if order["shape"] != "flight" else shapes.flight
        return asyncio.run(in_a_loop(pipeline)) if order["shape"] in shapes.IN_A_LOOP else pipeline()
    client = Client()
    for wait in client.store.select(Wait, status="open"):
        client.answer(wait.run_id, shapes.ANSWERS[wait.question])
    return client.resume_run(order["resume"])


async def in_a_loop(pipeline):
    """Call a pipeline where an event loop runs, as notebooks do."""
    return pipeline()


def wait_for_leader():
    """Return when the leader is at work, or is gone."""
    trace = os.environ["FAULTS_TRACE"]
    while not os.path.exists(trace) and not os.path.exists(f"{trace}.leader gone"):
        time.sleep(0.001)


def answer_to(order):
    """Do what an order says; return what became of each process, by role."""
    roles = order.get("roles", [""])
    for role in roles:
        for name in (f"said{role}", f"trace.{role} gone"):
            path = os.path.join(order["folder"], name)
            if os.path.exists(path):
                os.unlink(path)
    living = {fork(order, role): role for role in roles}
    answers = {}
    with limit(living):
        while living:
            process, status = os.waitpid(-1, 0)
            role = living.pop(process)
            answers[role] = {
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
                "ended": time.monotonic(),
            }
            open(os.path.join(order["folder"], f"trace.{role} gone"), "w").close()
    for role, answer in answers.items():
        said = os.path.join(order["folder"], f"said{role}")
        if os.path.exists(said):
            with open(said) as file:
                answer |= json.load(file)
        answer |= count_of_children(os.path.join(order["folder"], f"trace.points{role}"))
        if answer["signal"] == signal.SIGALRM:
            with open(os.path.join(order["folder"], f"stacks{role}")) as stacks:
                answer |= {"status": "hang", "error": f"it hangs:\n{stacks.read()}"}
    return answers if "roles" in order else answers[""]


class limit:
    """Have processes show where they stand and end, when they take too long."""

    def __init__(self, living):
        self._living = living

    def __enter__(self):
        signal.signal(signal.SIGALRM, self._end)
        signal.alarm(SECONDS)

    def __exit__(self, *_):
        signal.alarm(0)

    def _end(self, *_):
        for process in self._living:
            os.kill(process, signal.SIGUSR1)
        time.sleep(1)
        for process in self._living:
            os.kill(process, signal.SIGALRM)


def fork(order, role):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        try:
            play(order, role)
        finally:
            sys.stdout.flush()
            os._exit(0)
    return child


def warm_up():
    """Import whatever a run would, so that no process of a round has to; and keep it shared between them."""
    for package in (zenml.execute, zenml.worker, zenml.reporting, zenml.logs, zenml.flavors):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name not in NEVER:
                importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    isolation.WORKER_MODULES += ("shapes",)  # isolated steps find it imported, with its watch
    gc.collect()
    gc.freeze()


def main():
    warm_up()
    for line in sys.stdin:
        print(json.dumps(answer_to(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
