"""A step with `runtime="isolated"` runs in a fresh process and is a step like any other."""

import labkit
import pytest


def run_step(lab, body, *, above="", expect=0):
    """Run one isolated step whose function has this body; the error that the caller gets is a fact."""
    lines = "\n    ".join(body.strip().splitlines())
    return lab.run(
        f"""
{above}

@step(runtime="isolated")
def work():
    {lines}

@pipeline
def flow():
    work()

error = outcome(lambda: fact(value=value(flow(), "work")))
fact(
    type=type(error).__name__,
    text=str(error),
    arguments=list(error.args) if error else None,
    notes=getattr(error, "__notes__", []),
    codes=[getattr(error, "exit_code", None), getattr(error, "signal", None)],
    statuses=statuses(last_run()),
    log=str(last_run().steps["work"].logs or ""),
)
""",
        expect=expect,
    )


# -- processes


def test_each_step_has_a_fresh_process(lab):
    result = lab.run("""
        @step(runtime="isolated", enable_cache=False)
        def pid() -> int:
            return os.getpid()

        @pipeline
        def flow():
            for _ in range(4):
                pid()

        run = flow()
        fact(pids=[step.output.load() for step in run.steps.values()], own=os.getpid())
    """)

    assert len({*result.facts["pids"], result.facts["own"]}) == 5


def test_independent_steps_run_at_the_same_time(lab):
    result = lab.run("""
        @step(runtime="isolated")
        def meet(x: int) -> int:
            mark("here")
            wait_for_mark("here", 2)
            return x

        @pipeline
        def flow():
            meet(1)
            meet(2)

        fact(statuses=statuses(flow()))
    """)

    assert result.facts["statuses"] == {"meet": "completed", "meet_2": "completed"}


def test_many_steps_leave_no_zombie_and_no_descriptor(lab):
    result = lab.run("""
        @step(runtime="isolated")
        def work(x: int) -> int:
            print("line")
            return x

        @pipeline
        def flow(start: int, many: int):
            for x in range(start, start + many):
                work(x)

        def children():
            with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
                return file.read().split()

        flow(0, 2)
        before = len(os.listdir("/proc/self/fd"))
        run = flow(100, 30)
        fact(children=children(), more=len(os.listdir("/proc/self/fd")) - before, steps=len(run.steps))
    """)

    assert result.facts == {"children": [], "more": 0, "steps": 30}
    assert lab.survivors() == []


# -- failures


def test_an_exception_keeps_type_and_arguments(lab):
    facts = run_step(lab, "raise KeyError('missing', 3)").facts

    assert (facts["type"], facts["arguments"]) == ("KeyError", ["missing", 3])
    assert facts["statuses"] == {"work": "failed"}
    assert any("work" in note for note in facts["notes"])
    assert any("raise KeyError" in note for note in facts["notes"])


CUSTOM = """
class RowError(Exception):
    def __init__(self, row, *, column):
        super().__init__(f"row {row}, column {column}")
        self.row, self.column = row, column

    def __reduce__(self):
        return _make, (self.row, self.column)

def _make(row, column):
    return RowError(row, column=column)
"""


def test_an_exception_class_of_the_script_is_the_same_class(lab):
    result = lab.run(
        CUSTOM
        + """
@step(runtime="isolated")
def work():
    raise RowError(3, column="a")

@pipeline
def flow():
    work()

try:
    flow()
except RowError as error:
    fact(row=error.row, column=error.column, text=str(error))
"""
    )

    assert result.facts == {"row": 3, "column": "a", "text": "row 3, column a"}


def test_an_exception_class_of_a_module_is_the_same_class(lab):
    lab.write("faults.py", CUSTOM)

    result = lab.run("""
        import faults

        @step(runtime="isolated")
        def work():
            raise faults.RowError(3, column="a")

        @pipeline
        def flow():
            work()

        try:
            flow()
        except faults.RowError as error:
            fact(row=error.row, column=error.column)
    """)

    assert result.facts == {"row": 3, "column": "a"}


