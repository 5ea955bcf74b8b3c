"""What the function of a dynamic pipeline holds of the steps that it called: futures, and artifacts.

A future is a call that may still run. Its outputs are dependencies when they are passed to another
step, and nobody waits for that; only `result`, `load` and `wait` wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from zenml.compile.handles import CallHandle, OutputHandle
from zenml.config.preview import preview
from zenml.errors import ConfigurationError, ContextError, DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from zenml.execute.dynamic_session import DynamicSession
    from zenml.records.status import StepStatus
    from zenml.views.artifact_view import ArtifactView

R = TypeVar("R")
ENDED: frozenset[StepStatus] = frozenset(("completed", "cached", "failed", "skipped", "stopped"))
"""Statuses after which nothing more becomes of a call."""
SUCCEEDED: frozenset[StepStatus] = frozenset(("completed", "cached"))


class OutputArtifact(OutputHandle):
    """An output that is there: pass it on to steps, or `load` its value.

    It has what the artifact of `Client().get_artifact_version` has, `id`, `version`, `uri`, `metadata` …; only `name` is
    that of the output. `artifact` is that artifact itself.
    """

    __slots__ = ("owner",)

    def __init__(self, output: OutputHandle, session: DynamicSession) -> None:
        super().__init__(output.invocation_id, output.name, output.annotation)
        self.owner = session

    @property
    def artifact(self) -> ArtifactView:
        """The artifact."""
        owner: DynamicSession = self.owner
        return owner.artifact(self)

    def load(self) -> Any:
        """Return the value, read anew."""
        return self.artifact.load()

    def __getattr__(self, name: str) -> Any:
        """Return what the artifact has under this name."""
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(self.artifact, name)
        except AttributeError:
            self._refuse(f"Attribute or method `.{name}` was asked of")

    def _refuse(self, what: str) -> NoReturn:
        raise DeclarationError(
            f"{what} output `{self.name}` of step `{self.invocation_id}`, which is an artifact and not its value. Write "
            "`.load()` to have the value, or pass the artifact on to a step."
        )

    def __repr__(self) -> str:
        return f"<output `{self.name}` of step `{self.invocation_id}`>"


class OutputFuture(OutputHandle):
    """One output of a call that may still run."""

    __slots__ = ("future",)

    def __init__(self, invocation_id: str, name: str, annotation: Any, future: StepRunFuture[Any]) -> None:
        super().__init__(invocation_id, name, annotation)
        self.future = future
        """The whole call."""

    @property
    def owner(self) -> DynamicSession:
        """The run that it belongs to."""
        return self.future.session

    def result(self, timeout: float | None = None) -> OutputArtifact:
        """Wait until the step has ended and return the artifact; raise what the step failed with."""
        self.future.raise_failure(timeout)
        return OutputArtifact(self, self.future.session)

    def load(self, timeout: float | None = None) -> Any:
        """Wait until the step has ended and return the value; raise what the step failed with."""
        return self.result(timeout).load()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the step has ended; return False if the time was up before."""
        return self.future.wait(timeout)

    def __await__(self) -> Generator[Any, None, OutputArtifact]:
        """Wait in an event loop, which does other things meanwhile; return what `result` returns."""
        yield from self.future.__await__()
        return self.result()

    def running(self) -> bool:
        """Tell whether the step has not ended yet."""
        return self.future.running()

    def _refuse(self, what: str) -> NoReturn:
        _refuse(what, f"output `{self.name}` of step `{self.invocation_id}`")

    def __repr__(self) -> str:
        return f"<output `{self.name}` of {self.future!r}>"


