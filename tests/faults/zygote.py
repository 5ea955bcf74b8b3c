"""A process that has imported everything, and forks the process of each round from itself.

It reads orders from its standard input, a line of JSON each, and answers each with a line when the process of
the round is gone. So a round costs no imports, and is a real process with a real end all the same.

    {"shape": "fan", "folder": "/tmp/…", "resume": null, "kill": ["mark", 3]}

`kill`: null, or a point as `killing` knows them. `resume`: the id of the run to resume, null for a new one; a
question that it waits for is answered first.
"""

import asyncio
import json
import os
import sys
import traceback

import shapes
from killing import lines_of, prepare_to_die

import zenml.declare.resuming
from zenml.client import Client
from zenml.records.waits import Wait

import zenml.execute.awaiting  # noqa: F401  isort: skip


def play(order):
    """Run or resume, and write what became of it."""
    os.environ["ZENML_CONFIG_PATH"] = os.path.join(order["folder"], "store")
    os.environ["FAULTS_TRACE"] = os.path.join(order["folder"], "trace")
    counts = {"commits": 0, "points": 0, "labels": []}
    marks = lines_of(os.environ["FAULTS_TRACE"])
    Client().store
    prepare_to_die(order["kill"], counts)
    try:
        run = go_on(order)
        said = {"status": str(run.status), "outputs": [output.load() for output in run.outputs], **counts}
    except BaseException:
        said = {"status": "error", "error": traceback.format_exc(), **counts}
    said["marks"] = lines_of(os.environ["FAULTS_TRACE"]) - marks
    path = os.path.join(order["folder"], "said")
    with open(f"{path}.new", "w") as file:  # it may be killed while it writes
        json.dump(said, file)
    os.rename(f"{path}.new", path)


def go_on(order):
    if order["resume"] is None:
        pipeline = shapes.SHAPES[order["shape"]][0]
        return asyncio.run(in_a_loop(pipeline)) if order["shape"] in shapes.IN_A_LOOP else pipeline()
    client = Client()
    for wait in client.store.select(Wait, status="open"):
        client.answer(wait.run_id, shapes.ANSWERS[wait.question])
    return client.resume_run(order["resume"])


async def in_a_loop(pipeline):
    """Call a pipeline where an event loop runs, as notebooks do."""
    return pipeline()


def main():
    for line in sys.stdin:
        order = json.loads(line)
        said = os.path.join(order["folder"], "said")
        if os.path.exists(said):
            os.unlink(said)
        child = os.fork()
        if child == 0:
            try:
                play(order)
            finally:
                sys.stdout.flush()
                os._exit(0)
        _, status = os.waitpid(child, 0)
        answer = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}
        if os.path.exists(said):
            with open(said) as file:
                answer |= json.load(file)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
