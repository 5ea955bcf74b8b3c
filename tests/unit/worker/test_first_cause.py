import pytest

from zenml.errors import ComponentError
from zenml.worker.failures import describe
from zenml.worker.first_cause import first_cause


def raised(function):
    try:
        function()
    except BaseException as error:
        return error
    return None


def from_another():
    try:
        raise KeyError("rows")
    except KeyError as error:
        raise ValueError("no data") from error


def while_another():
    try:
        raise KeyError("rows")
    except KeyError:
        raise ValueError("no data")  # noqa: B904


def from_none():
    try:
        raise KeyError("rows")
    except KeyError:
        raise ValueError("no data") from None


def of_ours():
    try:
        raise KeyError("rows")
    except KeyError as error:
        raise ComponentError("told in full") from error


def group():
    raise ExceptionGroup("both", [raised(from_another), OSError("second")])


def circle():
    error, other = ValueError("a"), ValueError("b")
    error.__cause__, other.__cause__ = other, error
    raise error


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (from_another, KeyError),
        (while_another, KeyError),
        (from_none, ValueError),
        (of_ours, ComponentError),
        (group, KeyError),
        (circle, ValueError),
    ],
)
def test_first_cause(function, expected):
    assert type(first_cause(raised(function))) is expected


def test_a_failure_records_what_it_began_with():
    assert describe(raised(from_another)).first_cause == "KeyError: 'rows'"
    assert describe(raised(from_none)).first_cause == ""
