"""What `make faults` does, in parts that any of its processes can do, and what comes of each.

A job is one run in a store of its own, which is killed once or more, or some states of a disk after a power failure.
A job that is repeated with the same seed is the same, as far as threads come in the same order.
"""

import os
import random
import shutil
import signal
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field

import flights
import power_states
import rounds
from shapes import SHAPES
from zygotes import Zygote

LEADER, FOLLOWER = "flight leader", "flight follower"
"""Two processes at once, by who is killed."""
FLIGHTS = {LEADER: "leader", FOLLOWER: "follower"}
ALL_SHAPES = (*SHAPES, *FLIGHTS)
MEMORY = "/dev/shm"  # noqa: S108  durability is no subject of kills: the system lives


@dataclass(frozen=True)
class Job:
    """What to do: count the points of a shape, kill a run of it at some, or look at states after a power failure."""

    shape: str
    what: str
    kills: tuple = ()
    counts: dict = field(default_factory=dict)
    seed: str = ""
    states: int = 0


@dataclass
class Result:
    """What came of a job."""

    job: Job
    seconds: float = 0.0
    kills: int = 0
    counts: dict = field(default_factory=dict)
    takeover: float | None = None
    losses: list = field(default_factory=list)
    """Of each state of the disk, what was lost in it."""
    violation: str | None = None


_here = {}


def begin():
    """Prepare this process for jobs."""
    _here["folder"] = tempfile.mkdtemp(prefix="faults-", dir=MEMORY if os.path.isdir(MEMORY) else None)
    os.environ["ZENML_QUIET"] = "1"
    signal.signal(signal.SIGINT, lambda *_: None)  # the one that hands out the jobs decides
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()


def _leave_with(parent):
    """End this process soon after the one that hands out the jobs."""
    while os.getppid() == parent:
        time.sleep(1)
    shutil.rmtree(_here["folder"], ignore_errors=True)
    os._exit(1)  # its zygote reads the end of its orders, and ends


def zygote():
    """Return the zygote of this process."""
    if "zygote" not in _here:
        folder = os.path.join(_here["folder"], "zygote")
        os.makedirs(folder, exist_ok=True)
        _here["zygote"] = Zygote(folder)
    return _here["zygote"]


def end():
    """Leave nothing behind."""
    if "zygote" in _here:
        _here.pop("zygote").close()
    if "folder" in _here:
        shutil.rmtree(_here.pop("folder"), ignore_errors=True)


def perform(job):
    """Do one job; whatever does not hold is its violation."""
    began = time.monotonic()
    result = Result(job)
    try:
        {"count": count, "kill": kill, "full": lose_power, "relaxed": lose_power}[job.what](job, result)
    except Exception as error:
        result.violation = describe(job, error)
        if "zygote" in _here and job.what in ("count", "kill"):
            try:
                _here.pop("zygote").close()
            except Exception:
                traceback.print_exc()
    result.seconds = time.monotonic() - began
    return result


def describe(job, error):
    """Say what was violated, and how to see it again."""
    again = {"count": f"{job.shape!r}", "kill": f"{job.shape!r} {list(job.kills)!r}"}
    how = again.get(job.what, f"{job.shape!r}, {job.what}, seed {job.seed!r}")
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    return f"{how}: {''.join(traceback.format_exception(error)[-4:])}{notes}"


def count(job, result):
    """Find out which points an undisturbed run passes."""
    one = begun(job.shape)
    began = time.monotonic()
    if job.shape in FLIGHTS:
        said = one.play(FLIGHTS[job.shape], None)[FLIGHTS[job.shape]]
        result.counts = {name: said[name] for name in ("marks", "points", "child points")}
    else:
        result.counts = one.finish()
    result.counts["seconds"] = time.monotonic() - began


def kill(job, result):
    """Kill a run at points, one after the other, and go on with it to its end."""
    one = begun(job.shape)
    try:
        if job.shape in FLIGHTS:
            one.play(FLIGHTS[job.shape], list(job.kills[0]))
            result.takeover = one.takeover
            return
        for point in job.kills:
            one.play_until_killed(list(point))
        ended = one.finish()
        for what in ("runs", "steps"):  # a child is resumed, and not begun anew
            assert ended[what] == job.counts[what], (what, ended[what], job.counts[what])
    finally:
        result.kills = one.kills


def begun(shape):
    """Return a round, or a flight, in a store of its own."""
    folder = os.path.join(_here["folder"], "round")
    if shape in FLIGHTS:
        return flights.Flight(zygote(), folder)
    return rounds.Round(zygote(), shape, SHAPES[shape][1], folder)


def lose_power(job, result):
    """Run a shape once, and look at states that the disk may be in when the power fails meanwhile."""
    folder = os.path.join(_here["folder"], "power")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    recording = power_states.record(job.shape, folder, job.what)
    draw = random.Random(job.seed)
    for state in power_states.states(recording, draw, job.states, folder):
        result.losses.append(state)