class StepRunFuture(CallHandle, Generic[R]):
    """A step that was submitted. Pass it on to other steps, or wait for it.

    A failure that nobody takes, by `result`, `load` or `exception` of this step or of one that needs it, fails the run.
    """

    __slots__ = ("callbacks", "on_end", "session", "status", "waiting")

    def __init__(
        self, invocation_id: str, outputs: Iterable[tuple[str, Any]], session: DynamicSession
    ) -> None:
        super().__init__(
            invocation_id,
            tuple(OutputFuture(invocation_id, name, annotation, self) for name, annotation in outputs),
        )
        self.session = session
        self.status: StepStatus | None = None
        """The last that was recorded of it; None before it has begun."""
        self.waiting = 0
        """How many threads wait for it."""
        self.callbacks: list[Callable[[StepRunFuture[R]], Any]] = []
        """What is called when it has ended."""
        self.on_end: Callable[[StepRunFuture[R]], None] | None = None
        """Hears of the end at once, with the engine's baton: the map whose element it is."""

    @property
    def owner(self) -> DynamicSession:
        """The run that it belongs to."""
        return self.session

    def tell_ended(self) -> None:
        """Tell the map that it is an element of, if it is one."""
        if self.on_end is not None:
            self.on_end(self)

    @property
    def is_settled(self) -> bool:
        """Whether it is recorded what became of it."""
        return self.status in ENDED

    def done(self) -> bool:
        """Tell whether the step has ended, in whatever way."""
        return self.is_settled

    def running(self) -> bool:
        """Tell whether the step has not ended yet: it runs, or waits to."""
        return not self.is_settled

    def cancelled(self) -> bool:
        """Tell whether it was cancelled, or what it needs was."""
        return self.session.is_cancelled(self)

    def cancel(self) -> bool:
        """Have the step not run; return whether it did not end otherwise.

        One that runs in a process of its own is ended; one that runs in this process goes on to its end. What
        was to take its outputs is skipped.
        """
        return self.session.cancel(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the step has ended; return False if the time was up before.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.
        """
        return self.session.wait_for([self], _seconds(timeout))

    def result(self, timeout: float | None = None) -> Any:
        """Wait until the step has ended and return its artifact; of several outputs a tuple, of none None.

        Args:
            timeout: seconds to wait at most; None for as long as it takes.

        Raises:
            Exception: what the step failed with.
            StepCancelledError: it was cancelled.
            TimeoutError: the time is up; the step goes on.
        """
        self.raise_failure(timeout)
        artifacts = tuple(OutputArtifact(output, self.session) for output in self.outputs)
        return artifacts[0] if len(artifacts) == 1 else artifacts or None

    artifacts = result

    def load(self, timeout: float | None = None) -> R:
        """Wait until the step has ended and return its value; of several outputs a tuple, of none None.

        Raises:
            Exception: as `result` does.
        """
        self.raise_failure(timeout)
        values = tuple(self.session.artifact(output).load() for output in self.outputs)
        value: Any = values[0] if len(values) == 1 else values or None
        loaded: R = value
        return loaded

    def get_artifact(self, key: str) -> OutputArtifact:
        """Wait until the step has ended and return the output of this name."""
        return self.output(key).result()

    def output(self, key: str) -> OutputFuture:
        """Return one output by name, without waiting."""
        found = next((one for one in self.outputs if one.name == key), None)
        if not isinstance(found, OutputFuture):
            names = ", ".join(f"`{one.name}`" for one in self.outputs) or "none"
            raise DeclarationError(
                f"Step `{self.invocation_id}` has no output `{key}`. Its outputs are: {names}."
            )
        return found

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait until the step has ended and return what it failed with, None if it succeeded."""
        self._wait_long(timeout)
        return self.session.failure_of(self)

    def raise_failure(self, timeout: float | None = None) -> None:
        """Wait until the step has ended, and raise what it failed with, if it did."""
        self._wait_long(timeout)
        error = self.session.failure_of(self)
        if error is not None:
            raise error

    def _wait_long(self, timeout: float | None) -> None:
        if not self.wait(timeout):
            raise TimeoutError(
                f"Step `{self.invocation_id}` has not ended within {timeout:g} s. It goes on; wait longer, or `cancel()` it."
            )

    def add_done_callback(self, function: Callable[[StepRunFuture[R]], Any]) -> None:
        """Have a function called with this future once the step has ended; at once if it has.

        It is called in whatever thread the step ends, and must be quick. What it raises is told of, and no more.
        """
        self.session.add_callback(self, function)

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait in an event loop, which does other things meanwhile; return what `result` returns."""
        from zenml.execute.awaiting import settled

        yield from settled(self).__await__()
        return self.result()

    def __getitem__(self, key: int | str) -> Any:  # type: ignore[override]  # a plain handle refuses
        """Return one output, by name, or of several by position."""
        if not isinstance(key, str):
            self._refuse_unless_several(f"Item {key!r} was asked of")
        return self.output(key) if isinstance(key, str) else self.outputs[key]

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a plain handle refuses
        """Go through several outputs, which unpacks them too."""
        self._refuse_unless_several("A loop or an unpacking asked for the items of")
        return iter(self.outputs)

    def __len__(self) -> int:
        """Return how many outputs there are, if there are several."""
        self._refuse_unless_several("`len()` was asked of")
        return len(self.outputs)

    def _refuse_unless_several(self, what: str) -> None:
        """Refuse what would be about the value of a single output."""
        if len(self.outputs) < 2:
            self._refuse(what)

    def _refuse(self, what: str) -> NoReturn:
        _refuse(what, f"the future of step `{self.invocation_id}`")

    def __repr__(self) -> str:
        return f"<future of step `{self.invocation_id}`, {self.status or 'waiting'}>"


def _seconds(timeout: Any) -> float | None:
    """Return a limit of time that is none or a number."""
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and timeout >= 0):
        raise ConfigurationError(
            f"A `timeout` is {preview(timeout)}. Give it seconds as a number, or None to wait as long as it takes."
        )
    seconds: float | None = timeout
    return seconds


def _refuse(what: str, whom: str) -> NoReturn:
    raise DeclarationError(
        f"{what} {whom}, which may not exist yet and is not its value. Write `.load()` to wait for the value, or pass "
        "it on to a step."
    )


def as_completed(
    futures: Iterable[StepRunFuture[R]], timeout: float | None = None
) -> Iterator[StepRunFuture[R]]:
    """Yield futures as their steps end, the first one first.

    Args:
        futures: what `submit` returned; each is yielded once.
        timeout: seconds until all have ended; None for as long as it takes.

    Raises:
        TimeoutError: the time is up; the steps go on.

    Example:
        ```
        for future in as_completed([train.submit(rate) for rate in rates]):
            if future.load() > 0.9:
                break
        ```
    """
    given = [futures] if isinstance(futures, StepRunFuture) else list(futures)
    for one in given:
        if not isinstance(one, StepRunFuture):
            raise DeclarationError(
                f"`as_completed` got {preview(one)}. Give it what `step.submit(…)` returned."
            )
    left = list(dict.fromkeys(given))
    if len({id(one.session) for one in left}) > 1:
        raise ContextError("`as_completed` got futures of several runs. Wait for those of one run at a time.")
    timeout = _seconds(timeout)
    end = None if timeout is None or not left else left[0].session.now() + timeout
    while left:
        seconds = None if end is None else max(0.0, end - left[0].session.now())
        if not left[0].session.wait_for(left, seconds, is_any=True):
            raise TimeoutError(f"{len(left)} steps have not ended within {timeout:g} s. They go on.")
        ended = [one for one in left if one.is_settled]
        left = [one for one in left if not one.is_settled]
        yield from sorted(ended, key=lambda one: one.session.ended_at(one))
