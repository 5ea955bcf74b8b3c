"""What makes a step run again, and what does not."""

import time

import pytest

from zenml.records.run import StepRun

SECONDS_PER_DAY = 86_400


def executions(lab, before, after):
    """Run two versions of a script; return how often its step ran in the second."""
    assert lab.run(before).count("ran") == 1
    return lab.run(after).count("ran")


def flow(body="return 1", *, above="", decorator="@step", call="work()", parameters=""):
    return f"""
{above}

{decorator}
def work({parameters}):
    mark("ran")
    {body}

@pipeline
def flow():
    {call}

fact(statuses=statuses(flow()))
"""


# -- code that the step reaches
@pytest.mark.on_team_store
def test_an_unchanged_script_is_cached(lab):
    assert executions(lab, flow(), flow()) == 0


@pytest.mark.on_team_store
def test_an_edited_body_runs_again(lab):
    assert executions(lab, flow("return 1"), flow("return 2")) == 1


HELPER = "def clean(x):\n    return {}\n\ndef prepare(x):\n    return clean(x)\n"


def test_an_edited_helper_of_a_helper_runs_again(lab):
    before, after = (flow("return prepare(1)", above=HELPER.format(change)) for change in ("x + 1", "x + 2"))

    assert executions(lab, before, after) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return 1 + 2", "# a comment\n    return 1 + 2"),
        ("return [1, 2]", "return [\n        1,\n        2,\n    ]"),
        ("return 'a'", 'return "a"'),
        ("return 3", '"""A docstring."""\n    return 3'),
        ("total = 1\n    return total", "result = 1\n    return result"),
    ],
    ids=["comment", "line breaks", "quotes", "docstring", "local name"],
)
def test_a_change_that_changes_nothing_is_cached(lab, before, after):
    assert executions(lab, flow(before), flow(after)) == 0


def test_an_edited_function_that_the_step_does_not_reach_is_cached(lab):
    before, after = (flow(above=f"def other():\n    return {value}") for value in (1, 2))

    assert executions(lab, before, after) == 0


CLIP = """
import functools

def clip(low, high):
    def decorate(function):
        @functools.wraps(function)
        def inner(*args):
            return max(low, min(high, function(*args)))
        return inner
    return decorate

@clip(0, {})
def score():
    return 5
"""


def test_another_argument_of_a_decorator_of_a_helper_runs_again(lab):
    before, after = (flow("return score()", above=CLIP.format(high)) for high in (1, 10))

    assert executions(lab, before, after) == 1


def test_closures_of_the_same_text_with_other_values_are_two_entries(lab):
    script = """
        def make(factor):
            @step(name="scale")
            def scale() -> int:
                mark("ran", factor=factor)
                return factor
            return scale

        @pipeline
        def flow():
            make(2)(id="two")
            make(3)(id="three")

        run = flow()
        fact(two=value(run, "two"), three=value(run, "three"))
    """

    first, second = lab.run(script), lab.run(script)

    assert first.count("ran") == 2
    assert second.count("ran") == 0
    assert second.facts == {"two": 2, "three": 3}


def test_a_changed_global_constant_runs_again(lab):
    before, after = (flow("return LIMIT", above=f"LIMIT = {value}") for value in (10, 20))

    assert executions(lab, before, after) == 1


CLASSES = """
class Base:
    def offset(self):
        return {base}

class Scaler(Base):
    factor = {factor}

    def apply(self, x):
        return {method} + self.offset()
"""
ORIGINAL = {"base": 1, "factor": 2, "method": "x * self.factor"}


@pytest.mark.parametrize(
    "change", [{"base": 5}, {"factor": 3}, {"method": "x + self.factor"}], ids=["base", "attribute", "method"]
)
def test_a_changed_class_runs_again(lab, change):
    before, after = (
        flow("return Scaler().apply(1)", above=CLASSES.format(**parts))
        for parts in (ORIGINAL, {**ORIGINAL, **change})
    )

    assert executions(lab, before, after) == 1


def test_an_edited_module_of_the_project_runs_again(lab):
    script = flow("return features.build()", above="import features")

    lab.write("features.py", "def build():\n    return 1\n")
    first = lab.run(script)
    lab.write("features.py", "def build():\n    return 20\n")
    second = lab.run(script)

    assert (first.count("ran"), second.count("ran")) == (1, 1)


