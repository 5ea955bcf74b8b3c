"""A world for schedulers that a seed decides: its clock, its kills, the people in it, and how long things take.

Schedulers work on a real store. Whenever one speaks to it, the seed may kill it before or after, or have
another scheduler or a person act first. What is left in the end is compared with what schedules owe.
"""

import random
import signal
from unittest import mock

import msgspec

from zenml.client import schedules as client_schedules
from zenml.client.client import Client
from zenml.errors import ScheduleError
from zenml.records.instants import instants_after
from zenml.records.plan import PipelineOptions
from zenml.records.run import Owner, Run
from zenml.records.schedules import Event, Schedule
from zenml.records.upcoming import LATE, with_next
from zenml.schedule import cancelling
from zenml.schedule.scheduler import Scheduler, StartEnd
from zenml.store.database import Database
from zenml.store.store import RunDocuments

SECOND = 1_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
BEGIN = 1_774_656_000 * SECOND  # 2026-03-28 00:00 UTC, the day before clocks are changed in Europe
KILL, INTRUDE = 0.03, 0.08
CRONS = ("*/5 * * * *", "30 2 * * *", "0 * * * *", "15,45 1-3 * * *", "* * * * *", "@daily")
ZONES = (None, "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
DOCUMENTS = RunDocuments(b"{}", b"{}", {}, None)


class Killed(BaseException):
    """A scheduler was killed where this is raised."""


class Process:
    """One that was started to run something."""

    def __init__(self, starter, start, begins_at):
        self.starter, self.start, self.begins_at = starter, start, begins_at


class Starter:
    """Starts processes of the world; what it knows of them dies with its scheduler."""

    def __init__(self, world):
        self.world = world
        self.living = {}
        self.ends = []

    def start(self, start):
        self.world.processes.append(
            Process(self, start, self.world.now + int(self.world.draw.random() ** 3 * 20 * SECOND))
        )
        self.living[start.tick.run_id] = start

    def has(self, run_id):
        return run_id in self.living

    def ended(self):
        found, self.ends = self.ends, []
        return found

    def end(self, run_id, problem="its process ended"):
        if self.living.pop(run_id, None):
            self.ends.append(StartEnd(run_id=run_id, problem=problem))


class Between:
    """Stands between a scheduler and an object that it calls: each call is a point at which things happen."""

    def __init__(self, target, point):
        self._target, self._point = target, point

    def __getattr__(self, name):
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*args, **kwargs):
            self._point()
            answer = found(*args, **kwargs)
            self._point()
            return answer

        return call


class Tables:
    """The tables of schedules, in a world that knows itself which schedulers are dead."""

    def __init__(self, world):
        self._world = world

    def __getattr__(self, name):
        return getattr(self._world.tables, name)

    def dead_among(self, owner_ids):
        return set(owner_ids) - set(self._world.schedulers)


class StoreOfScheduler:
    """The store as a scheduler has it."""

    def __init__(self, world, point):
        self._world = world
        self.schedules = Between(Tables(world), point)
        self.get = Between(world.store, point).get

    def interrupt_dead_runs(self):
        return []

    def request_stop(self, run_id, reason):
        is_asked = self._world.store.request_stop(run_id, reason)
        self._world.stop(run_id)
        return is_asked


