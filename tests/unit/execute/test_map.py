"""Maps on an engine without threads: what is gone through, what elements are called, what comes back."""

import gc

import numpy as np
import pytest

from zenml import ExternalArtifact, Failure, pipeline, step, unmapped
from zenml.errors import ArgumentError, ContextError, DeclarationError, StepCancelledError
from zenml.records.run import StepRun


@step
def double(x: int) -> int:
    return 2 * x


@step
def add(x: int, y: int) -> int:
    return x + y


@step
def total(xs: list[int]) -> int:
    return sum(xs)


@step
def together(parts: dict[str, int]) -> int:
    return sum(parts.values())


@step
def picky(x: int) -> int:
    if x % 3 == 0:
        raise ValueError(f"no {x}")
    return x


@step
def numbers(n: int) -> list[int]:
    return list(range(n))


@step
def both(x: int) -> tuple[int, str]:
    return x, str(x)


@step
def norm(a: np.ndarray) -> float:
    return float(a.sum())


def dynamic(function, **options):
    """Run a function as a dynamic pipeline; return what it returned, and the run."""
    found = []

    @pipeline(dynamic=True, **options)
    def flow():
        found.append(function())

    run = flow()
    return found[0], run


def states(lab):
    run = lab.runs[-1]
    return {one.invocation_id: one.status for one in lab.store.select(StepRun, run_id=run.id)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, 2, 3], [2, 4, 6]),
        ((4, 5), [8, 10]),
        (range(3), [0, 2, 4]),
        (np.array([1, 2]), [2, 4]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 4}),
        ({1: 7}, {1: 14}),
        ([], []),
        ({}, {}),
        (iter(()), []),
        ({"a": 1}.values(), [2]),
    ],
)
def test_what_is_gone_through(zenml_lab, given, expected):
    assert dynamic(lambda: double.map(given).load())[0] == expected


def test_ids_count_from_zero_and_a_second_map_has_a_name_of_its_own(zenml_lab):
    def function():
        double.map([1, 2])
        double.map({"north": 3})
        double(9)
        double.map([5], id="mine")

    dynamic(function)

    assert [*states(zenml_lab)] == ["double[0]", "double[1]", "double_2['north']", "double_3", "mine[0]"]
    found = {one.invocation_id: one.invocation.map for one in zenml_lab.store.select(StepRun)}
    assert found["double_2['north']"] == "double_2"
    assert found["double_3"] is None


def test_an_iterator_is_asked_only_as_far_as_elements_end(zenml_lab):
    asked, ahead = [], []

    def items():
        for i in range(50):
            asked.append(i)
            yield i

    @step(enable_cache=False)
    def look(x: int) -> int:
        ahead.append(len(asked) - x)
        return x

    result, _ = dynamic(lambda: look.map(items(), max_concurrency=3).load())

    assert result == list(range(50))
    assert max(ahead) <= 3


def test_nothing_is_asked_of_an_iterator_while_the_function_goes_on(zenml_lab):
    asked = []

    def function():
        found = double.map(asked.append(i) or i for i in range(5))
        before = list(asked)
        return before, found.load()

    assert dynamic(function)[0] == ([], [0, 2, 4, 6, 8])


def test_chained_maps_depend_element_by_element(zenml_lab):
    def function():
        first = double.map([1, 2, 3])
        return add.map(first, unmapped(10)).load()

    assert dynamic(function)[0] == [12, 14, 16]
    upstream = {
        one.invocation_id: one.invocation.upstream()
        for one in zenml_lab.store.select(StepRun)
        if one.invocation_id.startswith("add")
    }
    assert upstream == {f"add[{i}]": (f"double[{i}]",) for i in range(3)}


def test_a_chain_longer_than_any_window(zenml_lab):
    result, _ = dynamic(lambda: double.map(double.map(range(700))).load())

    assert result == [4 * i for i in range(700)]


