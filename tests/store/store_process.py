"""A process that uses a store and says where it is: run as `python store_process.py VERB ROOT …`.

It writes a line when it has got somewhere and goes on when it reads one.
"""

import os
import sys
import threading

import msgspec
from store_samples import DOCUMENTS, a_run, a_step, an_artifact, started_run, write

from zenml.errors import RunStoppedError
from zenml.records.plan import ModelSpec
from zenml.records.run import Run
from zenml.store.address import address_of
from zenml.store.database import Database


def opened(root):
    """Open the store of a folder, or the one of the team that the environment names."""
    return Database(root, address=address_of(root))


def say(*words):
    print(*words, flush=True)


def listen():
    return sys.stdin.readline().strip()


def own(root):
    """Own a run, live on until told to leave."""
    store = opened(root)
    run = started_run(store)
    say(store.owner().id, run.id)
    listen()


def own_and_write(root):
    """Own a run; say when it is lost, try to write of it, and begin another one."""
    store = opened(root)
    run = started_run(store)
    lost = threading.Event()
    store.heartbeat.tell(lambda error: lost.set())
    say(store.owner().id, run.id)
    lost.wait()
    say("lost")
    listen()
    try:
        write(store, run, started=[a_step(run)])
        say("written")
    except RunStoppedError:
        say("refused")
    listen()
    say(store.owner().id, started_run(store).id)
    listen()


def resume(root, run_id):
    """Go on with a run at the same moment as others; tell whether it is ours."""
    store = opened(root)
    run = store.get(Run, run_id)
    mine = msgspec.structs.replace(run, status="running", epoch=run.epoch + 1, owner_id=store.owner().id)
    say("ready")
    listen()
    say(store.resume_run(mine, {}))
    listen()


def take_name(root, name):
    """Begin a run of a name at the same moment as others; tell whether it is ours."""
    store = opened(root)
    say("ready")
    listen()
    say(store.start_run(a_run(store.owner().id, name=name), DOCUMENTS))
    listen()


def own_and_fork(root):
    """Own a run, fork a child that lives on, and tell whether the child is an owner of its own."""
    store = opened(root)
    run = started_run(store)
    parent = store.owner().id
    child = os.fork()
    if child == 0:
        mine = opened(root)
        other = a_run(mine.owner().id)
        mine.start_run(other, DOCUMENTS)
        say(parent, run.id, mine.owner().id, other.id, os.getpid())
        listen()
        os._exit(0)
    os.waitpid(child, 0)


def hold(root, how="plainly"):
    """Hold the write lock until told to leave; maybe have a forked child live on."""
    store = opened(root)
    with store.file.write():
        child = os.fork() if how == "forked" else 1
        if child == 0:
            say("child", os.getpid())
            listen()
            os._exit(0)
        if how != "forked":
            say("holding")
        sys.stdin.read() if how == "forked" else listen()


def hold_and_sleep(root):
    """Write half of a transaction, wait, and write the rest; the server is to wait for less than a second."""
    store = opened(root)
    with store.file.write() as transaction:
        transaction.run("SET LOCAL idle_in_transaction_session_timeout = '700ms'")
        transaction.run("INSERT INTO pipelines VALUES ('a', 'a', 1)")
        say("holding")
        listen()
        transaction.run("INSERT INTO pipelines VALUES ('b', 'b', 1)")
    say("done")


def open_together(root):
    """Open a store at the same moment as others."""
    say("ready")
    listen()
    store = opened(root)
    say(store.file.read_version(), store.is_trusted(an_artifact()), store._key.hex())


def add_versions(root, count):
    """Record many versions of one artifact at the same time as others."""
    store = opened(root)
    say("ready")
    listen()
    for _ in range(int(count)):
        store.insert_artifact(an_artifact())
    say("done")


def start_runs_with_models(root, count):
    """Begin many runs that each make a new version, at the same time as others; say the numbers."""
    store = opened(root)
    say("ready")
    listen()
    for _ in range(int(count)):
        run = a_run(store.owner().id)
        store.start_run(run, DOCUMENTS, [ModelSpec("churn")])
        say(store.models.of_run(run.id)["churn", ""].number)


def create_secret(root, name):
    """Create a secret at the same time as others."""
    store = opened(root)
    say("ready")
    listen()
    store.secrets.create(name, {"TOKEN": "value"})
    say("done")


def rotate_keys(root, count):
    """Change the key many times at the same time as others create secrets."""
    store = opened(root)
    say("ready")
    listen()
    for number in range(int(count)):
        store.secrets.rotate_key()
        store.secrets.create(f"{os.getpid()}-{number}", {"TOKEN": "value"})
    say("done")


def count_syncs(root, durability):
    """Commit, wait, and tell how often the disk was asked for before and after."""
    calls = []
    original = os.fdatasync
    os.fdatasync = lambda file: (original(file), calls.append(os.readlink(f"/proc/self/fd/{file}")))
    store = Database(root, is_durable=durability == "full")
    store.wait_durable()
    calls.clear()
    started_run(store)
    store.wait_durable()
    say(*{os.path.basename(path) for path in calls} or ["nothing"])


def modes(root):
    """Make a store and use it under the most liberal umask."""
    os.umask(0)
    store = opened(root)
    started_run(store)
    for folder, folders, files in os.walk(root):
        for name in folders:
            say("folder", oct(os.stat(os.path.join(folder, name)).st_mode & 0o777), name)
        for name in files:
            say("file", oct(os.stat(os.path.join(folder, name)).st_mode & 0o777), name)
    say("folder", oct(os.stat(root).st_mode & 0o777), "root")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
