"""The conformance check of launchers: what each must do, as functions that raise `AssertionError`.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_launcher_conforms(check):
        check(MyLauncher)

A check makes its own launcher by calling what it is given, and closes it. The tasks are those
of `zenml.components.launcher_check_entries`, so a launcher under test must be able to import `zenml` there.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import TypeAlias

from zenml.components import launcher_check_entries
from zenml.components.launcher import LaunchEnd, Launcher, LaunchHandle, LaunchTask

LauncherFactory: TypeAlias = Callable[[], Launcher]

_SECONDS = 60.0  # nothing here takes a second; a loaded machine may
_BIG = 50 * 1024 * 1024


class Watched:
    """One launch and everything that its callbacks brought."""

    def __init__(self, launcher: Launcher, task: LaunchTask, *, seconds_per_event: float = 0) -> None:
        self.events: list[bytes] = []
        self.output = b""
        self.ends: list[LaunchEnd] = []
        self.order: list[str] = []
        self.told_at_output: list[tuple[int, int]] = []
        """With each piece of output: how much there was with it, and how many events had come."""
        self._launcher = launcher
        self._seconds_per_event = seconds_per_event
        self._changed = threading.Condition()
        self.handle: LaunchHandle = launcher.launch(
            task, on_end=self._on_end, on_event=self._on_event, on_output=self._on_output
        )

    def wait(self) -> LaunchEnd:
        """Return the end when it has come."""
        self.wait_until(lambda: bool(self.ends))
        return self.ends[0]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that a callback brings holds."""
        with self._changed:
            _expect(self._changed.wait_for(condition, _SECONDS), f"nothing within {_SECONDS} s: {vars(self)}")

    def wait_for_event(self) -> bytes:
        """Return the first event."""
        self.wait_until(lambda: bool(self.events))
        return self.events[0]

    def cancel(self, *, grace: float) -> LaunchEnd:
        """Cancel, and return the end when it has come."""
        self._launcher.cancel(self.handle, grace=grace)
        return self.wait()

    def _on_end(self, end: LaunchEnd) -> None:
        with self._changed:
            self.ends.append(end)
            self.order.append("end")
            self._changed.notify_all()

    def _on_event(self, event: bytes) -> None:
        time.sleep(self._seconds_per_event)
        with self._changed:
            self.events.append(event)
            self.order.append("event")
            self._changed.notify_all()

    def _on_output(self, output: bytes) -> None:
        with self._changed:
            self.output += output
            self.order.append("output")
            self.told_at_output.append((len(self.output), len(self.events)))
            self._changed.notify_all()


def make_task(
    function: str,
    payload: bytes = b"",
    *,
    module: str = launcher_check_entries.__name__,
    environment: dict[str, str | None] | None = None,
    working_directory: str = "",
    preload: tuple[str, ...] = (),
    sys_path: tuple[str, ...] | None = None,
) -> LaunchTask:
    """Return a task that calls one of the check's entries, or a function of another module."""
    return LaunchTask(
        name=f"step `{function}`",
        entry=f"{module}:{function}",
        payload=payload,
        environment=environment or {},
        working_directory=working_directory or os.getcwd(),
        sys_path=tuple(sys.path) if sys_path is None else sys_path,
        preload=preload,
    )


# -- the checks


def answers_with_what_the_entry_returns(make: LauncherFactory) -> None:
    """The answer is the entry's return value, and the end says that all went well."""
    with closing(make()) as launcher:
        end = Watched(launcher, make_task("repeat", b"tick")).wait()

        _expect(end.answer == b"ticktick", f"wrong answer: {end}")
        _expect((end.exit_code, end.signal, end.is_cancelled) == (0, None, False), f"wrong end: {end}")