def install(lab, version, code="def scale(x):\n    return 2 * x\n"):
    packages = lab.folder / f"environment-{version}" / "site-packages"
    lab.write(packages / "stretchlib" / "__init__.py", code)
    lab.write(packages / f"stretchlib-{version}.dist-info" / "METADATA", "Name: stretchlib\n")
    return packages


def test_another_version_of_a_package_runs_again_and_the_same_one_does_not(lab):
    script = flow("return stretchlib.scale(1)", above="import stretchlib")

    counts = [lab.run(script, path=[install(lab, version)]).count("ran") for version in ("1.0", "1.0", "2.0")]

    assert counts == [1, 0, 1]


# -- parameters


@pytest.mark.parametrize(
    "values",
    ["(1, '1', True)", "((1, 2), [1, 2])", "(1, 1.0)", "(None, 'None')", "({'a': 1}, [['a', 1]])"],
)
def test_values_of_different_types_are_different_entries(lab, values):
    script = f"""
        VALUES = {values}

        @step
        def work(x):
            mark("ran")
            return repr(x)

        @pipeline
        def flow():
            for number, x in enumerate(VALUES):
                work(x, id=f"work_{{number}}")

        run = flow()
        fact(values=[value(run, f"work_{{n}}") for n in range(len(VALUES))], wanted=[repr(x) for x in VALUES])
    """

    first, second = lab.run(script), lab.run(script)

    assert first.count("ran") == len(first.facts["wanted"])
    assert first.facts["values"] == first.facts["wanted"]
    assert second.count("ran") == 0
    assert second.facts["values"] == first.facts["wanted"]


def test_the_order_of_a_dict_does_not_matter(lab):
    before, after = (
        flow("return x['a']", parameters="x", call=f"work({x})")
        for x in ("{'a': 1, 'b': {'c': 2, 'd': 3}}", "{'b': {'d': 3, 'c': 2}, 'a': 1}")
    )

    assert executions(lab, before, after) == 0


def test_a_default_and_the_same_value_given_are_one_entry(lab):
    before, after = (flow("return x", parameters="x=1", call=call) for call in ("work()", "work(x=1)"))

    assert executions(lab, before, after) == 0


def test_another_parameter_runs_again(lab):
    before, after = (flow("return x", parameters="x", call=f"work({x})") for x in (1, 2))

    assert executions(lab, before, after) == 1


# -- inputs that other steps made


UPSTREAM = """
@step(enable_cache=False)
def load() -> dict:
    mark("load")
    return {value}

@step
def train(data: dict) -> int:
    mark("ran")
    return len(data)

@pipeline
def flow():
    train(load())

flow()
"""


def test_an_upstream_that_makes_the_same_bytes_again_does_not_invalidate(lab):
    script = UPSTREAM.format(value="{'a': [1, 2, 3]}")

    first, second = lab.run(script), lab.run(script)

    assert (first.count("load"), first.count("ran")) == (1, 1)
    assert (second.count("load"), second.count("ran")) == (1, 0)


def test_an_upstream_that_makes_other_bytes_invalidates(lab):
    before, after = (UPSTREAM.format(value=f"{{'a': {value}}}") for value in (1, 2))

    assert executions(lab, before, after) == 1


def test_equal_inputs_of_two_calls_in_one_run_are_computed_once(lab):
    script = """
        @step
        def work(x: int) -> int:
            mark("ran")
            return x + 1

        @pipeline
        def flow():
            for _ in range(5):
                work(3)

        run = flow()
        fact(values=[step.output.load() for step in run.steps.values()])
    """

    result = lab.run(script)

    assert result.count("ran") == 1
    assert result.facts["values"] == [4] * 5


# -- options


@pytest.mark.parametrize(("option", "key"), [("extra", "alerter"), ("settings", "docker")])
def test_a_changed_option_of_the_step_runs_again(lab, option, key):
    before, after = (
        flow(decorator=f"@step({option}={{'{key}': {{'dockerfile': '{value}'}}}})") for value in (1, 2)
    )

    assert executions(lab, before, after) == 1


