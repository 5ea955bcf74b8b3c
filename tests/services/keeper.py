"""Keep a service for tests: it runs below a warden, which ends it when the tests end, however they end.

    service = Keeper(["mlflow", "server", …], log="/tmp/…/log")
    service.wait_until(lambda: reachable(port), seconds=120)
    …
    service.close()

The warden reads a pipe that the process of the tests holds open and never writes to. When that process
is gone, be it by SIGKILL, the pipe is at its end, and the warden ends everything below itself.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    """Tell whether something listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Keeper:
    """One service, and the processes that it starts."""

    def __init__(self, command, *, log, environment=None, folder=None):
        self.log = log
        """The file that gets what the service prints."""
        with open(log, "ab") as output:
            self._warden = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                start_new_session=True,
            )
        self.started_in = 0.0
        self._started = time.monotonic()

    def wait_until(self, condition, *, seconds=240):
        """Return when the service is there; raise with the end of its log if it ends, or does not come."""
        while not condition():
            late = time.monotonic() - self._started > seconds
            if late or self._warden.poll() is not None:
                self.close()
                with open(self.log, encoding="utf-8", errors="replace") as file:
                    end = file.read()[-3000:]
                raise RuntimeError(f"The service {'did not come' if late else 'has ended'}:\n{end}")
            time.sleep(0.05)
        self.started_in = time.monotonic() - self._started

    def close(self):
        """End it, and wait until it is gone."""
        self._warden.stdin.close()
        self._warden.wait(30)


def main():
    """Be the warden: start the service, end it with the pipe."""
    from zenml.flavors.process_tree import become_subreaper, kill_children

    become_subreaper()
    service = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    ended = os.pidfd_open(service.pid)
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the tests, which close the pipe
        signal.signal(number, signal.SIG_IGN)
    select.select([0, ended], [], [])
    while kill_children():
        os.waitpid(-1, 0)


if __name__ == "__main__":
    main()
