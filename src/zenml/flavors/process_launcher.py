"""Run each task in a fresh process on this machine.

Nothing to install; Linux gives every guarantee, other POSIX systems end process groups only.

    launcher = ProcessLauncher()
    launcher.launch(task, on_end=print, on_event=print, on_output=print)
    launcher.close()

A process is forked from a forkserver (`zenml.flavors.forkserver`) that has already imported what steps
share; one forkserver serves the tasks whose environment, folder and search path are equal. The owner's
side of the work is done on one thread (`zenml.flavors.process_loop`).
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import cast

from zenml.components.cpu_count import usable_cpus
from zenml.components.launcher import Launcher, LaunchHandle, LaunchTask, OnBytes, OnEnd
from zenml.errors import ConfigurationError, StepProcessError
from zenml.flavors.forkserver_link import Surroundings
from zenml.flavors.process_launch import Launch
from zenml.flavors.process_loop import ProcessLoop


class ProcessLauncher(Launcher):
    """Forks a fresh process per task; its whole tree ends with it, or with the owner.

    Args:
        capacity: how many tasks at once make sense; by default as many as there are CPUs.
        executable: the interpreter that tasks run in; by default that of the owner. It must find `zenml` on
            the search path of each task.
    """

    def __init__(self, *, capacity: int | None = None, executable: str | None = None) -> None:
        if not (hasattr(os, "fork") and hasattr(os, "posix_spawn")):
            raise ConfigurationError(
                f"Isolated steps need `fork`, which {sys.platform} does not offer. "
                'Set `runtime="inline"` for the steps, or run them on Linux.'
            )
        self.capacity = capacity or usable_cpus()
        self._executable = executable or sys.executable
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._is_closed = False
        self._loop: ProcessLoop | None = None  # made for the first task, together with its thread
        self._thread: threading.Thread | None = None

    def launch(
        self, task: LaunchTask, *, on_end: OnEnd, on_event: OnBytes, on_output: OnBytes
    ) -> LaunchHandle:
        """See `Launcher.launch`; the environment of the owner is taken as it is now."""
        self._check_startable(task)
        surroundings = Surroundings(task.environment, task.working_directory, task.sys_path, self._executable)
        launch = Launch(task, surroundings, on_end, on_event, on_output)
        with self._lock:
            if self._is_closed:
                raise StepProcessError(
                    f"{task.name} was not started: the launcher is closed. Make a new launcher for it."
                )
            loop = self._started_loop()
            loop.request(partial(loop.start, launch))
        return launch

    def cancel(self, handle: LaunchHandle, *, grace: float) -> None:
        """See `Launcher.cancel`; a tree that outlives `grace` because its forkserver hangs is ended too."""
        with self._lock:
            if self._loop is not None and os.getpid() == self._owner and not self._is_closed:
                self._loop.request(partial(self._loop.cancel, cast(Launch, handle), grace))

    def call(self, action: Callable[[], None]) -> bool:
        """Have the launcher's own thread do something quick, after what was asked before; False if it is closed."""
        with self._lock:
            if self._is_closed or os.getpid() != self._owner:
                return False
            self._started_loop().request(action)
            return True

    def close(self) -> None:
        """See `Launcher.close`."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if self._loop is not None and not self._is_closed:
                self._loop.request(self._loop.leave)
            self._is_closed = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _check_startable(self, task: LaunchTask) -> None:
        if os.getpid() != self._owner:
            raise StepProcessError(
                f"{task.name} was not started: the launcher belongs to process {self._owner}, and this is "
                f"its fork {os.getpid()}. Make a new launcher in this process."
            )
        if not self._executable:
            raise ConfigurationError(
                f"{task.name} cannot run isolated: this program embeds Python and `sys.executable` is "
                'empty. Set it to the interpreter to use, or set `runtime="inline"` for the step.'
            )
        if not os.path.isdir(task.working_directory):
            raise ConfigurationError(
                f"{task.name} cannot start in `{task.working_directory}`: there is no such folder. "
                "Create it, or start the run from a folder that exists."
            )

    def _started_loop(self) -> ProcessLoop:
        if self._loop is None:
            self._loop = ProcessLoop()
            _living.add(self._loop)
            self._thread = threading.Thread(target=self._loop.run, name="zenml-process-launcher", daemon=True)
            self._thread.start()
        return self._loop


# Python keeps fork handlers for ever, so there is one for all launchers, and it must find them.
_living: weakref.WeakSet[ProcessLoop] = weakref.WeakSet()


def _forget_all() -> None:
    """In a fork of the owner: hold nothing open whose closing tells a forkserver that the owner is gone."""
    for loop in list(_living):
        loop.forget()
    _living.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
