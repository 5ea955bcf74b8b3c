"""Calls of steps and pipelines, and how they are wired."""

import pytest
from bad_rows import by_id, check_row, row

from zenml.errors import (
    ArgumentError,
    ConfigurationError,
    DeclarationError,
    MaterializerError,
    NotFoundError,
    TypeMismatchError,
)


def inside(name, error, body, *fragments, ran=None):
    """Return a row whose code is the body of a pipeline, which is run."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    return row(name, error, f"@pipeline\ndef work():\n{lines}\n\nwork()", *fragments, ran=ran)


STEP_CALLS = [
    inside("an argument left out", ArgumentError, "double()", "`double`", "`x`", "bad_samples.py:"),
    inside("an unknown argument", ArgumentError, "scale(1, facter=2.0)", "`scale`", "`facter`", "`factor`"),
    inside("an argument far from any", ArgumentError, "double(1, learning_rate=2.0)", "`double`", "`learning_rate`", "`x`"),
    inside("too many arguments", ArgumentError, "double(1, 2, 3)", "`double`", "3", "1"),
    inside("an argument twice", ArgumentError, "double(1, x=2)", "`double`", "`x`", "twice"),
    inside("a text for a number", TypeMismatchError, "double('one')", "`x`", "`double`", "int", "'one'"),
    inside("None for a required value", TypeMismatchError, "double(None)", "`x`", "`double`", "int", "None"),
    inside("a float with a fraction for an int", TypeMismatchError, "double(1.5)", "`x`", "`double`", "int", "1.5"),
    inside("True for an int", TypeMismatchError, "double(True)", "`x`", "`double`", "int", "True"),
    inside("a list of texts for a list of numbers", TypeMismatchError, "total([1, 'b'])", "`parts`", "`total`", "'b'"),
    inside("a frame as a parameter", ArgumentError, """
import pandas as pd
@step
def count(frame: pd.DataFrame) -> int:
    return len(frame)
count(pd.DataFrame({"a": [1]}))
""", "`frame`", "`count`", "DataFrame", "ExternalArtifact", "step"),
    inside("a function as a parameter", ArgumentError, """
@step
def apply(function: Any) -> int:
    return 1
apply(lambda: 1)
""", "`function`", "`apply`", "function"),
    inside("an open file as a parameter", ArgumentError, """
@step
def read(file: Any) -> int:
    return 1
with open("flow.py") as file:
    read(file)
""", "`file`", "`read`", "TextIOWrapper"),
    inside("a generator as a parameter", ArgumentError, """
@step
def add(parts: Any) -> int:
    return 1
add(n for n in range(3))
""", "`parts`", "`add`", "generator", "step"),
    inside("a step as an argument", DeclarationError, "double(load)", "`x`", "`double`", "`load`", "load()"),
    inside("a varied step as an argument", DeclarationError, "double(load.with_options(enable_cache=False))", "`x`", "`double`", "`load`", "load()"),
    inside("a pipeline as an argument", DeclarationError, "double(flow)", "`x`", "`double`", "`flow`", "pipeline"),
    inside("the function of a step as an argument", ArgumentError, """
@step
def apply(function: Any) -> int:
    return 1
apply(load.entrypoint)
""", "`function`", "`apply`", "function", "step"),
    inside("a step without outputs as an argument", DeclarationError, "double(nothing())", "`x`", "`double`", "`nothing`", "no outputs", "after="),
    inside("all outputs of a step for one", TypeMismatchError, "double(split())", "`x: int`", "`double`", "2 outputs", "single output"),
    inside("a parameter that holds itself", ArgumentError, """
@step
def read(parts: list) -> int:
    return 1
parts = []
parts.append(parts)
read(parts)
""", "`parts`", "`read`", "itself"),
    inside("NaN for an int", TypeMismatchError, "double(float('nan'))", "`x`", "`double`", "int", "nan"),
    inside("a word that is not among the literals", TypeMismatchError, """
@step
def fit(kind: Literal["linear", "tree"]) -> int:
    return 1
fit("forest")
""", "`kind`", "`fit`", "forest", "linear", "tree"),
    inside("outputs deep inside a mapping", ArgumentError, """
@step
def read(parts: dict) -> int:
    return 1
