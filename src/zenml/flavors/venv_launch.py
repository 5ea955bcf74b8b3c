"""The tasks of one virtual environment, from asking for it until they run: they wait for one build together.

The build is a task of a process launcher too, so it ends with its owner, and what it prints comes
line by line to all that wait. Then each waiting task goes to the launcher of the environment.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from zenml.components.launcher import LaunchEnd, LaunchHandle, LaunchTask, OnBytes, OnEnd
from zenml.errors import ZenMLError
from zenml.flavors import venv_build
from zenml.flavors.process_launcher import ProcessLauncher
from zenml.flavors.venv_folder import Held, VenvFolder
from zenml.flavors.venv_recipe import told_apart

if TYPE_CHECKING:
    from collections.abc import Callable

_TAIL = 3000  # bytes of a build's output that a message shows at most
_LINES = 12
_UNREACHED = ("error sending request", "Failed to fetch", "dns error", "Could not connect", "tcp connect")


class VenvLaunch(LaunchHandle):
    """A task that waits for its environment, and then the handle of it there."""

    def __init__(self, task: LaunchTask, on_end: OnEnd, on_event: OnBytes, on_output: OnBytes) -> None:
        self.task = task
        self.on_end = on_end
        self.on_event = on_event
        self.on_output = on_output
        self.room: Room | None = None
        self.inner: LaunchHandle | None = None


class Room:
    """One environment in one run: what waits for it, who builds it, who runs in it."""

    def __init__(
        self, order: venv_build.Order, *, inherit: bool, tell: Callable[[str], None] | None = None
    ) -> None:
        self._order = order
        self._inherit = inherit
        self._tell = tell
        self._digest = order.recipe.digest
        self._folder = VenvFolder(order.folder)
        self._lock = threading.RLock()
        self._waiting: list[VenvLaunch] = []
        self._held: Held | None = None
        self._launcher: ProcessLauncher | None = None
        self._builder: ProcessLauncher | None = None
        self._build: LaunchHandle | None = None
        self._began_at = 0.0
        self._tail = b""
        self._is_closed = False

    def enter(self, launch: VenvLaunch) -> None:
        """Start a task as soon as the environment is there."""
        launch.room = self
        with self._lock:
            if self._launcher is None and self._build is None:
                self._open()
            if self._launcher is not None:
                self._start(launch)
                return
            if self._build is None:
                self._begin_build(launch.task)
            self._waiting.append(launch)
            text = f"Waiting for the environment `{self._digest}`: {self._order.recipe.words}\n"
            self._later(launch, partial(launch.on_output, text.encode()))

    def cancel(self, launch: VenvLaunch, *, grace: float) -> None:
        """End a task, in its environment or while it waits."""
        with self._lock:
            if launch.inner is not None and self._launcher is not None:
                self._launcher.cancel(launch.inner, grace=grace)
            elif launch in self._waiting and self._builder is not None:
                if self._builder.call(partial(launch.on_end, LaunchEnd(is_cancelled=True))):
                    self._waiting.remove(launch)  # else `close` tells it
                if not self._waiting and self._build is not None:
                    self._builder.cancel(self._build, grace=0)

    def close(self) -> None:
        """End everything, and wait until it is gone."""
        with self._lock:
            self._is_closed = True
        if self._builder is not None:
            self._builder.close()
        for launch in self._take_waiting():
            launch.on_end(LaunchEnd(is_cancelled=True))
        if self._launcher is not None:
            self._launcher.close()
        with self._lock:
            held, self._held = self._held, None
        if held is not None:
            held.release()

    # -- building

    def _open(self) -> None:
        """Take the environment if it is complete."""
        self._held = self._folder.hold(self._digest)
        if self._held is not None:
            self._launcher = ProcessLauncher(executable=self._held.python)

    def _begin_build(self, task: LaunchTask) -> None:
        recipe = self._order.recipe
        self._began_at = time.monotonic()
        self._tail = b""
        if self._builder is None:
            self._builder = ProcessLauncher()
        environment: dict[str, str | None] = {"VIRTUAL_ENV": None, "UV_NO_PROGRESS": "1"}
        if recipe.index_url is not None:
            environment[venv_build.INDEX] = recipe.index_url
        self._build = self._builder.launch(
            LaunchTask(
                name=f"the build of the environment `{self._digest}`",
                entry=venv_build.ENTRY,
                payload=msgspec.json.encode(self._order),
                environment=environment,
                working_directory=task.working_directory,
                sys_path=task.sys_path,
            ),
            on_end=self._built,
            on_event=lambda _: None,
            on_output=self._said,
        )
        # Not here, where a lock is held: who hears it may wait for a thread that waits for that lock.
        text = f"Building the environment `{self._digest}` for {task.name}: {recipe.words}."
        self._builder.call(partial(self._note, text))

    def _said(self, output: bytes) -> None:
        """Show what the build prints to everybody who waits for it."""
        self._tail = (self._tail + output)[-_TAIL:]
        with self._lock:
            waiting = list(self._waiting)
        for launch in waiting:
            launch.on_output(output)

    def _built(self, end: LaunchEnd) -> None:
        """Let the waiting tasks in, or have them fail; on the thread of the builder, as all their callbacks so far."""
        problem = self._problem(end)
        with self._lock:
            self._build = None
            if self._is_closed or not self._waiting:
                return
            if not problem:
                self._open()
            if end.is_cancelled or (not problem and self._launcher is None):
                # Somebody came while it was cancelled, or another process is at it, which a build waits for.
                try:
                    self._begin_build(self._waiting[0].task)
                    return
                except ZenMLError as error:  # such as a folder that is gone
                    problem = str(error)
            waiting = self._take_waiting()
            for launch in waiting if self._launcher is not None else ():
                self._start(launch)
        if problem:
            for launch in waiting:
                launch.on_end(LaunchEnd(problem=problem))
        else:
            seconds = time.monotonic() - self._began_at
            self._note(f"The environment `{self._digest}` is there after {seconds:.1f} s.")

    def _problem(self, end: LaunchEnd) -> str:
        """Return why there is no environment, with the last words of the build and what to do; "" if there is one."""
        built = None if end.answer is None else msgspec.json.decode(end.answer, type=venv_build.Built)
        if built is not None and not built.problem:
            return ""
        reason = (
            built.problem if built is not None else end.problem or f"Its process was ended ({_how(end)})."
        )
        text = self._tail.decode(errors="replace")
        remedy = (
            "Correct the `requirements` of the step or of its step operator; nothing of the build is kept."
        )
        if built is not None and built.is_of_python:
            remedy = "Set `python` to an interpreter of this machine, 3.11 or later, by its path or version."
        elif any(words in text for words in _UNREACHED):
            remedy = (
                "The package index was not reached: check the network, or set `index_url`, or `find_links` to a folder "
                "with packages. Environments that were built before need no network."
            )
        lines = "\n".join(f"    {line}" for line in text.splitlines()[-_LINES:])
        return (
            f"Its environment `{self._digest}` ({self._order.recipe.words}) could not be built. {reason} "
            f"{remedy}" + (f" The build's last words:\n{lines}" if lines else "")
        )

    def _take_waiting(self) -> list[VenvLaunch]:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting

    def _later(self, launch: VenvLaunch, action: Callable[[], None]) -> None:
        """Call something of a waiting task on the thread of the builder, unless it ended meanwhile."""
        if self._builder is not None:
            self._builder.call(lambda: action() if launch in self._waiting else None)

    def _note(self, text: str) -> None:
        if self._tell is not None:
            self._tell(text)

    # -- running

    def _start(self, launch: VenvLaunch) -> None:
        """Launch a task in the environment; the lock is held."""
        if self._launcher is None or self._held is None:
            return
        try:
            launch.inner = self._launcher.launch(
                _moved(launch.task, self._held, self._folder.library(), inherit=self._inherit),
                on_end=launch.on_end,
                on_event=launch.on_event,
                on_output=launch.on_output,
            )
        except ZenMLError as error:  # such as a folder that is gone: nobody waits for an exception any more
            self._launcher.call(partial(launch.on_end, LaunchEnd(problem=str(error))))


def _moved(task: LaunchTask, held: Held, library: str, *, inherit: bool) -> LaunchTask:
    """Return a task as it runs in an environment: its search path, and programs of the environment found first."""
    import os

    owners = told_apart(task.sys_path)
    path = (
        *owners.before,
        *held.about.path,
        *owners.after,
        library,
        *(owners.packages if inherit else ()),
    )
    environment: dict[str, str | None] = {"PYTHONHOME": None, "VIRTUAL_ENV": held.folder, **task.environment}
    if "PATH" not in task.environment:
        programs = os.path.join(held.folder, "bin")
        environment["PATH"] = os.pathsep.join((programs, os.environ.get("PATH", os.defpath)))
    return msgspec.structs.replace(task, sys_path=path, environment=environment)


def _how(end: LaunchEnd) -> str:
    return f"signal {end.signal}" if end.signal is not None else f"exit code {end.exit_code}"