def test_the_value_of_a_step_is_gone_through_and_its_call_comes_before(zenml_lab):
    result, _ = dynamic(lambda: double.map(numbers.submit(3)).load())

    assert result == [0, 2, 4]
    elements = [one for one in zenml_lab.store.select(StepRun) if one.invocation.map]
    assert {one.invocation.after for one in elements} == {("numbers",)}


def test_a_list_of_futures(zenml_lab):
    assert dynamic(lambda: double.map([double.submit(1), double(2), 3]).load())[0] == [4, 8, 6]


def test_product(zenml_lab):
    assert dynamic(lambda: add.product([1, 2], (i for i in (10, 20))).load())[0] == [11, 21, 12, 22]


def test_product_of_mappings_and_of_maps(zenml_lab):
    def function():
        named = add.product({"a": 1}, {"x": 10, "y": 20}).load()
        return named, add.product(double.map([1, 2]), double.map([5])).load(), add.product([], [1]).load()

    assert dynamic(function)[0] == ({("a", "x"): 11, ("a", "y"): 21}, [12, 14], [])


def test_passed_to_a_step_it_is_the_list_or_dict_of_its_outputs(zenml_lab):
    def function():
        results = double.map([1, 2])
        named = double.map({"a": 3, "b": 4})
        return total(results).load(), together(named).load(), total(double.map([])).load()

    assert dynamic(function)[0] == (6, 14, 0)


def test_several_outputs_are_unpacked(zenml_lab):
    def function():
        counts, texts = both.map([1, 2]).unpack()
        return counts.load(), texts.load(), total(counts).load(), double.map(counts).load()

    assert dynamic(function)[0] == ([1, 2], ["1", "2"], 3, [2, 4])


def test_several_outputs_as_one_are_refused(zenml_lab):
    with pytest.raises(DeclarationError, match="unpack"):
        dynamic(lambda: total(both.map([1])))


def test_a_pipeline_returns_a_map(zenml_lab):
    @pipeline(dynamic=True)
    def flow():
        return double.map(range(3))

    assert [one.load() for one in flow().outputs] == [0, 2, 4]


def test_another_order_is_answered_from_the_cache(zenml_lab):
    def function(items):
        return lambda: norm.map(items).load()

    rows = [np.full(3, i) for i in range(4)]
    assert dynamic(function(rows))[0] == [0.0, 3.0, 6.0, 9.0]
    assert dynamic(function(rows[::-1]))[0] == [9.0, 6.0, 3.0, 0.0]
    assert set(states(zenml_lab).values()) == {"cached"}


def test_equal_values_are_stored_once(zenml_lab):
    dynamic(lambda: norm.map([np.ones(3), np.ones(3)]), enable_cache=False)

    assert len([one for one in zenml_lab.client.list_artifact_versions() if "::norm::" in one.name]) == 1


def test_element_values_are_not_kept_in_memory(zenml_lab):
    class Watched(np.ndarray):
        pass

    def count():
        gc.collect()
        return sum(isinstance(one, np.ndarray) and one.shape == (7, 11) for one in gc.get_objects())

    left = []

    @step(enable_cache=False)
    def size(a: np.ndarray) -> int:
        left.append(count())
        return a.size

    dynamic(lambda: size.map((np.full((7, 11), i) for i in range(40)), max_concurrency=2).wait())

    assert max(left) < 10


def test_an_artifact_is_an_item(zenml_lab):
    assert dynamic(lambda: double.map([ExternalArtifact(value=4), 5]).load())[0] == [8, 10]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: double.map("abc"), "unmapped"),
        (lambda: double.map(5), "unmapped"),
        (lambda: double.map({1, 2}), "sorted"),
        (lambda: add.map([1, 2], [1, 2, 3]), "`x` has 2, `y` has 3"),
        (lambda: add.map({"a": 1}, {"b": 1}), "different keys"),
        (lambda: add.map({"a": 1}, [1]), "the mapping `x` and the list `y`"),
        (lambda: double.map(unmapped(1)), "no argument to go through"),
        (lambda: double.map([1], max_concurrency=0), "1 or more"),
        (lambda: double.map([1], on_error="ignore"), "`collect`"),
        (lambda: double.map([1, "two"]), "double"),
    ],
)
def test_what_cannot_be_mapped_raises_in_the_function_and_leaves_nothing(zenml_lab, call, says):
    def function():
        with pytest.raises(Exception, match=says):
            call()
        return double.map([1]).load()

    assert dynamic(function)[0] == [2]
    assert [*states(zenml_lab)] == ["double[0]"]


