"""A run that asks a person: it pauses once what was called has ended, and goes on with the answer."""

import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import pytest

from zenml import log_metadata, pipeline, step, wait
from zenml.client.run_control import delete_runs, stop_run
from zenml.errors import (
    AnswerError,
    ContextError,
    DeclarationError,
    ResumeError,
    TypeMismatchError,
    WaitTimeoutError,
)
from zenml.records.waits import Wait

calls: list[object] = []
"""What ran, in its order."""


@pytest.fixture(autouse=True)
def _forget() -> None:
    calls.clear()


def note(text: str) -> None:
    """Add to the list without being code that reads it, which would count as changed code."""
    sys.modules[__name__].calls.append(text)  # type: ignore[attr-defined]


@step(enable_cache=False)
def train(rate: int = 1) -> int:
    note(f"train {rate}")
    return rate


@step(enable_cache=False)
def deploy(model: int) -> str:
    note("deploy")
    return f"deployed {model}"


@dataclass
class Decision:
    stage: Literal["staging", "production"]
    share: float = 0.5


@pipeline(dynamic=True, name="ask")
def asking(question: str = "Deploy it?"):
    model = train()
    if wait(question=question):
        return deploy(model)
    return None


def names(run):
    return {one.name: one.status for one in run.waits}


def test_a_run_pauses_after_what_was_submitted_has_ended(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        train.submit(1)
        train.submit(2)
        wait(question="Go on?")

    run = flow()

    assert run.record.status == "paused"
    assert run.end_time is None
    assert sorted(calls) == ["train 1", "train 2"]
    assert {one.status for one in run.attempts} == {"completed"}
    assert names(run) == {"go_on": "open"}


def test_an_answered_run_goes_on_without_executing_steps_again(zenml_lab):
    run = asking()

    run = run.answer(True, by="Ada").resume()

    assert run.record.status == "completed"
    assert calls == ["train 1", "deploy"]
    assert [(one.answer, one.answered_by) for one in run.waits] == [(True, "Ada")]
    assert run.outputs[0].load() == "deployed 1"


def test_the_answer_is_of_the_type_that_was_asked_for(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        calls.append(wait(Decision, "Where to?"))

    flow().answer({"stage": "staging"}).resume()

    assert calls == [Decision("staging", 0.5)]


def test_each_question_of_a_loop_is_one_of_its_own(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        calls.append([wait(int, "How many?") for _ in range(2)])

    run = flow()
    run = run.answer(1).resume()
    assert run.record.status == "paused"
    run = run.answer(2).resume()

    assert names(run) == {"how_many": "answered", "how_many_2": "answered"}
    assert calls == [[1, 2]]


def test_a_changed_question_is_asked_anew_and_the_old_one_withdrawn(zenml_lab):
    words = ["Deploy it?"]

    @pipeline(dynamic=True)
    def flow():
        calls.append(wait(question=words[0], name="gate"))

    run = flow()
    stop_run(zenml_lab.store, run.id, reason="wrong words")
    words[0] = "Really deploy it?"
    run = run.refresh().resume()

    assert {one.question: one.status for one in run.waits} == {
        "Deploy it?": "withdrawn",
        "Really deploy it?": "open",
    }
    assert run.answer(False).resume().record.status == "completed"
    assert calls == [False]


def test_a_run_whose_question_is_open_is_not_resumed(zenml_lab):
    run = asking()

    with pytest.raises(ResumeError, match="zenml run answer"):
        run.resume()

    assert run.refresh().record.epoch == 0


def test_too_late_raises_in_the_function_when_the_run_goes_on(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        try:
            wait(question="Go on?", timeout=timedelta(minutes=1))
        except TimeoutError as error:
            calls.append(type(error))

    run = flow()
    zenml_lab.clock.advance(61)

    with pytest.raises(AnswerError, match="too late"):
        run.answer(True)
    run = run.resume()

    assert calls == [WaitTimeoutError]
    assert names(run) == {"go_on": "expired"}


def test_too_late_returns_the_default(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        calls.append(wait(question="Go on?", timeout=60, default=None))

    run = flow()
    zenml_lab.clock.advance(61)

    assert run.resume().record.status == "completed"
    assert calls == [None]


def test_an_answer_that_does_not_fit_changes_nothing(zenml_lab):
    run = asking()

    with pytest.raises(TypeMismatchError, match="Expected: true or false"):
        run.answer("perhaps")

    assert names(run) == {"deploy_it": "open"}


def test_one_answer_counts(zenml_lab):
    run = asking().answer(True)

    with pytest.raises(AnswerError, match="has been answered"):
        run.answer(False)

    assert run.waits[0].answer is True


def test_a_run_that_asks_nothing_and_a_wrong_name_are_told(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        train()

    with pytest.raises(AnswerError, match="has asked nothing"):
        flow().answer(True)
    with pytest.raises(AnswerError, match=r"no question `other`\. It has asked: `deploy_it`"):
        zenml_lab.client.answer(asking(), True, "other")


def test_what_catches_exceptions_does_not_keep_the_function_from_pausing(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        try:
            wait(question="Go on?")
        except Exception:
            calls.append("caught")

    assert flow().record.status == "paused"
    assert calls == []


def test_a_function_that_catches_everything_is_left_at_its_next_call(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        try:
            wait(question="Go on?")
        except BaseException:
            calls.append("caught")
        train()

    run = flow()

    assert run.record.status == "paused"
    assert calls == ["caught"]


def test_a_function_that_swallows_the_pause_and_returns_stays_paused(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        try:
            wait(question="Go on?")
        except BaseException:
            return

    run = flow()

    assert run.record.status == "paused"
    assert run.answer(True).resume().record.status == "completed"


def test_a_failure_that_ends_the_run_is_raised_instead_of_asking(zenml_lab):
    @step(enable_cache=False)
    def breaks() -> None:
        raise ValueError("broken")

    @pipeline(dynamic=True, execution_mode="stop_on_failure")
    def flow():
        breaks.submit()
        wait(question="Go on?")

    with pytest.raises(ValueError, match="broken"):
        flow()

    assert zenml_lab.runs[-1].record.status == "failed"
    assert zenml_lab.runs[-1].waits == []


def test_wait_is_refused_where_no_function_of_a_dynamic_pipeline_runs(zenml_lab):
    @step(enable_cache=False)
    def asks() -> None:
        wait(question="Go on?")

    with pytest.raises(ContextError, match=r"dynamic=True"):
        wait(question="Go on?")
    with pytest.raises(ContextError):
        asks()


def test_wait_is_refused_in_another_thread(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        import contextvars

        def ask():
            try:
                wait(question="Go on?")
            except ContextError as error:
                calls.append(str(error))

        thread = threading.Thread(target=contextvars.copy_context().run, args=(ask,))
        thread.start()
        thread.join()

    assert flow().record.status == "completed"
    assert "another thread" in str(calls[0])


@pytest.mark.parametrize(
    "given", [{"timeout": 0}, {"timeout": "soon"}, {"question": " "}, {"name": 3}, {"schema": complex}]
)
def test_what_cannot_be_asked_is_refused_before_the_run_pauses(zenml_lab, given):
    @pipeline(dynamic=True)
    def flow():
        wait(**{"question": "Go on?", **given})

    with pytest.raises(DeclarationError):
        flow()

    assert zenml_lab.runs[-1].record.status == "failed"


def test_a_paused_run_can_be_stopped_and_resumed(zenml_lab):
    run = asking()

    outcome, stopped = stop_run(zenml_lab.store, run.id, reason="enough")

    assert (outcome, stopped.record.status, stopped.reason) == ("ended", "stopped", "enough")
    with pytest.raises(AnswerError, match="is stopped"):
        run.answer(True)
    assert stopped.resume().record.status == "paused"
    assert run.answer(False).resume().record.status == "completed"


def test_a_paused_run_can_be_deleted_with_its_questions(zenml_lab):
    run = asking()

    delete_runs(zenml_lab.store, [run.id])

    assert zenml_lab.runs == []
    assert zenml_lab.store.select(Wait) == []


def test_hooks_of_pausing_and_going_on_are_called(zenml_lab):
    @pipeline(
        dynamic=True,
        on_init=lambda: calls.append("init"),
        on_pause=lambda: calls.append("pause"),
        on_resume=lambda: calls.append("resume"),
        on_cleanup=lambda: calls.append("cleanup"),
    )
    def flow():
        wait(question="Go on?")

    run = flow()
    assert calls == ["init", "pause"]
    run = run.answer(True).resume()

    assert calls == ["init", "pause", "init", "resume", "cleanup"]
    assert [one.status for one in run.hook_runs].count("pending") == 0


def test_prepared_answers_keep_a_run_from_pausing(zenml_lab):
    zenml_lab.answer("Deploy it?", True)

    run = asking()

    assert run.record.status == "completed"
    assert calls == ["train 1", "deploy"]
    assert names(run) == {"deploy_it": "answered"}


def test_an_answer_can_be_prepared_by_name(zenml_lab):
    zenml_lab.answers["deploy_it"] = False

    assert asking().record.status == "completed"
    assert calls == ["train 1"]


def test_the_question_alone_asks_for_yes_or_no(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        calls.append(wait("Deploy it?"))

    flow().answer(True).resume()

    assert calls == [True]


def test_what_was_logged_before_is_there_while_it_is_paused(zenml_lab):
    @step(enable_cache=False)
    def says() -> None:
        log_metadata({"accuracy": 0.9})

    @pipeline(dynamic=True)
    def flow():
        says()
        wait(question="Go on?")

    assert flow().steps["says"].run_metadata == {"accuracy": 0.9}


def test_an_embedded_pipeline_may_ask(zenml_lab):
    @pipeline(dynamic=True)
    def outer():
        asking.embed()

    run = outer()

    assert run.record.status == "paused"
    assert run.answer(True).resume().record.status == "completed"
