"""Values between steps, and values read back from a run."""

import pytest


def test_outputs_are_read_by_name(lab):
    result = lab.run("""
        from typing import Annotated, Tuple

        @step
        def train() -> Tuple[Annotated[dict, "model"], Annotated[float, "accuracy"]]:
            return {"w": 1}, 0.5

        @pipeline
        def flow():
            train()

        step_run = flow().steps["train"]
        fact(
            names=list(step_run.outputs),
            model=step_run.outputs["model"].load(),
            first=step_run.outputs["accuracy"][0].load(),
            all=[one.load() for one in step_run.outputs["accuracy"]],
            wrong=str(outcome(lambda: step_run.outputs["modle"])),
            single=str(outcome(lambda: step_run.output)),
        )
    """)

    facts = result.facts
    assert facts["names"] == ["model", "accuracy"]
    assert facts["model"] == {"w": 1}
    assert facts["first"] == 0.5
    assert facts["all"] == [0.5]
    assert "model" in facts["wrong"]
    assert "accuracy" in facts["single"]


@pytest.mark.parametrize(
    ("signature", "body", "names"),
    [
        ("-> int", "return 1", ["output"]),
        ("", "return 1", ["output"]),
        ("-> None", "pass", []),
        ("-> Tuple[int, int]", "return 1, 2", ["output_0", "output_1"]),
        ("-> tuple[int, int]", "return (1, 2)", ["output_0", "output_1"]),
        ("-> Tuple[int, int]", "pair = 1, 2; return pair", ["output"]),
        ("-> Annotated[int, 'n']", "return 1", ["n"]),
        ("-> Tuple[Annotated[int, 'a'], int]", "return 1, 2", ["a", "output_1"]),
        ("-> Annotated[Tuple[int, int], 'pair']", "return 1, 2", ["pair"]),
    ],
)
def test_names_of_outputs(lab, signature, body, names):
    result = lab.run(f"""
        from typing import Annotated, Tuple

        @step
        def work() {signature}:
            {body}

        @pipeline
        def flow():
            work()

        fact(names=list(flow().steps["work"].outputs))
    """)

    assert result.facts["names"] == names


def test_several_outputs_are_unpacked_in_the_pipeline(lab):
    result = lab.run("""
        from typing import Tuple

        @step
        def split() -> Tuple[int, str]:
            return 1, "a"

        @step
        def join(number: int, text: str) -> str:
            return f"{number}{text}"

        @pipeline
        def flow():
            number, text = split()
            join(number, text)
            join(text=split()[1], number=5, id="second")

        run = flow()
        fact(values=[value(run, "join"), value(run, "second")])
    """)

    assert result.facts["values"] == ["1a", "5a"]


def test_lists_of_outputs_are_lists_of_values(lab):
    result = lab.run("""
        @step
        def make(x: int) -> int:
            return x

        @step
        def total(parts: list[int]) -> int:
            return sum(parts)

        @step
        def show(parts) -> str:
            return repr(parts)

        @pipeline
        def flow():
            parts = [make(x) for x in range(5)]
            total(parts)
            total([parts[0], 100, parts[1]], id="mixed")
            show((parts[1], parts[2]))
            total([], id="empty")

        run = flow()
        fact(total=value(run, "total"), mixed=value(run, "mixed"), show=value(run, "show"), empty=value(run, "empty"))
        fact(inputs=[one.load() for one in run.steps["total"].inputs["parts"]])
    """)

    assert result.facts["total"] == 10
    assert result.facts["mixed"] == 101
    assert result.facts["show"] in {"[1, 2]", "(1, 2)"}
    assert result.facts["empty"] == 0
    assert result.facts["inputs"] == [0, 1, 2, 3, 4]


def test_a_fan_in_of_three_hundred(lab):
    script = """
        @step
        def make(x: int) -> int:
            mark("make")
            return x

        @step
        def total(parts: list) -> int:
            mark("total")
            return sum(parts)

        @pipeline
        def flow():
            total([make(x) for x in range(300)])

        run = flow()
        fact(total=value(run, "total"), steps=len(run.steps))
    """

    first, second = lab.run(script), lab.run(script)

    assert first.facts == second.facts == {"total": sum(range(300)), "steps": 301}
    assert (first.count("make"), first.count("total")) == (300, 1)
    assert (second.count("make"), second.count("total")) == (0, 0)