def test_an_exception_that_cannot_travel_is_still_described(lab):
    above = "import threading\nclass Odd(Exception):\n    pass\n"

    facts = run_step(lab, "raise Odd('told', threading.Lock())", above=above).facts

    assert "Odd" in facts["text"]
    assert "told" in facts["text"]
    assert facts["statuses"] == {"work": "failed"}


@pytest.mark.parametrize(
    ("body", "words", "codes"),
    [
        ("sys.exit(4)", "sys.exit(4)", [4, None]),
        ("sys.exit(0)", "sys.exit(0)", [0, None]),
        ("os._exit(3)", "exit code 3", [3, None]),
        ("os._exit(0)", "exit code 0", [0, None]),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV", [None, 11]),
        ("os.kill(os.getpid(), 9)", "SIGKILL", [None, 9]),
        ("os.abort()", "SIGABRT", [None, 6]),
    ],
)
def test_a_process_that_ends_without_an_answer_is_a_failed_step_that_says_how(lab, body, words, codes):
    facts = run_step(lab, body).facts

    assert facts["type"] == "StepProcessError"
    assert words in facts["text"]
    assert "`work`" in facts["text"]
    assert facts["codes"] == codes
    assert facts["statuses"] == {"work": "failed"}


def test_what_a_dying_process_printed_last_is_in_its_log(lab):
    facts = run_step(lab, "print('almost there', flush=True); os._exit(3)").facts

    assert "almost there" in facts["log"]


# -- output


def test_all_output_ends_in_the_log_of_its_step(lab):
    result = lab.run("""
        import logging, subprocess
        logging.basicConfig()

        @step(runtime="isolated")
        def talk(name: str) -> str:
            mark("here")
            wait_for_mark("here", 2)
            for number in range(50):
                print(f"{name} out {number}")
                print(f"{name} err {number}", file=sys.stderr)
            logging.getLogger("x").warning(f"{name} logging")
            subprocess.run(["sh", "-c", f"echo {name} child"], check=True)
            os.write(1, f"{name} descriptor\\n".encode())
            return name

        @pipeline
        def flow():
            talk("red", id="red")
            talk("blue", id="blue")

        run = flow()
        fact(**{name: str(step.logs).splitlines() for name, step in run.steps.items()})
    """)

    for name, other in (("red", "blue"), ("blue", "red")):
        log = result.facts[name]
        assert not any(other in line for line in log)
        for number in range(50):
            assert f"{name} out {number}" in log
            assert f"{name} err {number}" in log
        assert any(f"{name} logging" in line for line in log)
        assert f"{name} child" in log
        assert f"{name} descriptor" in log
    assert "red child" in result.out + result.err


# -- code that travels


def test_functions_of_the_script_closures_and_lambdas(lab):
    result = lab.run("""
        OFFSET = 10

        def helper(x):
            return x + OFFSET

        def make(factor):
            @step(name="closure", runtime="isolated")
            def closure(x: int) -> int:
                return helper(x) * factor
            return closure

        plain = step(name="plain", runtime="isolated")(lambda x: helper(x))

        @pipeline
        def flow():
            make(3)(plain(1), id="closure")

        run = flow()
        fact(plain=value(run, "plain"), closure=value(run, "closure"))
        mark("script")
    """)

    assert result.facts == {"plain": 11, "closure": 63}
    assert result.count("script") == 1


def test_the_script_is_not_run_again(lab):
    result = lab.run("""
        mark("top")

        @step(runtime="isolated")
        def work() -> int:
            return 1

        @pipeline
        def flow():
            work()

        flow()
    """)

    assert result.count("top") == 1


