"""Talking to processes that use a store."""

import contextlib
import os
import select
import subprocess
import sys

SECONDS = 30
HERE = os.path.dirname(os.path.abspath(__file__))


class Process:
    """One run of `store_process.py`."""

    def __init__(self, verb, *words):
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "store_process.py"), verb, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([HERE, *sys.path])},
        )
        self.pid = self._process.pid

    def hear(self):
        """Return the words of the next line the process says."""
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        ready = poll.poll(SECONDS * 1000)
        assert ready, "the process says nothing"
        return self._process.stdout.readline().split()

    def say(self, line="go"):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._process.kill()
        self._process.wait(SECONDS)

    def rest(self):
        """Let the process end; return what it said."""
        said, _ = self._process.communicate(timeout=SECONDS)
        assert self._process.returncode == 0
        return [line.split() for line in said.splitlines()]

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