VALUES = """
    import dataclasses, datetime, decimal, enum, pathlib, uuid
    import numpy as np, pandas as pd
    from pydantic import BaseModel

    class Color(enum.Enum):
        RED = "red"

    @dataclasses.dataclass
    class Point:
        x: int
        tags: tuple

    class Config(BaseModel):
        rate: float
        names: list[str]

    VALUES = {
        "dict": {"a": 1, 2: "b", ("x", 1): None},
        "tuple": (1, "a", (2.5, None)),
        "set": {1, 2, 3},
        "frozenset": frozenset("ab"),
        "bytes": b"\\x00\\xff",
        "none": None,
        "big": 2**200,
        "float": 0.1,
        "complex": 1 + 2j,
        "datetime": datetime.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=datetime.UTC),
        "naive": datetime.datetime(2024, 2, 29),
        "date": datetime.date(2024, 2, 29),
        "delta": datetime.timedelta(days=1, microseconds=3),
        "decimal": decimal.Decimal("1.10"),
        "uuid": uuid.UUID(int=5),
        "enum": Color.RED,
        "point": Point(1, ("a", "b")),
        "config": Config(rate=0.5, names=["x"]),
        "nested": [{"color": Color.RED, "points": [Point(1, ())]}],
        "text": "ü € 😀 \\x00 \\n",
    }
"""


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_values_are_the_same_in_the_next_step_and_in_the_run(lab, runtime):
    result = lab.run(
        VALUES
        + f"""
    @step(runtime="{runtime}")
    def make(name: str):
        return VALUES[name]

    @step(runtime="{runtime}")
    def check(name: str, given) -> list:
        wanted = VALUES[name]
        return [given == wanted and type(given) is type(wanted), repr(given)]

    @pipeline
    def flow():
        for name in VALUES:
            check(name, make(name, id=f"make_{{name}}"), id=f"check_{{name}}")

    run = flow()
    bad = {{}}
    for name, wanted in VALUES.items():
        read = value(run, f"make_{{name}}")
        fits, seen = value(run, f"check_{{name}}")
        if not fits or read != wanted or type(read) is not type(wanted):
            bad[name] = [repr(wanted), seen, repr(read)]
    fact(bad=bad)
    """
    )

    assert result.facts == {"bad": {}}


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_frames_arrays_estimators_and_files(lab, runtime):
    result = lab.run(f"""
        import pathlib
        import numpy as np, pandas as pd
        from sklearn.linear_model import LinearRegression

        FRAME = pd.DataFrame({{
            "number": [1, 2], "text": ["a", None], "when": pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True),
        }}, index=pd.Index(["r", "s"], name="row"))

        @step(runtime="{runtime}")
        def frame() -> pd.DataFrame:
            return FRAME

        @step(runtime="{runtime}")
        def fit() -> LinearRegression:
            return LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))

        @step(runtime="{runtime}")
        def file() -> pathlib.Path:
            pathlib.Path("report.txt").write_text("hello")
            return pathlib.Path("report.txt")

        @step(runtime="{runtime}")
        def check(frame: pd.DataFrame, model: LinearRegression, path: pathlib.Path) -> list:
            pd.testing.assert_frame_equal(frame, FRAME)
            return [float(model.predict([[2.0]])[0]), path.read_text()]

        @pipeline
        def flow():
            check(frame(), fit(), file())

        run = flow()
        pd.testing.assert_frame_equal(value(run, "frame"), FRAME)
        fact(found=value(run, "check"))
    """)

    assert result.facts["found"] == [pytest.approx(5.0), "hello"]


@pytest.mark.parametrize(
    "annotation", ["", "-> object", "-> Any", "-> HasX", "-> Thing", "-> Optional[Thing]"]
)
@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_objects_of_a_class_of_the_script(lab, runtime, annotation):
    result = lab.run(f"""
        from typing import Any, Optional, Protocol

        class HasX(Protocol):
            x: int

        class Thing:
            def __init__(self, x):
                self.x = x

        @step(runtime="{runtime}")
        def make() {annotation}:
            return Thing(3)

        @step(runtime="{runtime}")
        def take(thing) -> list:
            return [isinstance(thing, Thing), thing.x]

        @pipeline
        def flow():
            take(make())

        run = flow()
        fact(taken=value(run, "take"), read=value(run, "make").x)
    """)

    assert result.facts == {"taken": [True, 3], "read": 3}


def test_a_step_that_changes_its_input_changes_nobody_elses(lab):
    result = lab.run("""
        import numpy as np

        @step
        def make() -> dict:
            return {"items": [1, 2]}

        @step
        def array() -> np.ndarray:
            return np.zeros(100_000)

        @step
        def spoil(data: dict, x: np.ndarray) -> int:
            data["items"].append(3)
            x += 1
            return len(data["items"])

        @pipeline
        def flow():
            data, x = make(), array()
            first = spoil(data, x, id="first")
            spoil(data, x, id="second", after=first)

        run = flow()
        fact(first=value(run, "first"), second=value(run, "second"), made=value(run, "make"),
             total=float(value(run, "array").sum()))
    """)

    assert result.facts == {"first": 3, "second": 3, "made": {"items": [1, 2]}, "total": 0.0}


