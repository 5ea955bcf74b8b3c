"""What is said of a step whose process ended without an answer that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.errors import StepOutOfMemoryError, StepProcessError
from zenml.execute.step_needs import in_bytes

if TYPE_CHECKING:
    from zenml.components.launcher import LaunchEnd

_GUARDS = {"cgroup": "by the kernel, which kept its cgroup below the cap", "watchdog": "by a watchdog"}


def error_of(end: LaunchEnd, step: str, cap: int | None) -> StepProcessError:
    """Return the error of a step from the end of its process.

    Args:
        end: how it ended.
        step: its invocation id.
        cap: the bytes of memory that it may have, if there is a limit.
    """
    if end.is_over_memory and cap is not None:
        return StepOutOfMemoryError(
            f"Step `{step}` took more memory than its cap of {in_bytes(cap)}: {_peak(end)}. It was ended with all "
            f"its processes {_GUARDS[end.memory_guard or 'watchdog']}. Raise `memory` in its `resources`, or have "
            "it hold less at once.",
            cap=cap,
            peak=end.peak_memory,
            signal=end.signal,
        )
    if end.is_oom_kill and not end.is_cancelled:
        return StepOutOfMemoryError(
            f"The process of step `{step}` was ended by SIGKILL (signal 9), which nobody of this run sent, when the "
            f"system ran out of memory; {_peak(end)}. Have it hold less at once, run fewer steps at once, or "
            "declare its `memory` in `resources` so that it starts when there is enough.",
            peak=end.peak_memory,
            signal=end.signal,
        )
    return StepProcessError(_message(end, step), exit_code=end.exit_code, signal=end.signal)


def _message(end: LaunchEnd, step: str) -> str:
    if end.is_cancelled:
        return f"Step `{step}` was cancelled and its process ended."
    if end.signal is not None:
        import signal

        name = signal.Signals(end.signal).name if end.signal in set(signal.Signals) else str(end.signal)
        hint = ""
        if name == "SIGKILL":
            hint = f" Nobody of this run sent signal 9: that the system ran out of memory is the likely reason; {_peak(end)}."
        return (
            f"The process of step `{step}` was ended by {name}.{hint} See the step's log for its last output."
        )
    if end.exit_code is not None:
        return (
            f"The process of step `{step}` left with exit code {end.exit_code} before the step returned. "
            "A step ends by returning or by raising; look for `os._exit` or a crash in its log."
        )
    return f"The process of step `{step}` ended without an answer. {end.problem}".rstrip()


def _peak(end: LaunchEnd) -> str:
    return f"it had {in_bytes(end.peak_memory)} at most" if end.peak_memory else "nobody saw how much it had"
