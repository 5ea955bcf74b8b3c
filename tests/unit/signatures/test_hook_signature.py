"""What a hook gets, by how it is written."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any, Optional

import pytest

from zenml.errors import ConfigurationError
from zenml.signatures.hook_signature import read_hook

if TYPE_CHECKING:
    from nowhere import StepContext, StepRunResponse

THINGS = {
    "context": "CONTEXT",
    "run": "RUN",
    "pipeline": "PIPELINE",
    "parameters": {"x": 1},
    "step_name": "train",
    "step": "STEP",
    "attempt": 1,
    "inputs": "INPUTS",
    "model": None,
    "pipeline_state": "STATE",
    "output": 42,
    "exception": "ERROR",
    "nothing": None,
    "output:weights": "W",
    "argument:a": 1,
    "argument:b": 2,
}


def called(function, moment, *, outputs=(), arguments=None):
    """Read a hook, call it with what it asks for, and return what it got and what was made for it."""
    made = []

    def make(what):
        made.append(what)
        return THINGS[what]

    positional, named = read_hook(function, moment, outputs=outputs, arguments=arguments).arguments(make)
    return function(*positional, **named), made


class Callable:
    def __call__(self, exception):
        return exception

    def method(self, error: Exception):
        return error

    @classmethod
    def of_class(cls, step_name, out):
        return step_name, out

    @staticmethod
    def static(out):
        return out


class OwnError(Exception):
    pass


def by_exception_type(problem: OwnError):
    return problem


def by_optional_exception(problem: Optional[BaseException]):  # noqa: UP045
    return problem


def by_union(problem: OwnError | KeyError):
    return problem


def by_annotated(problem: Annotated[BaseException, "why"]):
    return problem


def by_context_type(here: StepContext):
    return here


def by_context_text(here: "StepContext"):  # noqa: UP037
    return here


def by_step_type(here: StepRunResponse):
    return here


def shared(exception: BaseException | None):
    return exception


def annotated_output(out: int):
    return out


def wrapped(out):
    return out


@functools.wraps(wrapped)
def wrapper(*args, **kwargs):
    return wrapped(*args, **kwargs)


async def waits(out):
    return out


SERVED = [
    # nothing
    (lambda: "called", "on_success", "called"),
    (lambda: "called", "on_failure", "called"),
    (lambda: "called", "on_start", "called"),
    (lambda: "called", "on_end", "called"),
    (lambda: "called", "on_init", "called"),
    (lambda: "called", "on_cleanup", "called"),
    # by name
    (lambda exception: exception, "on_failure", "ERROR"),
    (lambda exception: exception, "on_end", "ERROR"),
    (lambda exception: exception, "on_cleanup", "ERROR"),
    (lambda error: error, "on_failure", "ERROR"),
    (lambda exc: exc, "on_failure", "ERROR"),
    (lambda step_name: step_name, "on_start", "train"),
    (lambda step_name: step_name, "on_failure", "train"),
    (lambda context: context, "on_success", "CONTEXT"),
    (lambda context: context, "on_init", "CONTEXT"),
    (lambda run, step: (run, step), "on_success", ("RUN", "STEP")),
    (lambda pipeline_run, step_run: (pipeline_run, step_run), "on_failure", ("RUN", "STEP")),
    (lambda output: output, "on_success", 42),
    (lambda step_output: step_output, "on_success", 42),
    (lambda result, step_name: (result, step_name), "on_success", (42, "train")),
    (lambda state: state, "on_start", "STATE"),
    (lambda pipeline_state: pipeline_state, "on_cleanup", "STATE"),
    (lambda parameters, attempt: (parameters, attempt), "on_failure", ({"x": 1}, 1)),
    (lambda inputs, pipeline: (inputs, pipeline), "on_success", ("INPUTS", "PIPELINE")),
    (lambda *, exception: exception, "on_failure", "ERROR"),
    # by annotation
    (by_exception_type, "on_failure", "ERROR"),
    (by_optional_exception, "on_failure", "ERROR"),
    (by_union, "on_end", "ERROR"),
    (by_annotated, "on_failure", "ERROR"),
    (by_context_type, "on_success", "CONTEXT"),
    (by_context_text, "on_failure", "CONTEXT"),
    (by_step_type, "on_failure", "STEP"),
    (shared, "on_failure", "ERROR"),
    (shared, "on_success", None),
    # by place
    (lambda x: x, "on_failure", "ERROR"),
    (lambda x: x, "on_success", 42),
    (lambda x: x, "on_end", "ERROR"),
    (lambda x: x, "on_start", "train"),
    (lambda x: x, "on_cleanup", "ERROR"),
    (annotated_output, "on_success", 42),
    (lambda a, b: (a, b), "on_success", ("train", 42)),
    (lambda a, b: (a, b), "on_failure", ("train", "ERROR")),
    (lambda name, output: (name, output), "on_success", ("train", 42)),
    (lambda step_name, value: (step_name, value), "on_success", ("train", 42)),
    (lambda context, value: (context, value), "on_success", ("CONTEXT", 42)),
    (lambda x, /: x, "on_success", 42),
    (lambda a, /, context: (a, context), "on_failure", ("ERROR", "CONTEXT")),
    # defaults
    (lambda retries=3: retries, "on_failure", 3),
    (lambda x, retries=3: (x, retries), "on_failure", ("ERROR", 3)),
    (lambda exception=None: exception, "on_success", None),
    (lambda exception=None: exception, "on_failure", "ERROR"),
    (lambda a, /, b=2: (a, b), "on_success", (42, 2)),
    (lambda a=1, /: a, "on_success", 1),
    # the rest
    (lambda *args: args, "on_success", ()),
    (lambda **there_is: sorted(there_is), "on_init", ["context", "parameters", "pipeline", "run"]),
    (lambda **there_is: "output" in there_is, "on_success", False),
    (lambda **there_is: there_is["exception"], "on_failure", "ERROR"),
    (lambda exception, **there_is: "exception" in there_is, "on_failure", False),
    # other callables
    (Callable(), "on_failure", "ERROR"),
    (Callable().method, "on_failure", "ERROR"),
    (Callable.of_class, "on_success", ("train", 42)),
    (Callable.static, "on_success", 42),
    (functools.partial(lambda prefix, out: (prefix, out), "done"), "on_success", ("done", 42)),
    (functools.partial(lambda out, channel: (out, channel), channel="ops"), "on_success", (42, "ops")),
    (wrapper, "on_success", 42),
    ([].append, "on_success", None),
]


@pytest.mark.parametrize(("function", "moment", "got"), SERVED)
def test_a_hook_gets_what_it_asks_for(function, moment, got):
    assert called(function, moment)[0] == got


def test_a_coroutine_function_is_read_as_a_function():
    coroutine, made = called(waits, "on_success")
    coroutine.close()

    assert made == ["output"]


def test_one_of_several_outputs_is_asked_for_by_its_name():
    assert called(lambda weights: weights, "on_success", outputs=("weights", "loss")) == (
        "W",
        ["output:weights"],
    )


def test_outputs_are_made_only_if_asked_for():
    assert called(lambda step_name, context: None, "on_success")[1] == ["step_name", "context"]


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda a, b: (a, b), (1, 2)),
        (lambda a, b, context: (a, b, context), (1, 2, "CONTEXT")),
        (lambda a, b=5, c=6: (a, b, c), (1, 2, 6)),
        (lambda a, **rest: (a, rest["b"], rest["run"]), (1, 2, "RUN")),
    ],
)
def test_on_init_gets_its_arguments(function, got):
    assert called(function, "on_init", arguments={"a": 1, "b": 2})[0] == got


def wants_exception(exception: BaseException) -> None: ...
def wants_output(output: Any) -> None: ...
def wants_three(a, b, c) -> None: ...
def wants_unknown(*, chanel) -> None: ...
def wants_typed(problem: ValueError) -> None: ...
def wants_step(step_name) -> None: ...
def close_name(step_nmae, contxt, x) -> None: ...


@pytest.mark.parametrize(
    ("function", "moment", "words"),
    [
        (
            wants_exception,
            "on_success",
            "asks for `exception`, which there is for `on_failure`, `on_end`, `on_cleanup` only",
        ),
        (wants_exception, "on_start", "asks for `exception`"),
        (wants_output, "on_failure", "asks for `output`"),
        (wants_output, "on_start", "asks for `output`"),
        (wants_three, "on_success", "takes `a`, and there is nothing called so"),
        (wants_unknown, "on_failure", "takes `chanel`"),
        (wants_typed, "on_success", "asks for `problem`"),
        (wants_step, "on_cleanup", "asks for `step_name`"),
        (wants_step, "on_init", "asks for `step_name`"),
        (lambda x: None, "on_init", "takes `x`"),
        (lambda x: None, "on_pause", "takes `x`"),
        (close_name, "on_success", "Did you mean `step_name`"),
    ],
)
def test_what_cannot_be_served_is_refused_with_hook_parameter_and_what_there_is(function, moment, words):
    with pytest.raises(ConfigurationError) as refused:
        read_hook(function, moment, what="step `train`")

    text = str(refused.value)
    assert words in text
    assert f"Hook `{moment}` of step `train`, `{function.__name__}` (" in text
    assert "It can ask for `context`, `run`" in text


def test_an_argument_that_on_init_does_not_take_is_refused():
    with pytest.raises(ConfigurationError, match="is given `c` by `on_init_kwargs`, and does not take it"):
        read_hook(lambda a: None, "on_init", arguments={"a": 1, "c": 2})


def test_a_callable_that_does_not_tell_its_parameters_is_refused():
    with pytest.raises(ConfigurationError, match="does not tell its parameters"):
        read_hook(type("T", (), {"__call__": max})(), "on_success")
