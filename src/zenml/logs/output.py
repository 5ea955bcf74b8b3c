"""Sending what a step prints to the step's own log as well as to the terminal.

While a run is active, `sys.stdout` and `sys.stderr` are routers. A router looks different from
each thread: in that of a step its `write` is the one of the step's own stream, found without any
Python code. In other threads the context variable tells the step; a thread that a step started
belongs to it as long as no other step runs; what is left goes to the log of the run.
"""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

from zenml.context import session
from zenml.logs import log_handlers, log_writer
from zenml.logs.step_log import StepLog
from zenml.logs.step_output import Sink, StepOutput, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Router(threading.local):
    """Stands in for a standard stream; everything but `write` and `flush` is the real stream's.

    What is the real stream's is found through descriptors: a class with `__getattr__` would make the
    look-up of `write`, two for each print, cost as much again as the print itself.
    """

    write: Callable[[str], int]
    flush: Callable[[], None]

    def __init__(self, stream: Any, *, is_error: bool) -> None:  # in each thread, at its first use
        self.real = stream
        self.is_error = is_error
        self.write = self._write_from_elsewhere
        self.flush = self._flush_real

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def _write_from_elsewhere(self, text: str) -> int:
        printer = _printer_here()
        if printer is None:
            _show(text, self)
        else:
            printer.write(text, is_error=self.is_error)
        return len(text)

    def _flush_real(self) -> None:
        if self.real is not None:
            self.real.flush()


class _OfReal:
    """An attribute of a router that is the real stream's; one that is set on the router goes before it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, router: Router, kind: type) -> Any:
        return getattr(router.real, self._name)


for _name in {"mode", *dir(io.TextIOWrapper)} - {*dir(Router), "write", "flush"}:
    if not _name.startswith("__"):
        setattr(Router, _name, _OfReal(_name))  # `mode` is put there by the interpreter


class OpenRouter(Router):
    """Stands in for a stream that may have any attributes, such as the one of a notebook."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def _router(stream: Any, *, is_error: bool) -> Router:
    is_plain = type(stream) is io.TextIOWrapper and vars(stream).keys() <= {"mode"}
    return (Router if is_plain else OpenRouter)(stream, is_error=is_error)


class Printer:
    """A step, or what of a run is in no step, as something that prints in this process."""

    def __init__(self, log: StepLog | None) -> None:
        self.log = log
        self._threads_before: frozenset[int] = frozenset()
        self._is_alone = True
        self._output: StepOutput | None = None
        self._lock = threading.Lock()
        self._routers: tuple[Router, ...] = ()
        self._saved: list[dict[str, Any]] = []

    def write(self, text: str, *, is_error: bool) -> None:
        """Take text from any thread."""
        self.output.write(text, is_error=is_error)

    @property
    def output(self) -> StepOutput:
        """The streams, made at the first use."""
        with self._lock:
            if self._output is None:
                out, error = self._routers or Capture.routers
                self._output = StepOutput(self.log, (out.real, error.real))
            return self._output

    def begin(self) -> None:
        """Have this thread print for this step."""
        self._routers = Capture.routers
        for number, router in enumerate(self._routers):
            if router.write != router._write_from_elsewhere:
                router.flush()  # of the step that this one runs in
            self._saved.append({"write": router.write, "flush": router.flush})
            router.write = self._first_out if number == 0 else self._first_error
        self._threads_before = frozenset(threading._active)  # type: ignore[attr-defined]  # no public way is as cheap
        Capture.steps.append(self)
        if len(Capture.steps) > 1:
            for step in list(Capture.steps):
                step._is_alone = False

    def end(self) -> None:
        """Have this thread print for what it printed for before, and close the log."""
        Capture.steps.remove(self)
        for router, saved in zip(self._routers, self._saved, strict=True):
            vars(router).update(saved)
        self.close()

    def close(self) -> None:
        """Pass on and write the rest."""
        if self._output is not None:
            self._output.close()
        if self.log is not None:
            self.log.close()

    def has_started_this_thread(self) -> bool:
        """Tell whether this thread can be the step's only: new, and no other step ran meanwhile."""
        return self._is_alone and threading.get_ident() not in self._threads_before

    def _first_out(self, text: str) -> int:
        self._connect()
        return self._routers[0].write(text)

    def _first_error(self, text: str) -> int:
        self._connect()
        return self._routers[1].write(text)

    def _connect(self) -> None:
        """Let this thread write to the streams themselves from now on."""
        for router, stream in zip(self._routers, self.output.texts, strict=True):
            router.write, router.flush = stream.write, stream.flush


