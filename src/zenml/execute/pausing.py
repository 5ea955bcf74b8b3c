"""Questions to people while the function of a dynamic pipeline runs: found, answered, or a reason to pause.

The question and the pause of its run are one transaction. After it nobody owns the run; the function is
left by an exception that `except Exception` does not catch, and runs again when the run is resumed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from zenml.errors import ContextError, RunStoppedError, WaitTimeoutError
from zenml.execute import conditions
from zenml.records import wire
from zenml.records.answer_schema import as_json
from zenml.records.ids import microseconds_now, new_id, short
from zenml.records.waits import Wait, WaitId, reason_of
from zenml.signatures.question import read_answer, schema_of
from zenml.views.asking import asking_text
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from zenml.execute.engine import Engine

LONGEST_NAME = 40
"""Letters of a question that its name is made of."""


class RunPaused(BaseException):
    """Leaves the function of a dynamic pipeline whose run waits for an answer."""


class Questions:
    """The questions of one execution of a pipeline's function."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked: dict[str, int] = {}
        """By name: how often it was asked for."""

    def check_going_on(self) -> None:
        """Leave the function again, if it goes on although its run is paused."""
        if self._engine.run.status == "paused":
            self._leave()

    def check(self, question: str, *, is_in_function: bool) -> None:
        """Raise if nothing can be asked here.

        Raises:
            ContextError: it is another thread than that of the pipeline's function.
            RunPaused: the run is paused, and its function went on.
        """
        if not is_in_function:
            raise ContextError(
                f"`wait({question!r})` was called in another thread than that of the pipeline's function. Ask in the "
                "function itself: it is left while a person thinks, and other threads cannot be."
            )
        self.check_going_on()

    def check_stopping(self, what: str) -> None:
        """Raise if a failure ends the run, so that nobody need be asked; `what` it waits for then is told."""
        machine = self._engine.machine
        if machine.is_stopping and machine.first_failure is not None:
            raise self._engine.failures[machine.first_failure]
        if machine.is_stopping:
            raise RunStoppedError(f"Run `{self._engine.run.name}` is stopping; it does not wait for {what}.")

    def has_paused(self, error: BaseException | None) -> bool:
        """Tell whether the run is paused; if its function has returned or raised since, say that this is a mistake."""
        if self._engine.run.status != "paused":
            return False
        if is_pause(error):
            return True
        became = f"raised {type(error).__name__}: {error}" if error is not None else "returned"
        self._engine.note(
            f"The function of pipeline `{self._engine.run.pipeline_name}` {became}, although its run was paused: it "
            "caught the exception that is to leave it. Catch `Exception`, not `BaseException`; what it did "
            "since it asked is not part of the run."
        )
        return True

    def find(self, wanted: Any, question: str, timeout: float | None, name: str) -> Wait:
        """Return a question as it is recorded; a new one, open and not recorded yet, if it was not asked before.

        Raises:
            DeclarationError: it asks for what no answer can be.
        """
        base = name or _name_of(question)
        schema = schema_of(wanted, f"`wait({question!r})`")
        content = wire.digest_of(wire.encode((question, schema)))
        number = self._asked[base] = self._asked.get(base, 0) + 1
        name = base if number == 1 else f"{base}_{number}"
        engine, now = self._engine, microseconds_now()
        found = engine.store.select(Wait, run_id=engine.run.id, name=name, content=content)
        wait = found[0] if found else None
        if wait is not None and wait.status == "open" and wait.is_late(now):
            engine.store.expire_wait(wait.id)
            wait = engine.store.get(Wait, wait.id) or wait
        if wait is None or wait.status == "withdrawn":
            wait = Wait(
                id=WaitId(new_id()) if wait is None else wait.id,
                run_id=engine.run.id,
                name=name,
                content=content,
                question=question,
                schema_text=msgspec.json.encode(schema).decode(),
                asked_at=now,
                expires_at=None if timeout is None else now + round(timeout * 1e6),
            )
        return self._prepared(wait) if wait.status == "open" else wait

    def answer(self, wait: Wait, wanted: Any, fallback: tuple[Any, ...]) -> Any:
        """Return the recorded answer to a question, or what holds when it is too late for one.

        Raises:
            WaitTimeoutError: it is too late, and there is no default.
            TypeMismatchError: the answer does not fit the type; its own validators may refuse what its schema allows.
        """
        if wait.status == "answered":
            return read_answer(wanted, wait.answer, wait.answer_schema)
        if fallback:
            return fallback[0]
        raise WaitTimeoutError(
            f"Nobody answered `{wait.question}` (`{wait.name}`) of run `{self._engine.run.name}` in time. Give "
            "`wait` a `default`, or catch this error."
        )

    def pause(self, wait: Wait) -> NoReturn:
        """Record the question and the pause of the run as one, and leave the function; as `pause_because`."""
        self.pause_because(reason_of(wait.name), wait)

    def pause_because(self, reason: str, wait: Wait | None = None) -> NoReturn:
        """Record the pause of the run, and what it asks, as one, and leave the function.

        Raises:
            RunPaused: when that is done.
            RunStoppedError: the run is to stop, or is not this process's any more.
        """
        engine = self._engine
        if engine.hooks is not None:
            engine.hooks.settle()
        if engine.pause(reason, wait):
            if engine.hooks is not None:
                engine.hooks.pause()
            engine.note(asking_text(RunView(engine.run, engine.store)))
        self._leave()

    def _leave(self) -> NoReturn:
        run = self._engine.run
        raise RunPaused(
            f"Run `{run.name}` is paused: {run.reason}. Nothing of it can go on until then: zenml run answer {short(run.id)}"
        )

    def _prepared(self, wait: Wait) -> Wait:
        """Return a question with the answer that a test has prepared, if it has; it is recorded."""
        engine = self._engine
        found = conditions.of(engine.store).answer(wait.name, wait.question)
        if not found:
            return wait
        answered = msgspec.structs.replace(
            wait,
            status="answered",
            answer=as_json(found[0]),
            answered_at=microseconds_now(),
            answered_by="the test",
        )
        if engine.store.get(Wait, wait.id) is None:
            engine.store.insert([answered])
        else:
            engine.store.update(Wait, wait.id, **msgspec.structs.asdict(answered))
        return answered


def is_pause(error: BaseException | None) -> bool:
    """Tell whether it is a pause that a function was left by; groups of tasks raise it as a group."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(RunPaused)[1] is None
    return isinstance(error, RunPaused)


def _name_of(question: str) -> str:
    """Return the words of a question as a name: `Deploy it?` is `deploy_it`."""
    words = re.findall(r"\w+", question.lower())
    name = "_".join(words)[:LONGEST_NAME].strip("_")
    return name or "question"
