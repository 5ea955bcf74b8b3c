"""Putting steps and pipelines together: order, names, pipelines in pipelines, options."""

import pytest


def test_pipelines_inside_pipelines_share_one_run(lab):
    result = lab.run("""
        @step
        def load(name: str) -> str:
            return name

        @step
        def clean(text: str) -> str:
            return text.upper()

        @step
        def join(a: str, b: str) -> str:
            return a + b

        @pipeline
        def data(mode: str):
            return clean(load(mode))

        @pipeline
        def outer():
            join(data(mode="train"), data("test"))

        run = outer()
        fact(value=value(run, "join"), steps=sorted(run.steps), pipeline=run.pipeline.name)
    """)

    assert result.facts == {
        "value": "TRAINTEST",
        "steps": ["clean", "clean_2", "join", "load", "load_2"],
        "pipeline": "outer",
    }
    assert lab.client().list_pipeline_runs().total == 1


def test_defaults_of_an_inner_pipeline_hold(lab):
    result = lab.run("""
        @step
        def make(x: int) -> int:
            return x

        @pipeline
        def inner(x: int = 7):
            return make(x), make(x + 1)

        @pipeline
        def outer():
            first, second = inner()
            make(first, id="last")

        run = outer()
        fact(value=value(run, "last"), steps=len(run.steps))
    """)

    assert result.facts == {"value": 7, "steps": 3}


AFTER = """
@step
def work(name: str) -> str:
    mark(name)
    return name

@step
def silent(name: str) -> None:
    mark(name)

@pipeline
def flow():
    {body}

fact(statuses=statuses(flow()))
"""


@pytest.mark.parametrize(
    "body",
    [
        "a = work('a'); b = work('b'); work('c', after=[a, b])",
        "a = silent('a'); b = silent('b'); work('c', after=[a, b])",
        "work('a', id='first'); work('b', id='second'); work('c', after=['first', 'second'])",
        "a = work('a'); work('b', id='second'); work('c', after=(a, 'second'))",
        "a = work('a'); b = work('b', after=a); work('c', after=b)",
        "work('c', after=['later', 'last']); work('a', id='later'); work('b', id='last')",
        "work('a'); work('b'); work('c', after=['work', 'work_2'])",
    ],
)
def test_order_without_data(lab, body):
    result = lab.run(AFTER.format(body=body))

    assert result.marks[-1]["mark"] == "c"
    assert sorted(mark["mark"] for mark in result.marks) == ["a", "b", "c"]


def test_a_step_after_a_failed_one_does_not_run(lab):
    result = lab.run("""
        @step
        def bad() -> None:
            raise ValueError

        @step
        def later():
            mark("later")

        @pipeline
        def flow():
            later(after=bad())

        outcome(flow)
        fact(statuses=statuses(last_run()))
    """)

    assert result.facts["statuses"] == {"bad": "failed", "later": "skipped"}
    assert result.count("later") == 0


def test_names_of_invocations(lab):
    result = lab.run("""
        @step
        def work(x: int = 1) -> int:
            return x

        @pipeline
        def flow():
            work()
            work()
            work(id="mine")
            work(step_name="yours")
            work.with_options(name="renamed")()
            work()

        fact(steps=sorted(flow().steps))
    """)

    assert result.facts["steps"] == ["mine", "renamed", "work", "work_2", "work_3", "yours"]


def test_parameters_by_keyword_position_default_and_configuration(lab):
    result = lab.run("""
        @step
        def show(a: int, b: int = 2, *, c: int = 3) -> list:
            return [a, b, c]

        @pipeline
        def flow(a: int = 1):
            show(a, id="plain")
            show(b=5, a=a, c=6, id="named")
            show.with_options(parameters={"c": 9})(a, id="fixed")

        run = flow.with_options(parameters={"a": 10}, steps={"plain": {"parameters": {"c": 30}}})()
        fact(**{name: step.output.load() for name, step in run.steps.items()})
    """)

    assert result.facts == {"plain": [10, 2, 30], "named": [10, 5, 6], "fixed": [10, 2, 9]}


def test_with_options_leaves_the_original_alone_and_configure_changes_it(lab):
    result = lab.run("""
        @step
        def work() -> int:
            mark("ran")
            return 1

        @pipeline
        def flow():
            work()

        flow()
        flow.with_options(enable_cache=False)()
        fact(copied=len(marks("ran")))
        flow()
        fact(original=len(marks("ran")))
        flow.configure(enable_cache=False)
        flow()
        fact(configured=len(marks("ran")))
    """)

    assert result.facts == {"copied": 2, "original": 2, "configured": 3}


def test_a_pipeline_called_inside_a_step_is_a_run_of_its_own(lab):
    result = lab.run("""
        @step
        def leaf(x: int) -> int:
            return x * 2

        @pipeline
        def inner(x: int):
            leaf(x)

        @step
        def outer_step() -> int:
            return value(inner(4), "leaf")

        @pipeline
        def outer():
            outer_step()

        fact(value=value(outer(), "outer_step"))
    """)

    assert result.facts == {"value": 8}
    assert lab.client().list_pipeline_runs().total == 2


def test_independent_inline_steps_run_at_the_same_time(lab):
    result = lab.run("""
        @step
        def meet(x: int) -> int:
            mark("here")
            wait_for_mark("here", 8)
            return x

        @pipeline
        def flow():
            for x in range(8):
                meet(x)

        fact(done=len(flow().steps))
    """)

    assert result.facts == {"done": 8}


def test_no_more_steps_at_once_than_allowed(lab):
    result = lab.run("""
        import threading
        lock = threading.Lock()
        now = most = 0

        @step(enable_cache=False)
        def work(x: int) -> int:
            global now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1
            return x

        @pipeline(max_parallelism=2)
        def flow():
            for x in range(12):
                work(x)

        flow()
        fact(most=most)
    """)

    assert result.facts == {"most": 2}


def test_a_chain_of_a_thousand_steps(lab):
    result = lab.run("""
        @step
        def add(x: int) -> int:
            return x + 1

        @pipeline
        def flow():
            x = 0
            for n in range(1000):
                x = add(x, id=f"add_{n}")

        fact(value=value(flow(), "add_999"))
    """)

    assert result.facts == {"value": 1000}


def test_an_empty_pipeline_is_a_completed_run(lab):
    result = lab.run("""
        @pipeline
        def flow():
            pass

        run = flow()
        fact(status=str(run.status), steps=len(run.steps))
    """)

    assert result.facts == {"status": "completed", "steps": 0}


@pytest.mark.parametrize(
    "text",
    [
        "step(enable_cach=False)(len)",
        "pipeline(tag=['a'])(len)",
        "flow.with_options(steps={'wrok': {}})()",
        "flow.with_options(parameters={'y': 1})()",
        "flow.with_options(run_nam='x')",
        "work.configure(enabel_cache=True)",
        "flow(5)",
        "work.with_options(runtime='elsewhere') and other()",
    ],
)
def test_options_that_do_not_exist_are_errors(lab, text):
    result = lab.run(f"""
        @step
        def work() -> int:
            mark("ran")
            return 1

        @pipeline
        def flow():
            work()

        @pipeline
        def other():
            work.with_options(runtime="elsewhere")()

        error = outcome(lambda: {text})
        fact(type=type(error).__name__, is_value_error=isinstance(error, (ValueError, TypeError)))
    """)

    assert result.facts["is_value_error"], result.facts
    assert result.count("ran") == 0