@pytest.mark.parametrize(
    ("produced", "consumed"), [("int", "str"), ("dict", "list"), ("list[int]", "dict[str, int]")]
)
def test_types_that_do_not_fit_are_an_error_before_anything_ran(lab, produced, consumed):
    result = lab.run(f"""
        @step
        def make() -> {produced}:
            mark("ran")
            return {produced}()

        @step
        def take(x: {consumed}):
            mark("ran")

        @pipeline
        def flow():
            take(make())

        error = outcome(flow)
        fact(text=str(error), is_type_error=isinstance(error, TypeError))
    """)

    assert result.facts["is_type_error"]
    for word in (produced, consumed, "`take`", "`make`"):
        assert word in result.facts["text"]
    assert result.count("ran") == 0


def test_outputs_of_a_pipeline(lab):
    result = lab.run("""
        from typing import Annotated

        @step
        def make(x: int) -> int:
            return x

        @pipeline
        def one() -> Annotated[int, "answer"]:
            return make(42)

        @pipeline
        def two() -> tuple[Annotated[int, "low"], Annotated[int, "high"]]:
            return make(1), make(2)

        from zenml.client import Client
        single, double = one(), two()
        fact(
            one=[[output.name, output.load()] for output in single.outputs],
            two=[[output.name, output.load()] for output in double.outputs],
            by_name=Client().get_artifact_version("answer").load(),
        )
    """)

    assert result.facts == {"one": [["answer", 42]], "two": [["low", 1], ["high", 2]], "by_name": 42}


def test_metadata_that_a_materializer_tells(lab):
    result = lab.run("""
        import numpy as np

        @step
        def make() -> np.ndarray:
            return np.zeros((3, 4))

        @pipeline
        def flow():
            make()

        output = flow().steps["make"].output
        fact(metadata={key: str(value) for key, value in output.metadata.items()}, type=output.data_type, size=output.size)
    """)

    assert result.facts["type"] == "numpy.ndarray"
    assert result.facts["size"] > 0
    assert any("3" in value and "4" in value for value in result.facts["metadata"].values())


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("output_materializers=Upper", "HELLO"),
        ("output_materializers={'output': Upper}", "HELLO"),
        ("settings={'output_materializers': Upper}", "HELLO"),
        ("settings={'output_materializers': {'output': [Upper]}}", "HELLO"),
        ("output_materializers=Upper, settings={'output_materializers': Lower}", "HELLO"),
    ],
)
def test_a_step_names_its_materializer(lab, option, expected):
    result = lab.run(f"""
        import os
        from zenml.materializers import BaseMaterializer

        class Upper(BaseMaterializer):
            SKIP_REGISTRATION = True
            ASSOCIATED_TYPES = (str,)

            def change(self, text):
                return text.upper()

            def save(self, data):
                with open(os.path.join(self.uri, "text"), "w") as file:
                    file.write(self.change(data))

            def load(self, data_type):
                with open(os.path.join(self.uri, "text")) as file:
                    return file.read()

        class Lower(Upper):
            SKIP_REGISTRATION = True

            def change(self, text):
                return text.lower()

        @step({option})
        def make() -> str:
            return "Hello"

        @step
        def use(text: str) -> str:
            return text

        @pipeline
        def flow():
            use(make())

        run = flow()
        fact(made=value(run, "make"), used=value(run, "use"))
    """)

    assert result.facts == {"made": expected, "used": expected}


def test_values_of_libraries_under_every_form_of_annotation(lab):
    result = lab.run("""
        from typing import Annotated, Any, Optional, Union
        import polars as pl
        import pyarrow as pa
        import plotly.graph_objects as go
        from PIL import Image

        @step
        def make(nothing: bool) -> tuple[
            Annotated[Optional[pl.DataFrame], "frame"],
            Annotated[Union[pa.Table, dict[str, int]], "table"],
            Annotated[list[pl.Series], "series"],
            Annotated[dict[str, Image.Image | go.Figure], "pictures"],
            Annotated[pa.Array, "array"],
            Annotated[Any, "anything"],
        ]:
            frame = None if nothing else pl.DataFrame({"a": [1]})
            pictures = {} if nothing else {"i": Image.new("L", (1, 1)), "f": go.Figure()}
            table = {"n": 1} if nothing else pa.table({"a": [1]})
            return frame, table, [pl.Series([1])], pictures, pa.array([1]), pa.chunked_array([[1]])

        @step
        def use(
            frame: pl.DataFrame | None, table: Union[pa.Table, dict], series: list[pl.Series],
            pictures: dict[str, Any], array: pa.Array, anything: pa.ChunkedArray,
        ) -> list[str]:
            parts = [frame, table, series[0], *pictures.values(), array, anything]
            return [type(part).__name__ for part in parts]

        @pipeline
        def flow(nothing: bool):
            use(*make(nothing))

        fact(some=value(flow(nothing=False), "use"), none=value(flow(nothing=True), "use"))
    """)

    kinds = ["Series", "Int64Array", "ChunkedArray"]
    assert result.facts["some"] == ["DataFrame", "Table", kinds[0], "Image", "Figure", *kinds[1:]]
    assert result.facts["none"] == ["NoneType", "dict", *kinds]
