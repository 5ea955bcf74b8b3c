"""Checking values against annotations, and naming types."""

import collections
import dataclasses
import datetime as dt
import enum
import sys
import time
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar, Union

import annotated_types
import numpy as np
import numpy.typing as npt
import pandas as pd
import pydantic
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from zenml.config.preview import preview
from zenml.errors import TypeMismatchError
from zenml.signatures.annotations import unresolved
from zenml.signatures.type_check import check, describe


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Row(TypedDict):
    name: str
    size: typing.NotRequired[int]


class LateRow(typing_extensions.TypedDict):
    name: typing_extensions.ReadOnly[str]


class Pair(NamedTuple):
    a: int
    b: int


@dataclasses.dataclass
class Point:
    x: int


class Model(pydantic.BaseModel):
    rate: float
    name: str = "m"


class Sized(Protocol):
    def __len__(self) -> int: ...


@typing.runtime_checkable
class Closable(Protocol):
    def close(self) -> None: ...


class Box(typing.Generic[TypeVar("T")]): ...  # type: ignore[misc]


UserId = NewType("UserId", int)
AnyT = TypeVar("AnyT")
Text = TypeVar("Text", str, bytes)
Bounded = TypeVar("Bounded", bound=Mapping)

FITS = [
    (1, int),
    (1, float),
    (1.0, float),
    (True, bool),
    (1j, complex),
    (1.0, complex),
    ("a", str),
    (None, None),
    (None, Any),
    (object(), object),
    (Level.LOW, int),
    (np.int64(1), int),
    (np.float64(1), float),
    (np.float32(1), float),
    (np.int32(1), float),
    (np.bool_(True), bool),
    (np.complex64(1), complex),
    (1, Optional[int]),  # noqa: UP045
    (None, Optional[int]),  # noqa: UP045
    ("a", int | str),
    ("a", Union[int, str]),  # noqa: UP007
    ("a", Literal["a", "b"]),
    (Color.RED, Literal[Color.RED]),
    (Color.RED, Color),
    (1, Annotated[int, "name"]),
    (1, UserId),
    (1, AnyT),
    (b"a", Text),
    ({}, Bounded),
    (int, type[int]),
    (bool, type[int]),
    (int, type[int | str]),
    (int, type[Any]),
    (list[int], Any),
    ([1, 2], list[int]),
    ([], list[int]),
    ([1, 2.0], list[float]),
    ([1, None], list[int | None]),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    ((), tuple[int, ...]),
    ((), tuple[()]),
    ((1, 2), tuple),
    ((1, 2), typing.Tuple),  # noqa: UP006
    ({"a": [1]}, dict[str, list[int]]),
    ({1}, set[int]),
    (frozenset({1}), frozenset[int]),
    (collections.deque([1]), collections.deque[int]),
    ([1], Sequence[int]),
    ("ab", Sequence[str]),
    (range(10**12), Sequence[int]),
    ({"a": 1}, Mapping[str, int]),
    (collections.Counter("a"), collections.Counter[str]),
    (collections.OrderedDict(a=1), dict[str, int]),
    ((i for i in "no"), Iterable[int]),
    ({1: "a"}, Iterable[int]),
    (len, Callable),
    (len, Callable[[list], int]),
    ({"name": "a"}, Row),
    ({"name": "a", "size": 1, "more": 2}, Row),
    ({"name": "a"}, LateRow),
    (Pair(1, 2), Pair),
    (Point(1), Point),
    (Model(rate=1), Model),
    (5, Sized),
    (open, Sized),
    (Box(), Box[int]),
    (np.zeros(2), np.ndarray),
    (np.zeros(2), npt.NDArray[np.float64]),
    (pd.DataFrame(), pd.DataFrame),
    (pd.Timestamp(0), dt.datetime),
    (5, unresolved("Frame")),
    ([5], list[unresolved("Frame")]),
    ([5], list["Frame"]),  # noqa: F821
    (5, typing.ForwardRef("Frame")),
    ([5], typing.List["Frame"]),  # noqa: F821, UP006
    ("a", typing.LiteralString),
    (5, typing.Final[int]),
    ((1, 2), tuple[int, typing.Unpack[tuple[int, ...]]]),  # noqa: UP044
]

MISFITS = [
    (True, int),
    (True, float),
    (1, bool),
    (1.0, int),
    ("1", int),
    (None, int),
    (1, None),
    (np.float64(1), int),
    (np.bool_(True), int),
    (np.int64(1), bool),
    (1.5, int | str),
    ("c", Literal["a", "b"]),
    (True, Literal[1]),
    (1, Literal[True]),
    (np.zeros(2), Literal[1]),
    ("RED", Color),
    ("a", UserId),
    (1, Text),
    ([], Bounded),
    (str, type[int]),
    (1, type[int]),
    ([1, "a"], list[int]),
    ([True], list[int]),
    ((1, 2), list[int]),
    ([1, 2], tuple[int, int]),
    ((1,), tuple[int, int]),
    ((1, 2, "a"), tuple[int, ...]),
    ((1,), tuple[()]),
    ({1: 1}, dict[str, int]),
    ({"a": "b"}, dict[str, int]),
    ({"a"}, set[int]),
    ("ab", Sequence[int]),
    ({"a": 1}, Sequence[str]),
    ([1], Mapping[str, int]),
    (collections.Counter("a"), collections.Counter[int]),
    (5, Iterable[int]),
    (5, Callable[[], int]),
    ({"size": 1}, Row),
    ({"name": 1}, Row),
    ({"name": "a", "size": "b"}, Row),
    ({"name": 1}, LateRow),
    ((1, 2), Pair),
    ({"x": 1}, Point),
    (5, Closable),
    (5, Box[int]),
    ([0.0], npt.NDArray[np.float64]),
    ({}, pd.DataFrame),
    (5, typing.Never),
    (5, typing.LiteralString),
]


