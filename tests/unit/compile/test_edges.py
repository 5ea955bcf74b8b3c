"""Checks on the wiring of a plan."""

from itertools import pairwise
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.compile.edges import annotated_names, check_collection, check_flow, check_order
from zenml.compile.handles import OutputHandle
from zenml.errors import DeclarationError, TypeMismatchError
from zenml.records.plan import Invocation


def calls(**graph):
    return [Invocation(name, "d", after=after) for name, after in graph.items()]


def test_an_edge_whose_types_may_fit_passes():
    check_flow(OutputHandle("load", "output", Any), int, "train", "data")


def test_an_edge_that_cannot_fit_is_refused_with_both_types():
    with pytest.raises(
        TypeMismatchError, match="Step `train` expects `data: int` but output `rows` of step `load` is `str`"
    ):
        check_flow(OutputHandle("load", "rows", str), int, "train", "data")


@pytest.mark.parametrize("annotation", [list, list[int], tuple, Any, object])
def test_outputs_in_a_list_fit_a_list(annotation):
    check_collection([1, 2], annotation, "join", "xs")


def test_outputs_in_a_list_do_not_fit_a_number():
    with pytest.raises(
        TypeMismatchError,
        match=r"Step `join` expects `xs: int` but gets a list of 2 outputs. Annotate `xs` as a list",
    ):
        check_collection([1, 2], int, "join", "xs")


def test_an_after_that_names_no_step_is_refused_with_a_close_id():
    with pytest.raises(
        DeclarationError,
        match=r"Step `b` of pipeline `p` is to run after `laod`.*Did you mean `load`\? The ids are: `load`, `b`",
    ):
        check_order(calls(load=(), b=("laod",)), "p")


def test_a_step_that_waits_for_itself_is_refused():
    with pytest.raises(DeclarationError, match="wait for each other: `a` → `a`"):
        check_order(calls(a=("a",)), "p")


@given(st.data(), st.integers(1, 12))
def test_a_cycle_is_found_exactly_where_there_is_one(data, size):
    names = [f"n{i}" for i in range(size)]
    graph = {name: tuple(data.draw(st.sets(st.sampled_from(names), max_size=3))) for name in names}

    def reaches(start):
        seen, stack = set(), list(graph[start])
        while stack:
            one = stack.pop()
            if one not in seen:
                seen.add(one)
                stack += graph[one]
        return start in seen

    try:
        check_order(calls(**graph), "p")
        refused = None
    except DeclarationError as error:
        refused = str(error)
    assert (refused is not None) == any(reaches(name) for name in names)


@given(st.data(), st.integers(1, 12))
def test_the_cycle_in_the_message_is_one(data, size):
    names = [f"n{i}" for i in range(size)]
    graph = {name: tuple(data.draw(st.sets(st.sampled_from(names), max_size=3))) for name in names}
    try:
        check_order(calls(**graph), "p")
    except DeclarationError as error:
        cycle = [part.strip(" `.") for part in str(error).split(": ", 1)[1].split(". ")[0].split("→")]
        assert cycle[0] == cycle[-1]
        assert all(after in graph[before] for before, after in pairwise(cycle))


@pytest.mark.parametrize(
    ("annotation", "count", "expected"),
    [
        (int, 1, [None]),
        (Annotated[int, "a"], 1, ["a"]),
        (Annotated[int, 5, "a"], 1, ["a"]),
        (Annotated[int, 5], 1, [None]),
        (tuple[int, Annotated[int, "b"]], 2, [None, "b"]),
        (tuple[int, int], 3, [None, None, None]),
        (Any, 2, [None, None]),
    ],
)
def test_names_are_read_from_the_annotation(annotation, count, expected):
    assert annotated_names(annotation, count) == expected
