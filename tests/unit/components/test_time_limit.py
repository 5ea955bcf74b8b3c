import threading
from contextvars import ContextVar

import pytest

from zenml.components.time_limit import within

variable = ContextVar("variable", default="")


def test_the_result_and_the_exception_come_back():
    assert within(30, lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        within(30, lambda: 1 / 0)


def test_what_takes_too_long_is_given_up():
    released = threading.Event()

    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        within(0.01, released.wait)

    released.set()


def test_the_call_sees_the_context_of_its_caller():
    variable.set("here")

    assert within(30, variable.get) == "here"