def carries_large_payloads_and_answers(make: LauncherFactory) -> None:
    """Size is no limit, nor does it change a byte."""
    payload = os.urandom(1024) * (_BIG // 1024)

    with closing(make()) as launcher:
        end = Watched(launcher, make_task("repeat", payload)).wait()

    _expect(end.answer == payload * 2, f"{len(payload)} bytes did not come back twice")


def delivers_events_in_order_and_before_the_end(make: LauncherFactory) -> None:
    """Each `send` arrives once, in order; the end comes last and once."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("count_to", b"500"))
        watched.wait()

    _expect(watched.events == [b"%d" % number for number in range(500)], "events are lost or out of order")
    _expect(watched.order.count("end") == 1 and watched.order[-1] == "end", "the end is not the last word")


def delivers_events_while_the_step_runs(make: LauncherFactory) -> None:
    """An event is not held back until the end."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("announce_and_wait"))

        watched.wait_for_event()

        _expect(not watched.ends, "the event came with the end")


def delivers_events_before_later_output(make: LauncherFactory) -> None:
    """What was sent before something was printed arrives before it."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("announce_and_print", b"100"), seconds_per_event=0.001)
        watched.wait()

    late = [(printed, told) for printed, told in watched.told_at_output if printed > told]
    _expect(len(watched.output) == 100, f"{len(watched.output)} of 100 letters arrived")
    _expect(not late, f"output came before events that were sent earlier: {late[:3]}")


def captures_output_of_the_whole_tree(make: LauncherFactory) -> None:
    """What the entry and its subprocesses print arrives before the end."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("print_and_run_a_command"))
        watched.wait()

    for expected in (b"from python", b"from stderr", b"from a command"):
        _expect(expected in watched.output, f"{expected!r} is missing in {watched.output!r}")


def shows_lines_while_the_step_runs(make: LauncherFactory) -> None:
    """A printed line is not held back until the end."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("print_and_wait"))

        watched.wait_until(lambda: b"still here\n" in watched.output)

        _expect(not watched.ends, "the line came with the end")


def shows_the_traceback_of_an_escaped_exception(make: LauncherFactory) -> None:
    """An exception that leaves the entry ends the process with 1, as a program; its traceback is output."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("fail"))
        end = watched.wait()

    _expect((end.answer, end.exit_code, end.signal) == (None, 1, None), f"wrong end: {end}")
    _expect(b"ValueError: no luck" in watched.output, f"no traceback in {watched.output!r}")


def tells_the_exit_code(make: LauncherFactory) -> None:
    """`sys.exit` and `os._exit` inside a step are ends without an answer, even with status 0."""
    with closing(make()) as launcher:
        for function, code in (("exit_softly", 0), ("exit_softly", 3), ("exit_hard", 0), ("exit_hard", 4)):
            end = Watched(launcher, make_task(function, b"%d" % code)).wait()

            _expect(
                (end.answer, end.exit_code, end.signal) == (None, code, None), f"{function}({code}): {end}"
            )


def tells_the_signal(make: LauncherFactory) -> None:
    """A crash, or a kill from outside as by the out-of-memory killer, is named by its signal."""
    with closing(make()) as launcher:
        for number in (6, 9, 11, 15):
            end = Watched(launcher, make_task("end_by_signal", b"%d" % number)).wait()

            _expect(
                (end.answer, end.exit_code, end.signal) == (None, None, number), f"signal {number}: {end}"
            )


def gives_every_task_a_fresh_process(make: LauncherFactory) -> None:
    """What one task does to its process is unknown to the next one."""
    with closing(make()) as launcher:
        ends = [Watched(launcher, make_task("leave_a_mark")).wait() for _ in range(3)]

    _expect([end.answer for end in ends] == [b"1"] * 3, f"a process was used twice: {ends}")


def sets_the_surroundings(make: LauncherFactory) -> None:
    """Environment and working directory are those of the task; stdin is empty."""
    task = make_task("describe", environment={"ZENML_CHECK": "ä=1", "PATH": None}, working_directory="/")

    with closing(make()) as launcher:
        end = Watched(launcher, task).wait()

    _expect(end.answer == "ä=1|False|/|".encode(), f"wrong surroundings: {end.answer!r}")


def runs_tasks_at_once(make: LauncherFactory) -> None:
    """Tasks run side by side, each in its own process."""
    with closing(make()) as launcher:
        both = [Watched(launcher, make_task("announce_and_wait")) for _ in range(2)]

        processes = {watched.wait_for_event() for watched in both}

        _expect(len(processes) == 2, "two tasks share a process")


def cancels_with_sigterm_first(make: LauncherFactory) -> None:
    """SIGTERM comes first, and its handler has time to act."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("handle_sigterm"))
        watched.wait_for_event()

        end = watched.cancel(grace=_SECONDS)

        _expect(end.is_cancelled and end.exit_code == 17, f"SIGTERM was not handled: {end}")


def cancels_with_sigkill_after_the_grace(make: LauncherFactory) -> None:
    """Who ignores SIGTERM is killed after the grace."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("ignore_sigterm"))
        watched.wait_for_event()

        end = watched.cancel(grace=0.1)

        _expect(end.is_cancelled and end.signal == 9, f"SIGTERM was enough: {end}")


def accepts_a_late_cancel(make: LauncherFactory) -> None:
    """Cancelling what has ended changes nothing."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("repeat"))
        watched.wait()

        watched.cancel(grace=0)
        Watched(launcher, make_task("repeat")).wait()

        _expect(len(watched.ends) == 1 and not watched.ends[0].is_cancelled, f"ended twice: {watched.ends}")


def closes_what_still_runs(make: LauncherFactory) -> None:
    """`close` ends running tasks, reports each of them, and may be called again."""
    with closing(make()) as launcher:
        watched = Watched(launcher, make_task("ignore_sigterm"))
        watched.wait_for_event()

        launcher.close()

        _expect(len(watched.ends) == 1 and watched.ends[0].is_cancelled, f"not reported: {watched.ends}")
        launcher.close()


CHECKS: tuple[Callable[[LauncherFactory], None], ...] = (
    answers_with_what_the_entry_returns,
    carries_large_payloads_and_answers,
    delivers_events_in_order_and_before_the_end,
    delivers_events_while_the_step_runs,
    delivers_events_before_later_output,
    captures_output_of_the_whole_tree,
    shows_lines_while_the_step_runs,
    shows_the_traceback_of_an_escaped_exception,
    tells_the_exit_code,
    tells_the_signal,
    gives_every_task_a_fresh_process,
    sets_the_surroundings,
    runs_tasks_at_once,
    cancels_with_sigterm_first,
    cancels_with_sigkill_after_the_grace,
    accepts_a_late_cancel,
    closes_what_still_runs,
)


def _expect(condition: bool, message: str) -> None:  # noqa: FBT001  # reads as a statement
    if not condition:
        raise AssertionError(message)