class World:
    """One history, from a seed.

    Args:
        seed: decides everything.
        store: where it is recorded; wiped first.
    """

    def __init__(self, seed, store):
        self.draw = random.Random(seed)
        self.store, self.tables = store, store.schedules
        self.now = BEGIN + self.draw.randrange(HOUR)
        self.schedulers = {}
        self.busy = set()
        self.processes = []
        self.going = {}
        """By id of a run: when it ends, and how."""
        self.begun = []
        """Of each run of a schedule: schedule and key."""
        self.of = {}
        """The same by id of the run."""
        self.deaf = set()
        """Runs that do not end when they are asked to."""
        self.elapsed = 0
        """Time that has passed, whatever clocks show."""
        self.upstream = []
        """Of each run that others wait for: id, when it ended, how."""
        self.said = {}
        """By schedule: what it was when a person had changed it last."""
        self.paused = set()
        self.edited = set()
        self.facts = {"kills": 0, "begun": 0, "ticks": 0, "signals": 0}
        self.is_quiet = False
        _wipe(store)
        self.client = Client(store)
        self.declared = {}
        for number in range(self.draw.randint(1, 4)):
            schedule = self.new_schedule(f"s{number}")
            self.declared[schedule.id] = schedule
            assert self.tables.add(schedule, b"{}")

    # What there is

    def new_id(self):
        """Return an id that the seed decides."""
        return f"{self.now:013x}{self.draw.getrandbits(44):011x}"

    def new_schedule(self, name):
        draw, now = self.draw, self.now
        times = draw.choice(("cron", "cron", "every", "once", "event"))
        schedule = Schedule(
            id=self.new_id(),
            name=name,
            pipeline_name=f"pipeline-{name}",
            plan="p",
            folder="/",
            python="python",
            cron_expression=draw.choice(CRONS) if times == "cron" else None,
            timezone=draw.choice(ZONES),
            every=draw.choice((7, 60, 1800)) * SECOND if times == "every" else None,
            run_once_at=now + draw.randrange(2 * HOUR) if times == "once" else None,
            event=Event(kind="run_ended", name="upstream", statuses=("completed",))
            if times == "event"
            else None,
            overlap=draw.choice(("skip", "queue", "cancel", "allow")),
            catchup=draw.choice(("none", "latest", "all")),
            catchup_limit=draw.choice((1, 3, 100)),
            jitter=draw.choice((None, None, 3 * SECOND)),
            max_runs=draw.choice((None, None, None, 3)),
            since=now,
            created_at=now,
            updated_at=now,
        )
        return with_next(schedule)

    def add_scheduler(self):
        identifier = self.new_id()
        starter = Starter(self)

        def point():
            if identifier not in self.schedulers:
                raise Killed
            if self.is_quiet:
                return
            if self.draw.random() < KILL:
                self.kill(identifier)
                raise Killed
            if self.draw.random() < INTRUDE:
                self.intrude()

        store = StoreOfScheduler(self, point)
        scheduler = Scheduler(store, identifier, starter, lambda: self.now, _Silent())
        scheduler._canceller = cancelling.Canceller(store, lambda: self.elapsed / SECOND)
        self.schedulers[identifier] = (scheduler, starter)

    def kill(self, identifier):
        self.facts["kills"] += 1
        self.schedulers.pop(identifier, None)

    # What happens

    def run(self):
        """Let things happen, then let them come to rest, and check what is left."""
        time_of_here = {"microseconds_now": lambda: self.now, "new_id": self.new_id}
        with (
            mock.patch.multiple(client_schedules, **time_of_here),
            mock.patch.object(cancelling.owners, "send_signal", self.tell),
        ):
            self.add_scheduler()
            for _ in range(self.draw.randint(20, 60)):
                self.happen()
            self.settle()
            self.check()
        return self.facts

    def happen(self):
        draw = self.draw
        act = draw.random()
        if act < 0.06:
            self.now += draw.randrange(-2 * HOUR, 5 * HOUR)  # the clock is set, or the machine has slept
        elif act < 0.12 and self.schedulers:
            self.kill(draw.choice(sorted(self.schedulers)))
        elif act < 0.2 and len(self.schedulers) < 2:
            self.add_scheduler()
        elif act < 0.26:
            self.person()
        elif act < 0.3:
            self.end_upstream()
        else:
            self.pass_time(int(draw.random() ** 2 * 20 * MINUTE) + 1)
        if not self.schedulers and draw.random() < 0.5:
            self.add_scheduler()
        self.turn()

    def intrude(self):
        """Have something happen in the middle of what a scheduler does."""
        if self.draw.random() < 0.3:
            self.person()
        else:
            self.turn()
        self.move_processes()

    def turn(self):
        idle = sorted(set(self.schedulers) - self.busy)
        if not idle:
            return
        identifier = self.draw.choice(idle)
        self.busy.add(identifier)
        try:
            self.schedulers[identifier][0].turn()
        except Killed:
            pass
        finally:
            self.busy.discard(identifier)
        for schedule_id, said in self.said.items():
            known = self.store.get(Schedule, schedule_id)
            is_kept = (known.is_active, known.cron_expression) == (said.is_active, said.cron_expression)
            assert is_kept, "what a person said was undone"

    def person(self):
        """Do what a person may do to a schedule."""
        if self.is_quiet:
            return
        identifier = self.draw.choice(sorted(self.declared))
        known = self.store.get(Schedule, identifier)
        act = self.draw.choice(("pause", "resume", "resume", "trigger", "update"))
        if act == "pause" and known.is_active:
            self.said[identifier] = self.client.pause_schedule(identifier, "tea").record
            self.paused.add(identifier)
        elif act == "resume" and not known.is_active:
            self.said[identifier] = self.client.resume_schedule(identifier).record
        elif act == "trigger":
            self.client.trigger_schedule(identifier)
        elif act == "update" and known.cron_expression is not None:
            self.edited.add(identifier)
            cron = self.draw.choice(CRONS)
            self.said[identifier] = self.client.update_schedule(identifier, cron_expression=cron).record

    def end_upstream(self):
        run = self.new_run(self.new_id(), "upstream", None)
        assert self.store.start_run(run, DOCUMENTS)
        status = self.draw.choice(("completed", "completed", "failed"))
        self.end_run(run.id, status)
        self.upstream.append((run.id, self.now, status))

    def pass_time(self, microseconds):
        """Let time pass, in steps of those things that happen by themselves."""
        end = self.now + microseconds
        while True:
            times = [one.begins_at for one in self.processes] + [at for at, _ in self.going.values()]
            following = min((at for at in times if at > self.now), default=end)
            if following >= end:
                break
            self.advance(following)
            self.move_processes()
            self.turn()
        self.advance(end)
        self.move_processes()

    def advance(self, now):
        self.elapsed += now - self.now
        self.now = now

    def move_processes(self):
        """Begin the runs whose processes are so far, and end those whose time has come."""
        for process in list(self.processes):
            if process.begins_at <= self.now:
                self.processes.remove(process)
                self.begin(process)
        for run_id, (at, status) in list(self.going.items()):
            if at <= self.now:
                self.end_process(run_id, status)

    def begin(self, process):
        """Do what the process of a scheduled run does, as far as the store can tell."""
        tick, draw = process.start.tick, self.draw
        now = self.tables.tick(tick.schedule_id, tick.key)
        if now is None or now.outcome != "claimed" or draw.random() < 0.08:  # it is too late, or it dies
            process.starter.end(tick.run_id, "it could not be imported")
            return
        run = self.new_run(tick.run_id, process.start.schedule.pipeline_name, tick.schedule_id)
        try:
            assert self.store.start_run(run, DOCUMENTS)
        except ScheduleError:
            process.starter.end(tick.run_id, "another process has begun it")
            return
        going = [
            one
            for one, (schedule, _) in self.of.items()
            if schedule == tick.schedule_id and one in self.going
        ]
        if self.declared[tick.schedule_id].overlap != "allow":
            assert not going, "two runs of a schedule go on at once"
        self.of[tick.run_id] = (tick.schedule_id, tick.key)
        self.begun.append((tick.schedule_id, tick.key))
        self.facts["begun"] += 1
        lasts = int(draw.random() ** 3 * 20 * MINUTE) + 1
        status = draw.choice(("completed", "completed", "failed", "interrupted"))
        if self.declared[tick.schedule_id].overlap == "cancel" and draw.random() < 0.2:
            self.deaf.add(run.id)
            lasts += HOUR
        self.going[tick.run_id] = (self.now + lasts, status)

    def stop(self, run_id):
        if run_id in self.going and run_id not in self.deaf:
            self.going[run_id] = (self.now + self.draw.randrange(5 * SECOND), "stopped")

    def tell(self, owner, number):
        """Send a signal to the process of a run: it may obey, and is gone if it is killed."""
        if owner.id not in self.going:
            return False
        self.facts["signals"] += 1
        if number == signal.SIGKILL:
            self.end_process(owner.id, "interrupted")
        elif self.draw.random() < 0.5:
            self.deaf.discard(owner.id)
            self.stop(owner.id)
        return True

    def end_process(self, run_id, status):
        del self.going[run_id]
        self.end_run(run_id, status)
        for _, starter in self.schedulers.values():
            starter.end(run_id)

    def end_run(self, run_id, status):
        with self.store.file.write() as transaction:
            transaction.run(
                "UPDATE runs SET status = :status, ended_at = :now WHERE id = :id",
                {"status": status, "now": self.now, "id": run_id},
            )

    def new_run(self, identifier, pipeline, schedule_id):
        owner = Owner(id=identifier, host="h", boot_id="b", pid=1, process_start="0", created_at=self.now)
        with self.store.file.write() as transaction:
            _insert(transaction, owner)
        return Run(
            id=identifier, name=f"run-{identifier}", status="running", pipeline_name=pipeline, owner_id=owner.id,
            created_at=self.now, plan="p", environment="e", options=PipelineOptions(), schedule_id=schedule_id,
        )  # fmt: skip

    # What is left

    def settle(self):
        """Let everything come to rest: one scheduler, nobody killed, all pauses over."""
        self.is_quiet = True
        for identifier in sorted(self.declared):
            if not self.store.get(Schedule, identifier).is_active:
                self.said[identifier] = self.client.resume_schedule(identifier).record
        self.schedulers.clear()
        self.add_scheduler()
        self.now = max(self.now, *(self.store.get(Schedule, one).since for one in self.declared)) + 1
        for number in range(2000):
            self.turn()
            if number > 4 and not self.tables.unsettled() and not self.processes and not self.going:
                break
            if number == 2:
                self.last_look = self.now - MINUTE  # jitter may put it off
            if number == 4:  # from now on nothing new becomes due
                with self.store.file.write() as transaction:
                    transaction.run(
                        "UPDATE schedules SET next_at = NULL, event = NULL, revision = revision + 1"
                    )
            self.pass_time(30 * SECOND)

    def check(self):
        assert not self.tables.unsettled(), "something never came to an end"
        assert len(self.begun) == len(set(self.begun)), "a fire has happened twice"
        for identifier, declared in self.declared.items():
            ticks = self.tables.ticks(identifier, 1_000_000)
            self.facts["ticks"] += len(ticks)
            self.check_ledger(identifier, declared, ticks)
            self.check_lateness(declared, ticks)

    def check_ledger(self, identifier, declared, ticks):
        begun = {key for schedule, key in self.begun if schedule == identifier}
        fired = {tick.key for tick in ticks if tick.outcome == "fired"}
        assert begun == fired, f"runs and ledger differ: {begun ^ fired}"
        counted = [tick for tick in ticks if tick.outcome == "fired" and tick.cause != "manual"]
        if declared.max_runs is not None:
            assert len(counted) <= declared.max_runs, "more runs than there may be"
        if declared.event is not None:
            self.check_events(identifier, declared, ticks, len(counted))
        if identifier in self.edited or declared.event is not None:
            return
        known = self.store.get(Schedule, identifier)
        times = [tick for tick in ticks if tick.cause == "time"]
        ranges = [(tick.instant, tick.last_instant or tick.instant) for tick in times]
        single = {tick.instant for tick in times}
        is_over = declared.max_runs is not None and len(counted) >= declared.max_runs
        last = max((tick.instant for tick in counted), default=0)
        for instant in instants_after(declared, declared.since):
            if instant > known.since or (is_over and instant > last):
                break
            is_told = instant in single or any(a <= instant <= b for a, b in ranges)
            assert is_told, f"nothing tells what became of {instant}"
        owed = set(
            instants_after(msgspec.structs.replace(declared, end_at=known.since + HOUR), declared.since)
        )
        assert single <= owed, "a fire that nobody asked for"

    def check_lateness(self, declared, ticks):
        """What was missed is made up for as the schedule says."""
        late = {}
        for tick in ticks:
            if tick.cause != "manual" and tick.outcome == "fired" and tick.recorded_at - tick.due_at > LATE:
                late.setdefault(tick.recorded_at, []).append(tick)
        most = {"none": 0, "latest": 1, "all": declared.catchup_limit}[declared.catchup]
        assert all(len(made_up) <= most for made_up in late.values()), "more is made up for than is to be"

    def check_events(self, identifier, declared, ticks, begun):
        """Each run that has ended upstream is in the ledger of what waits for it."""
        if identifier in self.paused or (declared.max_runs is not None and begun >= declared.max_runs):
            return
        told = {tick.subject for tick in ticks if tick.cause == "event"}
        owed = {
            run
            for run, ended, status in self.upstream
            if status in declared.event.statuses and declared.since < ended <= self.last_look
        }
        assert owed <= told, "what happened started nothing"
        assert told <= {run for run, _, _ in self.upstream}


class _Silent:
    def say(self, text):
        pass


def _insert(transaction, record):
    from zenml.store.row_writing import insert_once

    assert insert_once(transaction, record)


def _wipe(store):
    with store.file.write() as transaction:
        for table in ("ticks", "schedules", "runs", "owners", "pipelines", "documents"):
            transaction.run(f"DELETE FROM {table}")  # noqa: S608


def new_store():
    return Database(":memory:")