def test_lengths_of_iterators_show_late(zenml_lab):
    def function():
        found = add.map(iter([1, 2]), iter([1, 2, 3]))
        with pytest.raises(ArgumentError, match="`x` has 2, and `y` goes on"):
            found.load()
        return [one.load() for one in found]

    assert dynamic(function)[0] == [2, 4]


def test_outside_of_dynamic_pipelines(zenml_lab):
    @pipeline
    def flow():
        double.map([1])

    with pytest.raises(ContextError, match="not dynamic"):
        flow()
    with pytest.raises(ContextError, match="no pipeline is running"):
        double.map([1])
    with pytest.raises(DeclarationError, match="unmapped"):
        dynamic(lambda: double(unmapped(1)))


def test_a_parameter_named_like_a_keyword_of_ours_wins(zenml_lab):
    @step
    def limited(max_concurrency: int) -> int:
        return max_concurrency

    assert dynamic(lambda: limited.map(max_concurrency=[3, 4]).load())[0] == [3, 4]


def test_finish_runs_everything_and_names_the_elements(zenml_lab):
    def function():
        with pytest.raises(
            ExceptionGroup, match=r"2 of 4 elements of map `picky` failed: \[1\], \[3\]"
        ) as caught:
            picky.map([1, 3, 5, 6]).load()
        return caught.value.exceptions

    errors, run = dynamic(function)

    assert [str(one) for one in errors] == ["no 3", "no 6"]
    assert errors[0].__notes__[0].startswith("Element 1 of map `picky`: x=3.")
    assert run.status == "completed"
    assert [*states(zenml_lab).values()] == ["completed", "failed", "completed", "failed"]


def test_fail_fast_cancels_what_has_not_begun(zenml_lab):
    def function():
        with pytest.raises(ExceptionGroup, match="failed") as caught:
            picky.map([1, 3, 5, 6, 9], on_error="fail_fast").load()
        return len(caught.value.exceptions)

    assert dynamic(function)[0] == 1
    # The step that begins in the very turn in which the first one failed goes on to its end.
    assert [*states(zenml_lab).values()] == ["completed", "failed", "completed", "skipped", "skipped"]


def test_fail_fast_closes_the_generator(zenml_lab):
    closed = []

    def items():
        try:
            for i in range(1, 10_000):
                yield i
        finally:
            closed.append(i)

    def function():
        with pytest.raises(ExceptionGroup):
            picky.map(items(), on_error="fail_fast", max_concurrency=2).load()

    dynamic(function)

    assert closed
    assert closed[0] < 10


def test_collect_leaves_holes_and_the_run_completes(zenml_lab):
    def function():
        found = picky.map([1, 3, 5], on_error="collect")
        return found.load(), total(found).load()

    (results, summed), run = dynamic(function)

    assert [results[0], results[2], summed] == [1, 5, 6]
    assert isinstance(results[1], Failure)
    assert (results[1].element, results[1].key, str(results[1].exception)) == ("picky[1]", 1, "no 3")
    assert run.status == "completed"


def test_collect_without_a_join_does_not_fail_the_run(zenml_lab):
    assert dynamic(lambda: picky.map([3], on_error="collect").running())[1].status == "completed"


def test_collected_failures_of_a_mapping_are_left_out_by_name(zenml_lab):
    assert dynamic(lambda: together(picky.map({"a": 1, "b": 3}, on_error="collect")).load())[0] == 1


def test_a_failure_that_nobody_takes_fails_the_run(zenml_lab):
    with pytest.raises(ValueError, match="no 3"):
        dynamic(lambda: picky.map([3]).running())
    assert zenml_lab.runs[-1].status == "failed"


