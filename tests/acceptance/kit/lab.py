"""A lab: scripts in a folder of their own, run as a user runs them, against a store of their own.

result = lab.run('''
    @step
    def work() -> int:
        mark("work")
        return 1

    @pipeline
    def flow():
        work()

    fact(statuses=statuses(flow()))
''')
assert result.count("work") == 1
assert result.facts["statuses"] == {"work": "completed"}
"""

import os
import signal
import subprocess
import sys
import textwrap
import uuid

import labkit

PRELUDE = """\
import os, sys, time
from labkit import *
from zenml import pipeline, step
"""
KIT = os.path.dirname(os.path.abspath(__file__))
SECONDS = 60


class Result:
    """What a finished program left behind."""

    def __init__(self, program):
        self.returncode = program.process.returncode
        self.out = program.read("out")
        self.err = program.read("err")
        self.marks = program.marks()
        self.facts = program.facts()

    def count(self, name):
        return sum(1 for mark in self.marks if mark["mark"] == name)

    def of(self, name):
        return [mark for mark in self.marks if mark["mark"] == name]


class Program:
    """A running script."""

    def __init__(self, lab, number, arguments, environment, folder):
        self._lab = lab
        self._files = {name: str(lab.folder / f".{name}-{number}") for name in ("out", "err", "facts")}
        self._first_mark = len(labkit.read(lab.trace))
        with open(self._files["out"], "wb") as out, open(self._files["err"], "wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env={**environment, "LAB_FACTS": self._files["facts"]},
            )

    @property
    def pid(self):
        return self.process.pid

    def read(self, name):
        with open(self._files[name], encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def marks(self):
        return labkit.read(self._lab.trace)[self._first_mark :]

    def facts(self):
        found = {}
        for line in labkit.read(self._files["facts"]):
            found.update(line)
        return found

    def wait_for_mark(self, name, count=1):
        """Return the traces of this name once there are enough of them; fail early if the program ended."""

        def enough():
            found = [mark for mark in self.marks() if mark["mark"] == name]
            if len(found) < count and self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.read('err')}")
            return found if len(found) >= count else None

        return labkit.wait_until(enough, f"mark {name}, {count} of them")

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)

    def finish(self):
        self.process.wait(SECONDS)
        return Result(self)


class Lab:
    """A folder for scripts, a store for their runs, and a trace that they share."""

    def __init__(self, folder, address=None):
        self.folder = folder
        self.store = folder / "store"
        self.address = address
        """Of the database of a team, which then stands in for the file in the store's folder."""
        self.trace = str(folder / ".trace")
        self.id = uuid.uuid4().hex
        self.programs = []
        self._databases = []

    @property
    def variables(self):
        """The environment variables that say which store is the active one."""
        team = {"ZENML_STORE_URL": self.address} if self.address else {}
        return {"ZENML_CONFIG_PATH": str(self.store), **team}

    def has_store(self):
        """Tell whether anything was recorded yet."""
        return self.address is not None or (self.store / "store.db").exists()

    def write(self, name, text):
        """Write a file beside the scripts; a program that starts meanwhile sees the old text or the new one."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.draft")
        draft.write_text(textwrap.dedent(text))
        draft.rename(path)
        return path

    def start(self, code=None, *, script="script.py", env=None, path=()):
        """Start a script; `code` replaces what is in it. `path`: folders to import from."""
        if code is not None:
            self.write(script, PRELUDE + textwrap.dedent(code))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
        environment = {
            **inherited,
            **self.variables,
            "PYTHONPATH": os.pathsep.join([*map(str, path), KIT]),
            "LAB_TRACE": self.trace,
            "LAB_ID": self.id,
            **(env or {}),
        }
        place = self.folder / script
        program = Program(self, len(self.programs), [str(place)], environment, str(place.parent))
        self.programs.append(program)
        return program

    def run(self, code=None, *, expect=0, **options):
        """Run a script to its end; it has to end with the status `expect` (None: any)."""
        result = self.start(code, **options).finish()
        assert expect is None or result.returncode == expect, result.err
        return result

    def database(self):
        """Return the store of this lab, opened in this process."""
        from zenml.store.database import Database

        database = Database(str(self.store), address=self.address)
        self._databases.append(database)
        return database

    def client(self):
        """Return a client that looks at the store of this lab."""
        from zenml.client import Client

        return Client(self.database())

    def survivors(self):
        """Return the processes of this lab that live: all inherited its id, whatever session they are in."""
        return [pid for pid in _processes() if f"LAB_ID={self.id}".encode() in _environment(pid)]

    def wait_until_empty(self):
        """Return when no process of this lab lives."""
        labkit.wait_until(lambda: not self.survivors(), "the end of all processes")

    def close(self):
        for program in self.programs:
            if program.process.poll() is None:
                program.process.kill()
            program.process.wait(SECONDS)
        for pid in self.survivors():
            os.kill(pid, signal.SIGKILL)
        for database in self._databases:
            database.close()


def _processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _state(name) not in "ZX"]


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""
