"""The process that forks one process for each scheduled run: `python -m zenml.schedule.nursery DESCRIPTOR`.

It has imported what every run needs, and nothing of users, so a run begins within milliseconds and always imports
the code of now. It has one thread and no store open. The runs are sessions of their own: they outlive it, and
the scheduler.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from zenml.schedule import entry

_PRELOADED = (
    "zenml",
    "zenml.client.client",
    "zenml.declare.scheduled",
    "zenml.execute.dynamic_session",
    "zenml.reporting.reporter",
    "zenml.execute.running",
    "zenml.store.schedules",
)
MOST_BYTES = 1 << 16
"""Of one message."""


def main() -> None:
    """Serve the scheduler until it is gone."""
    for module in _PRELOADED:
        __import__(module)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends with the scheduler, which ends in good order
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    _Nursery(control).serve()


class _Nursery:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._living: dict[int, str] = {}
        """By process: the id of the run."""
        self._wakeup, self._wakeup_in = os.pipe()

    def serve(self) -> None:
        os.set_blocking(self._wakeup_in, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_in, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wakeup in ready:
                os.read(self._wakeup, 4096)
                self._reap()
            if self._control.fileno() in ready:
                message = self._control.recv(MOST_BYTES)
                if not message:
                    return
                self._start(json.loads(message))

    def _start(self, task: dict[str, Any]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._tell({"run_id": task["run_id"], "problem": f"the system refused another process ({error})"})
            return
        if pid == 0:
            self._become(task)
        self._living[pid] = task["run_id"]

    def _become(self, task: dict[str, Any]) -> NoReturn:
        """Be the process of a run."""
        status = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
                default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                signal.signal(number, default)
            self._control.close()
            os.close(self._wakeup)
            os.close(self._wakeup_in)
            _write_into(task["log"])
            sys.argv = ["zenml.schedule.entry", *task["arguments"]]
            if task["python"] != sys.executable:
                _become_python(task["python"])
            status = entry.main(task["arguments"])
        except BaseException as error:
            status = _status_of(error)
        finally:
            _end(status)

    def _reap(self) -> None:
        while self._living:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            run_id = self._living.pop(pid, None)
            if run_id is not None:
                self._tell({"run_id": run_id, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._control.send(json.dumps(message).encode())
        except OSError:  # the scheduler is gone, which `serve` is about to notice
            return


def _become_python(path: str) -> NoReturn:
    """Go on in the interpreter that a schedule was made with."""
    try:
        os.execv(path, [path, "-m", *sys.argv])  # noqa: S606  recorded when it was made
    except OSError as error:
        # The last line of its file is why it could not start.
        sys.stderr.write(
            f"Error: the Python that the schedule was made with, `{path}`, cannot be started ({error.strerror}). "
            "Schedule the pipeline again with the one that there is.\n"
        )
        sys.exit(1)


def _write_into(path: str) -> None:
    """Have what the process prints go to a file, and nothing come in."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(source, target)
    os.close(file)
    os.close(nothing)


def _status_of(error: BaseException) -> int:
    """Show an error that ends the process, and return the exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    sys.excepthook(type(error), error, error.__traceback__)
    return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def _end(status: int) -> NoReturn:
    """End a forked process as an interpreter ends: threads, then what is to be done at the exit, then buffers."""
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