class TestCheck:
    @pytest.mark.parametrize(("value", "annotation"), FITS, ids=map(str, range(len(FITS))))
    def test_a_value_that_fits_comes_back_itself(self, value, annotation):
        assert check(value, annotation, what="it") is value

    @pytest.mark.parametrize(("value", "annotation"), MISFITS, ids=map(str, range(len(MISFITS))))
    def test_a_value_that_does_not_fit_is_refused(self, value, annotation):
        with pytest.raises(TypeMismatchError):
            check(value, annotation, what="it")

    def test_runtime_protocols_are_asked(self):
        with open(__file__, encoding="utf-8") as file:
            assert check(file, Closable, what="it") is file

    def test_types_without_a_hash_work(self):
        assert check([1], Annotated[list[int], ["no hash"]], what="it") == [1]
        with pytest.raises(TypeMismatchError):
            check(["a"], Annotated[list[int], ["no hash"]], what="it")

    def test_a_class_that_refuses_to_answer_speaks_against_nothing(self):
        class Refuses(type):
            def __instancecheck__(cls, instance):
                raise RuntimeError

        class Odd(metaclass=Refuses): ...

        assert check(5, Odd, what="it") == 5

    def test_an_iterator_is_not_used_up(self):
        numbers = iter([1, 2])

        check(numbers, Iterable[str], what="it")

        assert list(numbers) == [1, 2]

    @given(st.lists(st.one_of(st.integers(), st.booleans(), st.floats(), st.text(), st.none())))
    def test_a_list_fits_exactly_if_each_element_does(self, values):
        def fits(value, annotation):
            try:
                check(value, annotation, what="it")
            except TypeMismatchError:
                return False
            return True

        for annotation in (int, float, str | None, bool | str, Any):
            assert fits(values, list[annotation]) == all(fits(value, annotation) for value in values)

    def test_a_million_numbers_are_checked_quickly(self):
        """The budget is 40 ms; five times that leaves room for a busy machine."""
        numbers = list(range(1_000_000))

        begin = time.thread_time()
        check(numbers, list[int], what="it")

        assert time.thread_time() - begin < 0.2


class TestMessages:
    @pytest.mark.parametrize(
        ("value", "annotation", "message"),
        [
            ("no", int, "Input `x` of step `s` must be `int`, but is `str`: 'no'. Give it a value"),
            (
                {"features": [1, 2, 3, "a"]},
                dict[str, list[int]],
                "but `value['features'][3]` is `str` instead of `int`: 'a'.",
            ),
            ((1, "a"), tuple[int, int], "but `value[1]` is `str` instead of `int`: 'a'."),
            ((1,), tuple[int, int], "must be `tuple[int, int]`, but is `tuple`: (1,)."),
            ((1, "a"), list[int], "must be `list[int]`, but is `tuple`: (1, 'a')."),
            ({1: 2}, dict[str, int], "but `value (key 1)` is `int` instead of `str`: 1."),
            ({"a"}, set[int], "but `value (an element)` is `str` instead of `int`: 'a'."),
            (["a"], list[int] | None, "must be `list[int] | None`, but `value[0]` is `str` instead of `int`"),
            ([{}], list[Row], "must be `list[Row]`, but `value[0]` lacks the key 'name'."),
            ([{"name": 1}], list[Row], "but `value[0]['name']` is `int` instead of `str`"),
            (True, int, "must be `int`, but is `bool`: True."),
        ],
    )
    def test_the_message_says_what_where_and_what_to_do(self, value, annotation, message):
        with pytest.raises(TypeMismatchError) as caught:
            check(value, annotation, what="input `x` of step `s`")

        assert message in str(caught.value)
        assert "change the annotation" in str(caught.value)

    def test_two_types_of_one_name_are_told_apart(self):
        other = type("DataFrame", (), {"__module__": "polars"})

        with pytest.raises(
            TypeMismatchError, match=r"must be `pandas\.[\w.]*DataFrame`, but is `polars.DataFrame`"
        ):
            check(other(), pd.DataFrame, what="it")

    def test_a_preview_is_short_and_never_fails(self):
        class Broken:
            def __repr__(self):
                raise RuntimeError

        assert len(preview("x" * 1000)) <= 80
        assert len(preview([["x" * 1000] * 1000] * 1000)) <= 80
        assert "\n" not in preview(pd.DataFrame({"a": [1, 2]}))
        assert "Broken" in preview(Broken())


