"""A failing step: what else runs, what the caller gets, what is recorded."""

import pytest

BRANCHES = """
@step
def bad() -> int:
    raise ValueError("bad luck")

@step
def after_bad(x: int) -> int:
    mark("after_bad")
    return x

@step
def good() -> int:
    mark("good")
    wait_until(lambda: statuses(last_run())["bad"] == "failed")
    return 1

@step
def after_good(x: int) -> int:
    mark("after_good")
    return x

@pipeline(execution_mode="{mode}", max_parallelism=2)
def flow():
    after_bad(after_bad(bad()))
    after_good(good())

error = outcome(flow)
run = last_run()
fact(
    statuses=statuses(run),
    status=str(run.status),
    reasons={{name: step.reason for name, step in run.steps.items()}},
    error=repr(error),
    notes=error.__notes__,
    name=run.name,
)
"""


def test_other_branches_go_on_after_a_failure(lab):
    facts = lab.run(BRANCHES.format(mode="continue_on_failure")).facts

    assert facts["statuses"] == {
        "bad": "failed",
        "after_bad": "skipped",
        "after_bad_2": "skipped",
        "good": "completed",
        "after_good": "completed",
    }
    assert facts["status"] == "failed"


def test_that_is_the_default(lab):
    facts = lab.run(BRANCHES.replace('execution_mode="{mode}", ', "").format()).facts

    assert facts["statuses"]["after_good"] == "completed"


def test_nothing_starts_after_a_failure_if_the_run_stops_on_failure(lab):
    facts = lab.run(BRANCHES.format(mode="stop_on_failure")).facts

    statuses = facts["statuses"]
    assert statuses["bad"] == "failed"
    assert statuses["good"] == "completed"
    assert statuses["after_bad"] == statuses["after_good"] == "skipped"
    assert facts["status"] == "failed"


def test_the_error_names_step_and_run(lab):
    facts = lab.run(BRANCHES.format(mode="continue_on_failure")).facts

    assert facts["error"] == "ValueError('bad luck')"
    assert any("`bad`" in note and facts["name"] in note for note in facts["notes"])


def test_a_skipped_step_says_which_step_did_not_succeed(lab):
    facts = lab.run(BRANCHES.format(mode="continue_on_failure")).facts

    assert "`bad`" in facts["reasons"]["after_bad"]
    assert "`after_bad`" in facts["reasons"]["after_bad_2"]


def test_failing_fast_ends_running_isolated_steps(lab):
    result = lab.run("""
        @step(runtime="isolated")
        def slow() -> int:
            mark("slow")
            hang()
            return 1

        @step
        def bad() -> int:
            wait_for_mark("slow")
            raise ValueError("bad luck")

        @pipeline(execution_mode="fail_fast")
        def flow():
            slow()
            bad()

        error = outcome(flow)
        run = last_run()
        fact(error=repr(error), statuses=statuses(run), reason=run.steps["slow"].reason, status=str(run.status))
    """)

    assert result.facts["error"] == "ValueError('bad luck')"
    assert result.facts["statuses"] == {"slow": "stopped", "bad": "failed"}
    assert result.facts["status"] == "failed"
    assert "`bad`" in result.facts["reason"]
    assert lab.survivors() == []


def test_failing_fast_does_not_wait_for_inline_steps(lab):
    result = lab.run("""
        @step
        def slow() -> int:
            mark("slow")
            hang()
            return 1

        @step
        def bad() -> int:
            wait_for_mark("slow")
            raise ValueError("bad luck")

        @pipeline(execution_mode="fail_fast")
        def flow():
            slow()
            bad()

        outcome(flow)
        fact(statuses=statuses(last_run()))
    """)

    assert result.facts["statuses"] == {"slow": "stopped", "bad": "failed"}


def test_the_caller_gets_the_very_object_that_an_inline_step_raised(lab):
    result = lab.run("""
        class Own(Exception):
            pass

        raised = Own("mine", [1])

        @step(enable_cache=False)
        def bad():
            raise raised

        @pipeline
        def flow():
            bad()

        fact(same=outcome(flow) is raised)
    """)

    assert result.facts == {"same": True}


def test_further_failures_are_told_in_notes(lab):
    result = lab.run("""
        @step
        def bad(n: int):
            mark("bad")
            wait_for_mark("bad", 2)
            raise ValueError(f"number {n}")

        @pipeline
        def flow():
            bad(1)
            bad(2)

        error = outcome(flow)
        fact(told=[str(error), *error.__notes__])
    """)

    told = "\n".join(result.facts["told"])
    assert "number 1" in told
    assert "number 2" in told
    assert "`bad_2`" in told


