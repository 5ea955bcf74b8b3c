"""Futures and artifacts in the function of a dynamic pipeline."""

import copy
import pickle
import threading
from typing import Annotated

import pytest

from zenml import pipeline, step
from zenml.errors import ArgumentError, ConfigurationError, ContextError, DeclarationError
from zenml.execute.futures import as_completed

SECONDS = 20


@step(enable_cache=False)
def number(x: int = 1) -> int:
    return x


@step(enable_cache=False)
def two() -> tuple[Annotated[int, "left"], Annotated[str, "right"]]:
    return 1, "r"


@step(enable_cache=False)
def nothing() -> None:
    pass


@step(enable_cache=False)
def take(x: object) -> str:
    return repr(x)


@step(enable_cache=False)
def fail() -> int:
    raise ValueError("bad luck")


@pytest.fixture(params=["threads", "lab"])
def inside(request):
    """Runs a function as that of a dynamic pipeline, with the real engine and with that of a lab."""
    request.getfixturevalue("zenml_store" if request.param == "threads" else "zenml_lab")
    return lambda function: pipeline(dynamic=True)(function)()


def test_one_output(inside):
    def flow():
        future = number.submit(3)
        assert future.load() == 3
        assert future.result().load() == future.artifacts().load() == 3
        assert future.done()
        assert not future.running()
        assert not future.cancelled()
        assert future.exception() is None
        assert future.get_artifact("output").load() == future["output"].load() == 3
        assert future.wait()
        assert future.wait(0)

    inside(flow)


def test_several_outputs(inside):
    def flow():
        future = two.submit()
        left, right = future
        assert (left.load(), right.load()) == future.load() == (1, "r")
        assert [one.load() for one in future.result()] == [1, "r"]
        assert len(future) == 2
        assert future[1].load() == future["right"].load() == "r"
        assert left.wait()
        assert not left.running()
        with pytest.raises(DeclarationError, match="`left`, `right`"):
            future["middle"]

    inside(flow)


def test_no_outputs(inside):
    def flow():
        future = nothing.submit()
        assert future.load() is None
        assert future.result() is None
        number(after=future)
        number(after=nothing())
        with pytest.raises(DeclarationError, match="no outputs"):
            take(future)

    inside(flow)


def test_what_is_passed_to_steps(inside):
    def flow():
        one, both, artifact = number.submit(1), two.submit(), number(2)
        assert take(both).load() == "(1, 'r')"
        assert take([one, artifact, 3, one]).load() == "[1, 2, 3, 1]"
        assert take((one, artifact)).load() == "(1, 2)"
        assert take({"a": one, "b": both["right"], "c": None}).load() == "{'a': 1, 'b': 'r', 'c': None}"
        for nested in ([[one]], {"a": {"b": artifact}}, [both]):
            with pytest.raises(
                ArgumentError, match=r"Outputs are passed alone or in a list|cannot be a parameter"
            ):
                take(nested)

    inside(flow)


@pytest.mark.parametrize(
    "misuse",
    [
        bool,
        lambda one: one + 1,
        lambda one: 1 + one,
        range,
        lambda one: f"{one}",
        list,
        len,
        lambda one: one[0],
        lambda one: one > 1,
        lambda one: one == 1,
        int,
        pickle.dumps,
        copy.deepcopy,
    ],
)
@pytest.mark.parametrize(
    "made", [lambda: number.submit(), lambda: number(), lambda: number.submit().outputs[0]]
)
def test_misuse_says_how_to_have_the_value(zenml_lab, misuse, made):
    @pipeline(dynamic=True)
    def flow():
        with pytest.raises(DeclarationError, match=r"`\.load\(\)`"):
            misuse(made())

    flow()


def test_an_unknown_attribute_says_how_to_have_the_value(inside):
    def flow():
        with pytest.raises(DeclarationError, match=r"`\.shape`.*`\.load\(\)`"):
            number().shape
        with pytest.raises(DeclarationError, match=r"`\.shape`.*`\.load\(\)`"):
            number.submit().shape

    inside(flow)


def test_an_artifact_has_what_artifacts_have(inside):
    from zenml.client import Client

    seen = []

    def flow():
        artifact = number(4)
        seen.append((artifact.id, artifact.version, artifact.data_type, artifact.name))

    run = inside(flow)

    known = Client().get_artifact_version(seen[0][0])
    assert seen[0] == (known.id, 1, "int", "output")
    assert run.steps["number"].output.id == known.id


def test_a_failure(inside):
    def flow():
        future = fail.submit()
        assert isinstance(future.exception(), ValueError)
        assert future.exception() is future.exception()
        for ask in (
            future.load,
            future.result,
            future.outputs[0].load,
            lambda: future.get_artifact("output"),
        ):
            with pytest.raises(ValueError, match="bad luck"):
                ask()
        assert future.done()
        assert not future.cancelled()

    assert str(inside(flow).status) == "completed"


def test_limits_of_time(zenml_store):
    is_free = threading.Event()

    @step(enable_cache=False)
    def slow() -> int:
        assert is_free.wait(SECONDS)
        return 1

    @pipeline(dynamic=True)
    def flow():
        future = slow.submit()
        assert not future.wait(0.01)
        assert future.running()
        for ask in (future.load, future.result, future.exception, lambda t: list(as_completed([future], t))):
            with pytest.raises(TimeoutError):
                ask(0.01)
        for wrong in ("1", -1, True):
            with pytest.raises(ConfigurationError, match="timeout"):
                future.wait(wrong)
        is_free.set()
        assert future.load(SECONDS) == 1

    flow()


def test_as_completed_yields_the_first_one_first(zenml_store):
    events = [threading.Event() for _ in range(3)]

    @step(enable_cache=False)
    def slow(i: int) -> int:
        assert events[i].wait(SECONDS)
        return i

    @pipeline(dynamic=True)
    def flow():
        futures = [slow.submit(i) for i in range(3)]
        found = []
        events[2].set()
        for future in as_completed([*futures, futures[0]]):
            found.append(future.load())
            events[len(found) - 1 if len(found) < 3 else 0].set()
        assert found == [2, 0, 1]
        assert list(as_completed([])) == []
        with pytest.raises(DeclarationError, match="as_completed"):
            list(as_completed([1]))

    flow()


def test_callbacks_may_call_steps_and_may_fail(zenml_store):
    heard = threading.Event()

    @pipeline(dynamic=True)
    def flow():
        def broken(future):
            raise KeyError("broken")

        def then(future):
            heard.set()
            assert future.load() == 1

        future = number.submit(1)
        future.add_done_callback(broken)
        future.add_done_callback(then)
        assert future.load() == 1
        assert heard.wait(SECONDS)
        late = []
        future.add_done_callback(late.append)
        assert late == [future]

    assert str(flow().status) == "completed"


def test_submit_needs_a_dynamic_pipeline(zenml_lab):
    @pipeline
    def static():
        number.submit()

    with pytest.raises(ContextError, match="not dynamic"):
        static()
    with pytest.raises(ContextError, match="dynamic=True"):
        number.submit()


def test_dicts_of_outputs_in_a_static_pipeline(zenml_lab):
    @pipeline
    def static():
        take({"a": number(1), "b": 2})

    assert static().steps["take"].output.load() == "{'a': 1, 'b': 2}"
