"""Whether what one step produces can go into another."""

import abc
import enum
import sys
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict, TypeVar

import annotated_types
import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin

from zenml.errors import TypeMismatchError
from zenml.signatures.annotations import unresolved
from zenml.signatures.type_check import can_flow, check


class Color(enum.Enum):
    RED = 1


class Base: ...


class Derived(Base): ...


@typing.final
class Closed: ...


class Plugin(abc.ABC):
    @abc.abstractmethod
    def work(self): ...


class HasLength(Protocol):
    def __len__(self) -> int: ...


class Row(TypedDict):
    a: int


class Model(pydantic.BaseModel):
    a: int


UserId = NewType("UserId", int)
AnyT = TypeVar("AnyT")
Bounded = TypeVar("Bounded", bound=int)

POSSIBLE = [
    (int, int),
    (int, float),
    (float, int),  # an int may be returned as a float
    (int, Any),
    (Any, int),
    (int, object),
    (object, int),
    (int | None, int),
    (int, int | str),
    (int | str, str | bytes),
    (Derived, Base),
    (Base, Derived),
    (Literal[1, "a"], str),
    (str, Literal["a"]),
    (Literal["a", "b"], Literal["b", "c"]),
    (UserId, int),
    (int, UserId),
    (int, AnyT),
    (bool, AnyT),
    (int, Bounded),
    (list, list[int]),
    (list[int], list),
    (list[int], list[float]),
    (list[int], Sequence[int]),
    (list[int | None], list[int]),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, ...], tuple[int, int]),
    (tuple[int, str], tuple[int, str]),
    (tuple[int, int], Sequence[int]),
    (dict[str, int], Mapping[str, int]),
    (Mapping, dict),
    (dict, Iterable),
    (Annotated[int, "name"], int),
    (ClassifierMixin, BaseEstimator),
    (np.floating, float),
    (np.int64, int),
    (np.ndarray, np.ndarray[Any, np.dtype[np.float64]]),
    (pd.DataFrame, Any),
    (dict, Row),
    (Row, dict),
    (dict, Model),
    (int, HasLength),
    (Base, Plugin),
    (unresolved("Frame"), int),
    (int, unresolved("Frame")),
    (int, Annotated[int, annotated_types.Gt(0)]),
    (str, pydantic.EmailStr),
    (None, int | None),
    (type[int], type),
    (bool, typing.SupportsIndex),
]

IMPOSSIBLE = [
    (dict, int),
    (dict, pd.DataFrame),
    (int, str),
    (str, int),
    (bool, int),
    (int, bool),
    (None, int),
    (int, None),
    (dict, Sequence),
    (list, tuple),
    (list, dict),
    (int | None, str),
    (list[int], list[str]),
    (dict[str, int], dict[str, str]),
    (dict[str, int], Mapping[int, int]),
    (tuple[int, int], tuple[int, int, int]),
    (tuple[int, str], tuple[int, int]),
    (tuple[int, str], Sequence[int]),
    (Literal["a"], int),
    (Literal["a"], Literal["b"]),
    (int, Literal["a"]),
    (Color, int),
    (Color, Base),
    (Closed, Base),
    (bool, Base),
    (pd.DataFrame, int),
    (pd.DataFrame, dict),
    (np.ndarray, list),
    (int, Model),
    (int, Row),
    (Row, int),
    (str, Base),
]


@pytest.mark.parametrize(("produced", "consumed"), POSSIBLE, ids=str)
def test_what_may_fit_flows(produced, consumed):
    assert can_flow(produced, consumed)


@pytest.mark.parametrize(("produced", "consumed"), IMPOSSIBLE, ids=str)
def test_what_cannot_fit_does_not(produced, consumed):
    assert not can_flow(produced, consumed)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
def test_types_that_speak_of_themselves_end():
    space: dict = {}
    exec("type Left = list[Left]\ntype Right = list[Right]", space)  # noqa: S102

    assert can_flow(space["Left"], space["Right"])


SIMPLE = st.sampled_from(
    [int, float, bool, str, None, list[int], list[str], dict[str, int], Any, int | None, Color]
)
VALUES = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(),
    st.none(),
    st.lists(st.integers(), min_size=1),
    st.lists(st.text(), min_size=1),
    st.dictionaries(st.text(), st.integers()),
    st.just(Color.RED),
)


@given(SIMPLE, SIMPLE, VALUES)
def test_an_edge_is_refused_only_if_no_value_passes_both_checks(produced, consumed, value):
    try:
        check(value, produced, what="output")
        check(value, consumed, what="input")
    except TypeMismatchError:
        return

    assert can_flow(produced, consumed)
