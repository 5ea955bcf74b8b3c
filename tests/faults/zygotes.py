"""The driver's side of a zygote: it is started, given orders, and looked after."""

import json
import os
import subprocess
import sys
import time
import uuid

FOLDER = os.path.dirname(os.path.abspath(__file__))
SECONDS = 30


class Zygote:
    """The process from which the processes of rounds are forked."""

    def __init__(self, folder):
        self.id = uuid.uuid4().hex
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
        self._errors = open(os.path.join(folder, "errors"), "w+")  # noqa: SIM115  closed with the zygote
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(FOLDER, "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is not for it
            env={**environment, "FAULTS_ID": self.id, "ZENML_QUIET": "1", "ZENML_DURABILITY": "relaxed"},
        )

    def play(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(self._errors.read())
        return json.loads(line)

    def wait_until_alone(self):
        """Return when no process of a round lives."""
        end = time.monotonic() + SECONDS
        while others := self._others():
            assert time.monotonic() < end, f"these processes are left: {others}"
            time.sleep(0.002)

    def _others(self):
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != self._process.pid:
                try:
                    with open(f"/proc/{name}/environ", "rb") as file:
                        is_ours = f"FAULTS_ID={self.id}".encode() in file.read()
                    with open(f"/proc/{name}/stat", "rb") as file:
                        state = file.read().rpartition(b")")[2].split()[0]
                except OSError:
                    continue
                if is_ours and state not in (b"Z", b"X"):
                    found.append(int(name))
        return found

    def close(self):
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._process.stdout.close()
        self._errors.close()