def test_classes_of_the_script_are_the_same_between_isolated_and_inline_steps(lab):
    result = lab.run("""
        import dataclasses, enum

        @dataclasses.dataclass
        class Point:
            x: int

        class Color(enum.Enum):
            RED = 1

        class Plain:
            def __init__(self, x):
                self.x = x

        @step(runtime="isolated")
        def make() -> dict:
            return {"point": Point(1), "color": Color.RED}

        @step(runtime="isolated")
        def make_plain() -> Plain:
            return Plain(7)

        @step
        def here(found: dict, plain: Plain) -> list:
            return [isinstance(found["point"], Point), found["color"] is Color.RED, isinstance(plain, Plain)]

        @step(runtime="isolated")
        def there(found: dict, plain: Plain) -> list:
            return [isinstance(found["point"], Point), found["color"] is Color.RED, isinstance(plain, Plain)]

        @pipeline
        def flow():
            found, plain = make(), make_plain()
            here(found, plain)
            there(found, plain)

        run = flow()
        fact(here=value(run, "here"), there=value(run, "there"), x=value(run, "make_plain").x)
    """)

    assert result.facts == {"here": [True] * 3, "there": [True] * 3, "x": 7}


def test_a_step_of_a_module(lab):
    lab.write(
        "tasks.py",
        """
        import os
        from zenml import step

        @step(runtime="isolated")
        def work(x: int) -> list:
            return [x, __name__, os.getpid()]
        """,
    )

    result = lab.run("""
        from tasks import work

        @pipeline
        def flow():
            work(5)

        fact(value=value(flow(), "work"), own=os.getpid())
    """)

    assert result.facts["value"][:2] == [5, "tasks"]
    assert result.facts["value"][2] != result.facts["own"]


def test_a_closure_that_cannot_travel_is_a_clear_error(lab):
    result = lab.run("""
        import threading
        lock = threading.Lock()

        @step(runtime="isolated")
        def work() -> int:
            with lock:
                return 1

        @pipeline
        def flow():
            work()

        error = outcome(flow)
        fact(type=type(error).__name__, text=str(error), notes=error.__notes__, statuses=statuses(last_run()))
    """)

    assert result.facts["statuses"] == {"work": "failed"}
    assert "lock" in result.facts["text"]
    assert "work" in result.facts["text"] + " ".join(result.facts["notes"])


def test_a_custom_materializer_of_the_script(lab):
    result = lab.run("""
        from zenml.materializers.base_materializer import BaseMaterializer

        class Thing:
            def __init__(self, text):
                self.text = text

        class ThingMaterializer(BaseMaterializer):
            ASSOCIATED_TYPES = (Thing,)

            def save(self, data):
                with open(os.path.join(self.uri, "thing.txt"), "w") as file:
                    file.write(data.text)

            def load(self, data_type):
                with open(os.path.join(self.uri, "thing.txt")) as file:
                    return Thing(file.read())

        @step(runtime="isolated", output_materializers=ThingMaterializer)
        def make() -> Thing:
            return Thing("hello")

        @step(runtime="isolated")
        def there(thing: Thing) -> str:
            return thing.text

        @step
        def here(thing: Thing) -> str:
            return thing.text

        @pipeline
        def flow():
            thing = make()
            there(thing)
            here(thing)

        run = flow()
        fact(there=value(run, "there"), here=value(run, "here"), made=value(run, "make").text)
    """)

    assert result.facts == {"there": "hello", "here": "hello", "made": "hello"}


def test_a_materializer_that_the_step_does_not_name(lab):
    """It is chosen by the type of the value, wherever it is defined, as for an inline step."""
    materializer = """
        import os
        from zenml.materializers.base_materializer import BaseMaterializer

        class {name}Materializer(BaseMaterializer):
            ASSOCIATED_TYPES = ({name},)

            def save(self, data):
                with open(os.path.join(self.uri, "text"), "w") as file:
                    file.write(data.text)

            def load(self, data_type):
                with open(os.path.join(self.uri, "text")) as file:
                    return data_type(file.read())
    """
    thing = """
        class {name}:
            def __init__(self, text):
                self.text = text
    """
    lab.write("things.py", thing.format(name="Other"))
    lab.write("storing.py", "        from things import Other" + materializer.format(name="Other"))
    lab.write(
        "tasks.py",
        """
        from things import Other
        from zenml import step

        @step(runtime="isolated")
        def other(text: str) -> Other:
            return Other(text)
        """,
    )

    result = lab.run(
        thing.format(name="Own")
        + materializer.format(name="Own")
        + """
        import storing
        from tasks import other

        @step(runtime="isolated")
        def own(text: str) -> Own:
            return Own(text)

        @step(runtime="isolated")
        def join(own: Own, other: "Other") -> str:
            return own.text + other.text

        @pipeline
        def flow():
            join(own("a"), other("b"))

        run = flow()
        fact(joined=value(run, "join"), used=[run.steps[name].output.materializer for name in ("own", "other")])
        """
    )

    assert result.facts["joined"] == "ab"
    assert [name.rpartition(".")[2] for name in result.facts["used"]] == [
        "OwnMaterializer",
        "OtherMaterializer",
    ]


