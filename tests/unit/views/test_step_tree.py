"""What is one row, in which order, and where it stands."""

import pytest

from zenml.views.step_tree import Call, add_waiting, arrange, family_of


def elements(name, numbers, *after):
    return [Call(f"{name}[{number}]", after, map=name) for number in numbers]


def shape(calls, alike=5):
    return [f"{prefix}{row.label}" for prefix, row in arrange(calls, alike=alike)]


def test_the_elements_of_a_map_are_one_row_however_few():
    calls = [Call("load", ()), *elements("train", range(2), "load"), Call("best", ("train[0]", "train[1]"))]

    assert shape(calls) == ["load", "train", "best"]


def test_a_map_and_calls_of_a_step_of_the_same_name_are_two_rows():
    calls = [*elements("train", range(3)), *(Call(f"train_{n}", ()) for n in range(2, 8))]

    assert shape(calls) == ["train", "train_2 … train_7"]


def test_elements_are_in_their_order_whichever_began_first():
    rows = arrange(elements("train", (10, 9, 0)), alike=5)

    assert [call.id for call in rows[0][1].calls] == ["train[0]", "train[9]", "train[10]"]


def test_elements_of_a_product_are_in_their_order():
    rows = arrange(elements("train", ("10,2", "2,10", "2,9")), alike=5)

    assert [call.id for call in rows[0][1].calls] == ["train[2,9]", "train[2,10]", "train[10,2]"]


def test_plain_calls_of_a_loop_stand_in_their_order():
    assert shape([Call("load", ()), Call("look", ()), Call("look_2", ()), Call("tell", ())]) == [
        "load", "look", "look_2", "tell",
    ]  # fmt: skip


def test_what_waits_for_one_of_several_plain_calls_is_indented():
    """Else it would stand as if it had been called between them."""
    calls = [Call("load", ()), Call("look", ()), Call("fit", ("load",)), Call("best", ("fit",))]

    assert shape(calls) == ["load", "└─ fit", "   best", "look"]


def test_calls_of_which_only_a_number_is_known_count_with_their_row():
    drawn = arrange(elements("train", range(3)), alike=5)

    add_waiting(drawn, {"train[]": 7, "best": 1, "gone": 0})

    assert [(row.label, row.total, row.counts) for _, row in drawn] == [
        ("train", 10, {"waiting": 10}),
        ("best", 1, {"waiting": 1}),
    ]


@pytest.mark.parametrize(
    ("name", "family"),
    [("train", "train"), ("train_2", "train"), ("a_1_22", "a_1"), ("v2", "v2"), ("_3", ""), ("7", "7")],
)
def test_the_family_of_a_call(name, family):
    assert family_of(name) == family


def test_elements_with_keys_are_in_the_order_of_their_keys_however_long_these_are():
    rows = arrange(elements("train", ("'zoo'", "'a house'", "'b'")), alike=5)

    assert [call.id for call in rows[0][1].calls] == ["train['a house']", "train['b']", "train['zoo']"]