read({"a": [load()]})
""", "`parts`", "`read`", "`load`", "list"),
]  # fmt: skip

VALUES = [
    inside("if output", DeclarationError, "if load():\n    double(1)", "`load`", "`if`", "does not exist yet"),
    inside("while output", DeclarationError, "while load():\n    double(1)", "`load`", "`while`"),
    inside("not output", DeclarationError, "double(not load())", "`load`", "`not`"),
    inside("for item in output", DeclarationError, "for part in load():\n    double(part)", "`load`", "loop"),
    inside("output == 1", DeclarationError, "if load() == 1:\n    double(1)", "`load`", "comparison"),
    inside("output > 1", DeclarationError, "if load() > 1:\n    double(1)", "`load`", "operator"),
    inside("output + 1", DeclarationError, "double(load() + 1)", "`load`", "operator", "write a step"),
    inside("output // 1", DeclarationError, "double(load() // 1)", "`load`", "operator"),
    inside("output[0]", DeclarationError, "double(load()[0])", "`load`", "Item 0"),
    inside("len(output)", DeclarationError, "double(len(load()))", "`load`", "`len()`"),
    inside("output.shape", DeclarationError, "double(load().shape)", "`load`", "`.shape`"),
    inside("output()", DeclarationError, "load()()", "`load`", "call"),
    inside("int(output)", DeclarationError, "double(int(load()))", "`load`", "int"),
    inside("float(output)", DeclarationError, "scale(1, float(load()))", "`load`", "float"),
    inside("f-string of an output", DeclarationError, "scale(1, label=f'n={load()}')", "`load`", "text"),
    inside("x in output", DeclarationError, "double(1 in load())", "`load`", "loop"),
    inside("range(output)", DeclarationError, "for n in range(load()):\n    double(n)", "`load`", "int"),
    inside("unpacking one output", DeclarationError, "low, high = load()", "`load`", "unpacking"),
    inside("unpacking too few of several", DeclarationError, "a, b, c = split()", "`split`", "2", "3"),
    inside("unpacking too many of several", DeclarationError, "(a,) = split()", "`split`", "2", "1"),
    inside("unpacking a step without outputs", DeclarationError, "a, b = nothing()", "`nothing`", "no outputs"),
    inside("setting an item of an output", DeclarationError, "load()[0] = 1", "`load`", "Item 0"),
    inside("an attribute of a step without outputs", DeclarationError, "nothing().output", "`nothing`", "no outputs"),
]  # fmt: skip

ORDER = [
    inside("after a step that is not there", DeclarationError, "load()\ndouble(1, after='laod')", "`double`", "`laod`", "`load`"),
    inside("after itself", DeclarationError, "double(1, id='me', after='me')", "`me`", "wait for each other"),
    inside("after in a circle", DeclarationError, "double(1, id='a', after='b')\ndouble(2, id='b', after='a')", "`a`", "`b`"),
    inside("after a number", DeclarationError, "double(1, after=42)", "`after`", "`double`", "42", "id"),
    inside("after a step and not its call", DeclarationError, "load()\ndouble(1, after=load)", "`after`", "`double`", "`load`", "load()"),
    inside("after a pipeline", DeclarationError, "double(1, after=flow)", "`after`", "`double`", "`flow`"),
    inside("after a mapping", DeclarationError, "double(1, after={'load': 1})", "`after`", "`double`"),
    inside("two calls of one id", DeclarationError, "load(id='a')\ndouble(1, id='a')", "`work`", "`a`", "id"),
    inside("an id that is a number", DeclarationError, "load(id=5)", "`load`", "5", "text"),
    inside("an empty id", DeclarationError, "load(id='')", "`load`", "''", "text"),
    inside("id and step_name", DeclarationError, "load(id='a', step_name='b')", "`load`", "`id`", "`step_name`"),
    inside("options in the call", ArgumentError, "load(enable_cache=False)", "`load`", "`enable_cache`", "with_options(enable_cache=…)"),
    inside("an unknown option of with_options", ConfigurationError, "load.with_options(cache=False)()", "`load`", "`cache`", "`enable_cache`"),
    inside("an argument that is not there fixed by with_options", ArgumentError, "double.with_options(parameters={'y': 1})(1)", "`double`", "`y`", "`x`"),
    inside("parameters that are no mapping", ConfigurationError, "double.with_options(parameters=[1])()", "`parameters`", "`double`", "[1]", "mapping"),
]  # fmt: skip

TYPES = [
    inside("a text where a number is wanted", TypeMismatchError, "double(words())", "`words`", "`x: int`", "`double`", "`str`"),
    inside("a text among numbers", TypeMismatchError, "total([load(), words()])", "`words`", "`parts[1]: int`", "`total`", "`str`"),
    inside("an output where a list is wanted", TypeMismatchError, "total(load())", "`load`", "`parts: list[int]`", "`total`"),
    inside("several outputs where a text is wanted", TypeMismatchError, "scale(1, label=[load(), load()])", "`label: str`", "`scale`", "str"),
]  # fmt: skip

PIPELINE_CALLS = [
    row("an argument of a pipeline left out", ArgumentError, """
        @pipeline
        def training(rate: float):
            double(1)

        training()
        """, "`training`", "`rate`", "flow.py:1"),
    row("an unknown argument of a pipeline", ArgumentError, "flow(rat=0.1)", "`flow`", "`rat`", "`rate`"),
    row("too many arguments of a pipeline", ArgumentError, "flow(1.0, 2, 3)", "`flow`", "3", "2"),
    row("a text for a number of a pipeline", TypeMismatchError, "flow(rate='fast')", "`rate`", "`flow`", "float", "'fast'"),
    row("None for a number of a pipeline", TypeMismatchError, "flow(rounds=None)", "`rounds`", "`flow`", "int"),
    row("a pipeline that is a coroutine", DeclarationError,
        "@pipeline\nasync def training():\n    load()\n\ntraining()", "`training`", "async", "flow.py:1"),
    row("a pipeline that is a generator", DeclarationError,
        "@pipeline\ndef training():\n    yield load()\n\ntraining()", "`training`", "yield", "flow.py:1"),
    row("a pipeline that calls itself", DeclarationError,
        "@pipeline\ndef training():\n    training()\n\ntraining()", "`training`", "itself"),
    row("an output of another run", DeclarationError, """
        kept = []

        @pipeline
        def first():
            kept.append(load())

        @pipeline
        def second():
            double(kept[0])

        first.with_options(run_name="first")
        from zenml.declare.starting import compile_call
        compile_call(first, (), {})
        second()
        """, "`x`", "`double`", "`load`", "another"),
    row("an output used outside", DeclarationError, """
        kept = []

        @pipeline
        def first():
            kept.append(load())

        from zenml.declare.starting import compile_call
        compile_call(first, (), {})
        double(kept[0])
        """, "`x`", "`double`", "`load`"),
    row("a frame for a number of a pipeline", TypeMismatchError, "import pandas\nflow(rate=pandas.DataFrame())", "`rate`", "`flow`", "float", "DataFrame"),
    row("a step for a number of a pipeline", TypeMismatchError, "flow(rate=load)", "`rate`", "`flow`", "float", "Step"),
    row("an output of another pipeline as an argument", TypeMismatchError,
        "@pipeline\ndef training():\n    flow(rate=words())\n\ntraining()", "`words`", "`factor: float`", "`scale`", "`str`"),
    row("a run's name with an unknown placeholder", ConfigurationError,
        "flow.with_options(run_name='run_{dte}')()", "`run_name`", "`{dte}`", "`date`"),
    row("a run's name that is a number", ConfigurationError, "flow.with_options(run_name=7)()", "`run_name`", "7", "text"),
    row("an empty run's name", ConfigurationError, "flow.with_options(run_name=' ')()", "`run_name`", "' '", "text"),
    row("options of a step that is not there", ConfigurationError,
        "flow.with_options(steps={'doubel': {'enable_cache': False}})()", "`flow`", "`doubel`", "`double`"),
    row("an unknown option of a step", ConfigurationError,
        "flow.with_options(steps={'double': {'enable_cach': False}})()", "`double`", "`enable_cach`", "`enable_cache`"),
    row("an unknown parameter of a step", ArgumentError,
        "flow.with_options(steps={'scale': {'parameters': {'facto': 1.0}}})()", "`scale`", "`facto`", "`factor`"),
    row("a wrong parameter of a step", TypeMismatchError,
        "flow.with_options(steps={'scale': {'parameters': {'factor': 'big'}}})()", "`factor`", "`scale`", "'big'"),
    row("steps that are a list", ConfigurationError, "flow.with_options(steps=['double'])", "`steps`", "`flow`", "mapping"),
    row("options of a step that are a flag", ConfigurationError, "flow.with_options(steps={'double': False})", "`steps`", "`flow`", "mapping"),
    row("unknown parameters of a run", ArgumentError, "flow.with_options(parameters={'rat': 1})()", "`flow`", "`rat`", "`rate`"),
    row("parameters of a run that are a list", ConfigurationError, "flow.with_options(parameters=[1])()", "`parameters`", "`flow`", "mapping"),
    row("a refresh of a step that is not there", ConfigurationError, "flow.with_options(refresh=['laod'])()", "`flow`", "`laod`", "`load`"),
    row("a refresh that is a number", ConfigurationError, "flow.with_options(refresh=3)()", "`refresh`", "`flow`", "3", "True"),
    row("a step alone without its argument", ArgumentError, "double()", "`double`", "`x`", "bad_samples.py:"),
    row("a step alone with a wrong value", TypeMismatchError, "double('a')", "`x`", "`double`", "int"),
    row("an artifact that is not there", NotFoundError,
        "@pipeline\ndef training():\n    double(ExternalArtifact(name='custmers'))\n\ntraining()", "`custmers`"),
    row("an ExternalArtifact of nothing", ConfigurationError, "ExternalArtifact()", "ExternalArtifact", "`value=`", "nothing"),
    row("an ExternalArtifact by id and name", ConfigurationError, "ExternalArtifact(id='a', name='b')", "`id`", "`name`"),
    row("a typo in ExternalArtifact", ConfigurationError, "ExternalArtifact(nam='b')", "`nam`", "`name`"),
    row("an external value of a wrong type", TypeMismatchError,
        "@pipeline\ndef training():\n    double(ExternalArtifact('a'))\n\ntraining()", "`x`", "`double`", "str", "int"),
    row("an external value that cannot be stored", MaterializerError,
        "@pipeline\ndef training():\n    keep(ExternalArtifact(threading.Lock()))\n\ntraining()", "lock", "`value`", "`keep`"),
]  # fmt: skip


@pytest.mark.parametrize(**by_id(STEP_CALLS))
def test_a_wrong_call_of_a_step(row, tmp_path):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(VALUES))
def test_an_output_is_no_value_yet(row, tmp_path):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(ORDER + TYPES))
def test_a_wrong_wiring(row, tmp_path):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(PIPELINE_CALLS))
def test_a_wrong_call_of_a_pipeline(row, tmp_path):
    check_row(row, tmp_path)