class Capture:
    """Routes the standard streams while at least one run of this process is active.

    Args:
        log: of the run: takes what belongs to none of its steps.
    """

    routers: tuple[Router, ...] = ()
    steps: list[Printer] = []  # noqa: RUF012  # shared on purpose: the streams are the process's
    runs: list[Printer] = []  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, log: StepLog | None = None) -> None:
        self.printer = Printer(log)
        """What is printed in no step of the run."""

    def __enter__(self) -> Self:
        cls = type(self)
        with cls._lock:
            if not cls.runs:
                for stream in (sys.stdout, sys.stderr):
                    _try_to_flush(stream)
                cls.routers = (_router(sys.stdout, is_error=False), _router(sys.stderr, is_error=True))
                log_handlers.redirect({router.real: router for router in cls.routers})
                sys.stdout, sys.stderr = cls.routers
            cls.runs.append(self.printer)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        cls = type(self)
        with cls._lock:
            cls.runs.remove(self.printer)
            self.printer.close()
            if not cls.runs:
                # Somebody else may have replaced a stream meanwhile; then it is theirs to restore.
                if isinstance(sys.stdout, Router):
                    sys.stdout = sys.stdout.real
                if isinstance(sys.stderr, Router):
                    sys.stderr = sys.stderr.real
                log_handlers.redirect({router: router.real for router in cls.routers})


class ProcessOutput:
    """What a process prints that runs a step."""

    def __init__(self, log: StepLog | None) -> None:
        self._log = log
        self._sink: Sink | None = None

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._sink is None:
            self._sink = Sink(self._log, terminal(), is_error=True)
            log_writer.watch(self._sink)
        try:
            self._sink.write(data)
            self._sink.push()
        except (OSError, ValueError):
            return  # the terminal is gone or was closed; the log has it, and the step goes on

    def close(self) -> None:
        """Pass on and write the rest."""
        if self._sink is not None:
            log_writer.forget(self._sink)
            try:
                self._sink.flush()
            except (OSError, ValueError):
                pass  # as above
        if self._log is not None:
            self._log.close()


def divert(writer: Callable[[str, bool], None] | None) -> None:
    """Send what steps print on the terminal through a function; None sends it to the real streams again.

    The function gets text (whole lines, or what a program flushed) and whether it is an error. It is
    called from the threads that print, several at once.
    """
    Terminal.writer = writer


def say(text: str) -> None:
    """Write a message of our own to standard error, or to whoever takes what is printed."""
    if Terminal.writer is not None:
        Terminal.writer(text, True)
        return
    stream = terminal()
    stream.write(text)
    stream.flush()


def terminal() -> Any:
    """Return the real standard error, for messages of our own."""
    return unrouted(sys.stderr)


def unrouted(stream: Any) -> Any:
    """Return the real stream behind a standard stream."""
    return stream.real if isinstance(stream, Router) else stream


def _printer_here() -> Printer | None:
    """Return the step or run that this thread prints for, None if there is none."""
    printer: Printer | None = getattr(session.active.get(), "printer", None)
    if printer is not None:
        return printer
    for step in Capture.steps[:1]:
        if step.has_started_this_thread():
            return step
    return Capture.runs[-1] if Capture.runs else None


def _try_to_flush(stream: Any) -> None:
    """Have a stream pass on what was printed before the run."""
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError):
        return  # it is gone, closed, or None: a program may run without


def _show(text: str, router: Router) -> None:
    if Terminal.writer is not None:
        Terminal.writer(text, router.is_error)
    elif router.real is not None:
        router.real.write(text)