def test_another_output_name_runs_again(lab):
    above = "from typing import Annotated"
    before, after = (
        flow(above=above).replace("def work():", f"def work() -> Annotated[int, '{name}']:")
        for name in ("first", "second")
    )

    assert executions(lab, before, after) == 1


def test_a_renamed_pipeline_shares_the_cache(lab):
    assert executions(lab, flow(), flow().replace("flow()", "other_flow()")) == 0


def test_the_result_of_an_uncached_run_serves_a_cached_one(lab):
    before = flow() + "\n"
    before = before.replace("statuses(flow())", "statuses(flow.with_options(enable_cache=False)())")

    assert executions(lab, before, flow()) == 0


@pytest.mark.parametrize(
    "off",
    [
        ("@step", "@step(enable_cache=False)"),
        ("@pipeline", "@pipeline(enable_cache=False)"),
        ("fact(", "work.configure(enable_cache=False)\nfact("),
        ("fact(", "flow.configure(enable_cache=False)\nfact("),
    ],
    ids=["step", "pipeline", "step.configure", "pipeline.configure"],
)
def test_a_disabled_cache_is_not_used(lab, off):
    script = flow().replace(*off)

    assert executions(lab, script, script) == 1


def test_the_step_decides_over_the_pipeline(lab):
    script = flow(decorator="@step(enable_cache=True)").replace("@pipeline", "@pipeline(enable_cache=False)")

    assert executions(lab, script, script) == 0


def test_an_ignored_field_does_not_count(lab):
    policy = "from zenml.config import CachePolicy"
    decorator = "@step(cache_policy=CachePolicy(ignore_fields=['stamp']))"
    before, after = (
        flow("return x", above=policy, decorator=decorator, parameters="x, stamp", call=f"work(1, {stamp})")
        for stamp in (100, 200)
    )

    assert executions(lab, before, after) == 0
    assert lab.run(after.replace("work(1,", "work(2,")).count("ran") == 1


def test_a_result_that_is_too_old_is_computed_again(lab):
    script = flow(
        above="from zenml.config import CachePolicy",
        decorator="@step(cache_policy=CachePolicy(max_age_days=7))",
    )
    lab.run(script)
    (made,) = lab.database().select(StepRun, status="completed")

    def at_age(days):
        moment = int((time.time() - days * SECONDS_PER_DAY) * 1e6)
        lab.database().update(StepRun, made.id, ended_at=moment)
        return lab.run(script).count("ran")

    assert at_age(6.9) == 0
    assert at_age(7.1) == 1


# -- what is stored


def test_a_failed_step_is_not_cached(lab):
    script = """
        @step
        def work() -> int:
            mark("ran")
            raise ValueError("no")

        @pipeline
        def flow():
            work()

        outcome(flow)
    """

    assert executions(lab, script, script) == 1


def test_a_script_that_moved_to_another_folder_is_cached(lab):
    first = lab.run(flow(), script="here/script.py")
    second = lab.run(flow(), script="there/deep/other.py")

    assert (first.count("ran"), second.count("ran")) == (1, 0)


def test_a_step_of_the_script_and_the_same_one_imported_share_the_cache(lab):
    steps = "from labkit import *\nfrom zenml import step\n\n@step\ndef work() -> int:\n    mark('ran')\n    return 1\n"
    lab.write("steps.py", steps)
    main = "@pipeline\ndef flow():\n    work()\nflow()\n"

    first = lab.run("from zenml import step\n" + steps + main)
    second = lab.run("from steps import work\n" + main)

    assert (first.count("ran"), second.count("ran")) == (1, 0)


def test_a_cached_value_is_the_value(lab):
    script = """
        @step
        def work():
            mark("ran")
            return {"a": (1, 2.5, None), "b": [True, b"bytes"]}

        @pipeline
        def flow():
            work()

        run = flow()
        fact(status=statuses(run), text=repr(value(run, "work")))
    """

    first, second = lab.run(script), lab.run(script)

    assert second.facts["status"] == {"work": "cached"}
    assert second.facts["text"] == first.facts["text"] == repr({"a": (1, 2.5, None), "b": [True, b"bytes"]})
