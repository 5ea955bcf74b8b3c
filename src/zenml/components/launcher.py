"""The interface of a launcher: the place where one step runs outside the engine's own process.

The engine hands over a `LaunchTask`, hears of output and events while the step runs, and receives
one `LaunchEnd`. A launcher knows nothing of runs or stores: it moves bytes, and it ends processes.
`zenml.components.launcher_check` holds the conformance checks that every launcher passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from zenml.records.run import MemoryGuard

OnBytes: TypeAlias = Callable[[bytes], None]
"""Receives one event, or the next piece of output, of a running step."""

OnEnd: TypeAlias = "Callable[[LaunchEnd], None]"
"""Receives the one end of a launch."""


class LaunchTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a fresh process is to do, and the surroundings it does it in.

    Attributes:
        name: names the work in messages, such as "step `train`".
        entry: "package.module:function"; called in the fresh process as
            `function(payload: bytes, send: Callable[[bytes], None]) -> bytes`.
        payload: handed to the entry as it is.
        environment: additions to the owner's environment; None for a variable that is not to be
            there. They hold before the fresh interpreter starts. A launcher may keep warm processes per environment, so values that differ for
            each step (ids, names) belong into the payload.
        working_directory: the folder that the entry starts in.
        sys_path: the module search path; `zenml` must be found on it.
        preload: modules that may be imported once and shared by later tasks. Name only modules that
            stay as they are while the owner lives, such as third-party packages.
        memory_limit: bytes that the process and all it starts may have together; beyond, they are ended.
        settings: what the step sets for this launcher, as plain JSON; what several places say is merged.
    """

    name: str
    entry: str
    payload: bytes
    working_directory: str
    sys_path: tuple[str, ...]
    environment: dict[str, str | None] = {}
    preload: tuple[str, ...] = ()
    memory_limit: int | None = None
    settings: dict[str, Any] = {}


class LaunchEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a launch ended. There is an answer, or a reason to be found in the other fields.

    An answer counts, whatever its process came to afterwards while it was leaving.

    Attributes:
        answer: what the entry returned, or None if its process ended before that.
        exit_code: the exit status, or None if a signal ended the process or nobody knows.
        signal: the number of the signal that ended the process, if one did.
        is_cancelled: `cancel` or `close` was called before the launch ended.
        peak_memory: the bytes that its largest process had at most, where it is known; those of the whole
            tree where there is a limit.
        memory_guard: what kept the limit: `cgroup` or `watchdog`.
        is_over_memory: it was ended because it had more memory than its limit.
        is_oom_kill: the system ran out of memory and killed a process at that time, most likely this one.
        cpu_seconds: the processor time of the process and the children it waited for.
        problem: a sentence from the launcher, when it and not the step is the reason.
    """

    answer: bytes | None = None
    exit_code: int | None = None
    signal: int | None = None
    is_cancelled: bool = False
    peak_memory: int | None = None
    cpu_seconds: float | None = None
    memory_guard: MemoryGuard | None = None
    is_over_memory: bool = False
    is_oom_kill: bool = False
    problem: str = ""


class LaunchHandle:
    """Stands for one launch; only its launcher looks inside."""


class Launcher(ABC):
    """Runs tasks in processes of their own, and ends every process that they start.

    The verbs may be called from any thread, callbacks included, and return at once (`close` waits,
    except inside a callback).

    Attributes:
        capacity: how many tasks at once make sense. More are accepted.
        tell: takes a sentence for people about what takes long, such as building an environment; who opens
            the launcher sets it. It may be called from any thread.
    """

    capacity: int
    tell: Callable[[str], None] | None = None

    @abstractmethod
    def launch(
        self, task: LaunchTask, *, on_end: OnEnd, on_event: OnBytes, on_output: OnBytes
    ) -> LaunchHandle:
        """Start a task in a fresh process.

        The callbacks run on the launcher's own thread and must be quick: `on_event` for each `send`
        of the entry, in order; `on_output` for what the whole process tree writes to stdout and
        stderr, after each event that was sent before it was written; `on_end` exactly once, after everything else, when the whole tree has ended.

        Raises:
            ConfigurationError: the task can never start.
            StepProcessError: this launcher is closed, or belongs to another process.
        """

    @abstractmethod
    def cancel(self, handle: LaunchHandle, *, grace: float) -> None:
        """End the task's whole process tree: SIGTERM, after `grace` seconds SIGKILL.

        `on_end` tells when it is done. A task that has already ended is left alone.
        """

    @abstractmethod
    def close(self) -> None:
        """End everything that still runs, at once, and wait until it is gone."""
