"""Several outputs as one argument: a list stays a list, a tuple a tuple, unless the annotation wants the other."""

import pytest

from zenml import pipeline, step


@step
def one(x: int) -> int:
    return x


@step
def seen(items) -> str:
    return f"{type(items).__name__} {list(items)}"


@step
def as_list(items: list[int]) -> str:
    return f"{type(items).__name__} {items}"


@step
def as_tuple(items: tuple[int, ...]) -> str:
    return f"{type(items).__name__} {items}"


@pytest.mark.parametrize(
    ("target", "container", "expected"),
    [
        (seen, list, "list [1, 2]"),
        (seen, tuple, "tuple [1, 2]"),
        (as_list, list, "list [1, 2]"),
        (as_list, tuple, "list [1, 2]"),
        (as_tuple, list, "tuple (1, 2)"),
        (as_tuple, tuple, "tuple (1, 2)"),
    ],
    ids=["any-list", "any-tuple", "list-list", "list-tuple", "tuple-list", "tuple-tuple"],
)
@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_outputs_together(zenml_store, target, container, expected, runtime):
    chosen = target.with_options(runtime=runtime)

    @pipeline
    def flow():
        chosen(container([one(1), one(2)]))

    assert flow().steps[target.name].output.load() == expected


def test_a_list_is_not_answered_with_the_result_of_a_tuple(zenml_lab):
    @pipeline
    def flow(container):
        seen((one(1), one(2)) if container == "tuple" else [one(1), one(2)])

    assert flow("tuple").steps["seen"].output.load() == "tuple [1, 2]"
    assert flow("list").steps["seen"].output.load() == "list [1, 2]"