def test_a_failed_run_tells_what_failed_and_where(lab):
    result = lab.run("""
        def deep():
            raise RuntimeError("deep down")

        @step
        def bad():
            print("before")
            deep()

        @pipeline
        def flow():
            bad()

        outcome(flow)
        run = last_run()
        failure = run.steps["bad"].failure
        fact(type=failure.type, message=failure.message, traceback=failure.traceback, run=run.failure.message,
             log=str(run.steps["bad"].logs), ended=run.end_time is not None)
    """)

    facts = result.facts
    assert facts["type"] == "builtins.RuntimeError"
    assert facts["message"] == facts["run"] == "deep down"
    assert "in deep" in facts["traceback"]
    assert "step_runner" not in facts["traceback"]
    assert "before" in facts["log"]
    assert facts["ended"]


@pytest.mark.parametrize(
    ("signature", "body", "words"),
    [
        ("-> int", "return 'text'", ["int", "str", "work"]),
        ("-> tuple[int, str]", "return 1, 2", ["str", "int"]),
        ("-> tuple[int, int]", "return 5", ["tuple[int, int]", "work"]),
        ("-> tuple[int, int]", "three = 1, 2, 3; return three", ["tuple[int, int]", "work"]),
        ("", "import threading; return threading.Lock()", ["lock"]),
        ("", "return (x for x in [1])", ["generator"]),
        ("", "return open('/dev/null')", ["TextIOWrapper"]),
    ],
)
@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_a_result_that_cannot_be_stored_is_a_failed_step_that_says_why(lab, runtime, signature, body, words):
    result = lab.run(f"""
        @step(runtime="{runtime}")
        def work() {signature}:
            {body}

        @pipeline
        def flow():
            work()

        error = outcome(flow)
        fact(text=str(error), statuses=statuses(last_run()), type=type(error).__name__)
    """)

    assert result.facts["statuses"] == {"work": "failed"}
    for word in words:
        assert word in result.facts["text"]


def test_a_run_name_can_be_used_once(lab):
    result = lab.run("""
        @step
        def work():
            mark("ran")

        @pipeline
        def flow():
            work()

        first = flow.with_options(run_name="nightly")()
        error = outcome(flow.with_options(run_name="nightly", enable_cache=False))
        fact(name=first.name, error=str(error))
    """)

    assert result.facts["name"] == "nightly"
    assert "nightly" in result.facts["error"]
    assert result.count("ran") == 1
    assert lab.client().list_pipeline_runs().total == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("work(); raise RuntimeError('in the pipeline')", ["in the pipeline"]),
        ("work(y=1)", ["`y`", "work"]),
        ("takes(work())", ["int", "list"]),
        ("if work(): pass", ["work"]),
        ("work() + 1", ["`work`", "step"]),
        ("if work() == 1: pass", ["`work`", "step"]),
        ("if work() > 1: pass", ["`work`", "step"]),
        ("len(work())", ["`work`", "step"]),
        ("takes()", ["`x`"]),
        ("takes(x=object())", ["`x`"]),
        ("work(after='wrok')", ["wrok", "work"]),
        ("work(id='a'); work(id='a')", ["`a`"]),
        ("work(id='a', after='b'); work(id='b', after='a')", ["`a`", "`b`"]),
        ("takes('text')", ["list", "str"]),
        ("a, b = work()", ["work"]),
    ],
)
def test_what_is_wrong_with_a_pipeline_is_told_before_anything_runs_or_is_recorded(lab, body, words):
    result = lab.run(f"""
        @step
        def work() -> int:
            mark("ran")
            return 1

        @step
        def takes(x: list) -> int:
            mark("ran")
            return 1

        @pipeline
        def flow():
            {body}

        from zenml.client import Client
        error = outcome(flow)
        fact(error=str(error), type=type(error).__name__, runs=Client().list_pipeline_runs().total)
    """)

    assert result.facts["type"] != "NoneType"
    for word in words:
        assert word in result.facts["error"]
    assert result.facts["runs"] == 0
    assert result.count("ran") == 0


def test_a_number_of_results_that_cannot_fit_is_told_before_anything_runs(lab):
    result = lab.run("""
        @step
        def work() -> tuple[int, int]:
            mark("ran")
            return 1, 2, 3

        @pipeline
        def flow():
            work()

        fact(error=str(outcome(flow)))
    """)

    assert "`work`" in result.facts["error"]
    assert "3" in result.facts["error"]
    assert result.count("ran") == 0


def test_an_uncaught_failure_ends_the_script_with_the_steps_own_traceback(lab):
    result = lab.run(
        """
        @step
        def bad():
            raise ZeroDivisionError("by hand")

        @pipeline
        def flow():
            bad()

        flow()
    """,
        expect=1,
    )

    assert "ZeroDivisionError: by hand" in result.err
    assert "Step `bad` of run" in result.err


def test_sys_exit_in_a_step_is_a_failure_of_the_step(lab):
    result = lab.run("""
        @step
        def leave():
            sys.exit(0)

        @pipeline
        def flow():
            leave()

        error = outcome(flow)
        fact(type=type(error).__name__, code=error.exit_code, statuses=statuses(last_run()))
    """)

    assert result.facts == {"type": "StepProcessError", "code": 0, "statuses": {"leave": "failed"}}