def test_a_generator_that_raises_is_a_failure_of_the_map(zenml_lab):
    def items():
        yield 1
        raise OSError("the list is gone")

    def function():
        found = double.map(items())
        with pytest.raises(OSError, match="the list is gone"):
            found.load()
        return found[0].load()

    result, run = dynamic(function)
    assert (result, run.status) == (2, "completed")
    with pytest.raises(OSError, match="the list is gone"):
        dynamic(lambda: double.map(items()).running())
    assert zenml_lab.runs[-1].status == "failed"


def test_a_step_that_fails_is_the_failure_of_the_map_over_its_value(zenml_lab):
    @step
    def broken() -> list[int]:
        raise OSError("no numbers")

    def function():
        with pytest.raises(OSError, match="no numbers"):
            double.map(broken.submit()).load()
        return 1

    assert dynamic(function)[1].status == "completed"


def test_cancel_stops_and_closes_an_endless_generator(zenml_lab):
    closed = []

    def endless():
        i = 0
        try:
            while True:
                i += 1
                yield i
        finally:
            closed.append(i)

    def function():
        found = double.map(endless(), max_concurrency=2)
        seen = []
        for future in found:
            seen.append(future.load())
            if len(seen) == 5:
                break
        assert found.cancel()
        with pytest.raises(StepCancelledError, match="cancelled"):
            found.load()
        return seen

    result, run = dynamic(function)
    assert (result, run.status) == ([2, 4, 6, 8, 10], "completed")
    assert closed[0] < 10


def test_futures_of_a_map(zenml_lab):
    def function():
        found = double.map([5, 6])
        assert (len(found), found.running(), found.done()) == (2, True, False)
        assert sorted(one.load() for one in found.as_completed()) == [10, 12]
        assert (found.running(), found.done(), found.wait(0)) == (False, True, True)
        named = double.map({"a": 1})
        assert (named["a"].load(), found[-1].load(), found[1].load(), found[:1][0].load()) == (2, 12, 12, 10)
        with pytest.raises(KeyError):
            named["b"]
        with pytest.raises(IndexError):
            found[2]
        told = []
        found.add_done_callback(told.append)
        assert told == [found]
        assert found.exception() is None
        return [one.load() for one in found.result()]

    assert dynamic(function)[0] == [10, 12]


def test_the_length_of_an_iterator_is_known_at_its_end(zenml_lab):
    def function():
        found = double.map(iter([1, 2]))
        with pytest.raises(TypeError, match="Nobody knows"):
            len(found)
        found.wait()
        return len(found)

    assert dynamic(function)[0] == 2


def test_only_the_element_that_failed_is_tried_again(zenml_lab):
    calls = []

    @step(retry={"max_retries": 1}, enable_cache=False)
    def shaky(x: int) -> int:
        calls.append(x)
        if x == 2 and calls.count(2) == 1:
            raise ValueError("once")
        return x

    assert dynamic(lambda: shaky.map([1, 2, 3]).load())[0] == [1, 2, 3]
    assert sorted(calls) == [1, 2, 2, 3]


def test_a_generator_may_call_steps(zenml_lab):
    def items():
        for i in range(3):
            yield double(i).load()

    result, run = dynamic(lambda: double.map(items(), max_concurrency=1).load())

    assert result == [0, 4, 8]
    assert len(run.steps) == 6


def test_after_a_map(zenml_lab):
    def function():
        first = double.map([1, 2])
        return double.submit(7, after=first).load()

    dynamic(function)
    found = {one.invocation_id: one.invocation.after for one in zenml_lab.store.select(StepRun)}
    assert found["double_2"] == ("double[0]", "double[1]")


def test_a_function_that_fails_ends_an_endless_map(zenml_lab):
    def endless():
        while True:
            yield 1

    def function():
        next(iter(double.map(endless()))).load()
        raise OSError("enough")

    with pytest.raises(OSError, match="enough"):
        dynamic(function)