# -- surroundings


def test_the_environment_is_a_copy_and_the_folder_is_the_same(lab):
    result = lab.run("""
        os.environ["GIVEN"] = "by the script"

        @step(runtime="isolated", enable_cache=False)
        def work() -> list:
            seen = [os.environ["GIVEN"], os.environ.get("LEAK"), os.getcwd()]
            os.environ["LEAK"] = "leaked"
            os.chdir("/")
            return seen

        @pipeline
        def flow():
            work(after=work())

        run = flow()
        fact(values=[step.output.load() for step in run.steps.values()], leak=os.environ.get("LEAK"), cwd=os.getcwd())
    """)

    folder = str(lab.folder)
    assert result.facts["values"] == [["by the script", None, folder]] * 2
    assert result.facts["leak"] is None
    assert result.facts["cwd"] == folder


def test_arrays_are_handed_over(lab):
    result = lab.run("""
        import numpy as np

        @step(runtime="isolated")
        def make(n: int) -> np.ndarray:
            return np.arange(n, dtype="float32").reshape(-1, 2)

        @step(runtime="isolated")
        def double(x: np.ndarray) -> np.ndarray:
            x *= 2
            return x

        @step
        def total(x: np.ndarray, y: np.ndarray) -> list:
            return [float(x.sum()), float(y.sum()), str(x.dtype), list(x.shape)]

        @pipeline
        def flow():
            x = make(200_000)
            total(x, double(x))

        fact(total=value(flow(), "total"))
    """)

    total, doubled, *rest = result.facts["total"]
    assert doubled == pytest.approx(2 * total)
    assert rest == ["float32", [100_000, 2]]


def test_inline_and_isolated_steps_mix(lab):
    result = lab.run("""
        @step
        def here(x: int) -> int:
            mark("here")
            return x + 1

        @step(runtime="isolated")
        def there(x: int) -> int:
            mark("there")
            return x * 10

        @pipeline
        def flow():
            here(there(here(there(1))), id="last")

        fact(value=value(flow(), "last"), own=os.getpid())
    """)

    assert result.facts["value"] == 111
    assert {mark["pid"] for mark in result.of("here")} == {result.facts["own"]}
    assert result.facts["own"] not in {mark["pid"] for mark in result.of("there")}


@pytest.mark.parametrize("runtime", ["isolated", "inline"])
def test_an_async_function_is_a_step(lab, runtime):
    result = lab.run(f"""
        import asyncio

        @step(runtime="{runtime}")
        async def work(x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

        @pipeline
        def flow():
            work(work(1), id="last")

        fact(value=value(flow(), "last"))
    """)

    assert result.facts == {"value": 3}


def test_a_repeated_isolated_step_is_cached_without_a_process(lab):
    script = """
        @step(runtime="isolated")
        def work() -> int:
            mark("ran")
            return 1

        @pipeline
        def flow():
            work()

        fact(statuses=statuses(flow()))
    """

    first, second = lab.run(script), lab.run(script)

    assert first.facts["statuses"] == {"work": "completed"}
    assert second.facts["statuses"] == {"work": "cached"}
    assert labkit.statuses(lab.client().list_pipeline_runs().items[0]) == {"work": "cached"}