class TestPydantic:
    def test_a_mapping_becomes_the_model(self):
        assert check({"rate": 1}, Model, what="it") == Model(rate=1)
        assert check({"rate": 1}, Model | None, what="it") == Model(rate=1)

    def test_a_mapping_that_the_model_refuses_is_explained(self):
        with pytest.raises(TypeMismatchError, match="It does not fit `Model`: rate: Field required"):
            check({}, Model, what="it")

    @pytest.mark.parametrize(
        ("value", "annotation"),
        [
            (5, pydantic.PositiveInt),
            ([5], list[pydantic.PositiveInt]),
            (None, pydantic.PositiveInt | None),
            ("abc", Annotated[str, pydantic.Field(min_length=3)]),
            (5, Annotated[int, annotated_types.Gt(4)]),
        ],
    )
    def test_constraints_that_hold(self, value, annotation):
        assert check(value, annotation, what="it") == value

    @pytest.mark.parametrize(
        ("value", "annotation"),
        [
            (-5, pydantic.PositiveInt),
            ("5", pydantic.PositiveInt),
            ([5, -5], list[pydantic.PositiveInt]),
            ("ab", Annotated[str, pydantic.Field(min_length=3)]),
            (4, Annotated[int, annotated_types.Gt(4)]),
            ("nowhere", pydantic.AnyUrl),
        ],
    )
    def test_constraints_that_do_not(self, value, annotation):
        with pytest.raises(TypeMismatchError):
            check(value, annotation, what="it")

    def test_a_mapping_does_not_become_a_model_without_fields(self):
        assert isinstance(check(Model(rate=1), pydantic.BaseModel, what="it"), Model)
        with pytest.raises(TypeMismatchError):
            check({"rate": 1}, pydantic.BaseModel, what="it")

    def test_a_base_model_of_ones_own_is_a_model(self):
        own = pydantic.create_model("BaseModel", rate=(float, 0.5))

        assert check({"rate": 1}, own, what="it") == own(rate=1)

    def test_other_packages_with_a_similar_name_are_plain_classes(self):
        similar = type("Agent", (), {"__module__": "pydantic_ai"})

        with pytest.raises(TypeMismatchError):
            check(5, similar, what="it")

    def test_validators_may_change_the_value(self):
        trimmed = Annotated[str, pydantic.AfterValidator(str.strip)]

        assert check(" a ", trimmed, what="it") == "a"

    def test_pydantic_and_foreign_classes_mix(self):
        frame = pd.DataFrame()

        checked = check((frame, 5), tuple[pd.DataFrame, pydantic.PositiveInt], what="it")

        assert checked[0] is frame
        with pytest.raises(TypeMismatchError, match="greater than 0"):
            check((frame, -5), tuple[pd.DataFrame, pydantic.PositiveInt], what="it")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (None, "None"),
        (Any, "Any"),
        (pd.DataFrame, "DataFrame"),
        (list[int], "list[int]"),
        (typing.List[int], "list[int]"),  # noqa: UP006
        (typing.List, "list"),  # noqa: UP006
        (dict[str, list[int | None]], "dict[str, list[int | None]]"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Literal["a", 1], "Literal['a', 1]"),
        (Annotated[int, "x"], "int"),
        (tuple[int, ...], "tuple[int, ...]"),
        (tuple[()], "tuple[()]"),
        (Callable[[int], str], "Callable[[int], str]"),
        (Callable[..., str], "Callable[..., str]"),
        (type[int], "type[int]"),
        (UserId, "UserId"),
        (AnyT, "AnyT"),
        ("Frame", "Frame"),
        (unresolved("Frame"), "Frame"),
        (typing.ForwardRef("Frame"), "Frame"),
        (typing.Required[int], "int"),
        (typing.NoReturn, "NoReturn"),
    ],
)
def test_types_are_described_as_one_writes_them(annotation, text):
    assert describe(annotation) == text


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
class TestAliases:
    def test_an_alias_that_speaks_of_itself(self):
        space: dict = {}
        exec("type Json = int | str | list[Json] | dict[str, Json]", space)  # noqa: S102
        json = space["Json"]

        assert check([1, {"a": ["b"]}], json, what="it") == [1, {"a": ["b"]}]
        assert describe(json) == "Json"
        with pytest.raises(TypeMismatchError, match=r"must be `Json`"):
            check([1, {"a": [None]}], json, what="it")

    def test_an_alias_with_parameters(self):
        space: dict = {}
        exec("type Tree[T] = T | list[Tree[T]]\ntype Swapped[K, V] = dict[V, K]", space)  # noqa: S102

        assert check([1, [2, [3]]], space["Tree"][int], what="it") == [1, [2, [3]]]
        assert check({"a": 1}, space["Swapped"][int, str], what="it") == {"a": 1}
        with pytest.raises(TypeMismatchError):
            check([1, ["a"]], space["Tree"][int], what="it")
        with pytest.raises(TypeMismatchError):
            check({1: "a"}, space["Swapped"][int, str], what="it")
