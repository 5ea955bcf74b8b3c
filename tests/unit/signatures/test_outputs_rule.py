"""Which outputs a step has, and how its result is split."""

import functools
import linecache
import sys
import textwrap
import time
import typing
from typing import Annotated, Any, NamedTuple, NoReturn, Tuple  # noqa: UP035 - users write it

import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from zenml.errors import DeclarationError, TypeMismatchError
from zenml.signatures import returns
from zenml.signatures.outputs import OutputSpec, read_outputs, split_result


def names(function):
    return [output.name for output in read_outputs(function)]


def make(source, name="step", *, has_source=True, **space):
    """Define a function from text, with or without a source that can be found."""
    source = textwrap.dedent(source).lstrip()
    filename = f"<made {hash(source)} {has_source}>"
    if has_source:
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    space.update(Annotated=Annotated, Any=Any)
    exec(compile(source, filename, "exec"), space)  # noqa: S102
    return space[name]


class TestAnnotations:
    def test_none_has_no_output(self):
        def nothing() -> None: ...
        def never() -> NoReturn: ...
        def as_text() -> "None": ...

        assert [read_outputs(function) for function in (nothing, never, as_text)] == [(), (), ()]

    def test_one_type_is_one_output_called_output(self):
        def step() -> int:
            return 1

        assert read_outputs(step) == (OutputSpec("output", int),)

    def test_no_annotation_is_one_output_of_any_type(self):
        def step():
            return 1

        assert read_outputs(step) == (OutputSpec("output", Any),)

    @pytest.mark.parametrize("form", [typing.Annotated, typing_extensions.Annotated])
    def test_annotated_names_the_output(self, form):
        def step() -> form[int, "five"]:  # noqa: F821
            return 5

        assert read_outputs(step) == (OutputSpec("five", int, has_explicit_name=True),)

    def test_a_name_for_the_whole_tuple_makes_it_one_output(self):
        def step() -> Annotated[tuple[int, int], "pair"]:
            return 1, 2

        assert read_outputs(step) == (OutputSpec("pair", tuple[int, int], has_explicit_name=True),)

    def test_types_of_several_outputs(self):
        def step() -> Tuple[Annotated[int, "quotient"], float]:  # noqa: UP006
            return 1, 2.0

        assert read_outputs(step) == (
            OutputSpec("quotient", int, has_explicit_name=True, position=0),
            OutputSpec("output_1", float, position=1),
        )

    def test_text_annotations_mean_the_same(self):
        def step() -> "tuple[Annotated[int, 'low'], Missing]":  # noqa: F821
            return 1, 2

        assert names(step) == ["low", "output_1"]

    def test_other_metadata_is_kept_apart(self):
        class Config(NamedTuple):
            name: str
            tags: list

        class Writer:
            ASSOCIATED_TYPES = (int,)

        config = Config("from_config", ["a"])

        def step() -> tuple[Annotated[int, Writer, "first", 3], Annotated[int, config]]:
            return 1, 2

        first, second = read_outputs(step)
        assert (first.name, first.materializer, first.annotation) == ("first", Writer, Annotated[int, 3])
        assert (second.name, second.config, second.annotation) == ("from_config", config, int)
        assert second.has_explicit_name

    @pytest.mark.parametrize(
        "name", ["", "a/b", "..", ".hidden", "-flag", "a\nb", "x" * 201, "end ", "a\\b", "a:b"]
    )
    def test_a_name_that_cannot_be_a_file_is_refused(self, name):
        def step() -> Annotated[int, name]: ...

        with pytest.raises(DeclarationError, match="cannot be the name of a file"):
            read_outputs(step)

    @pytest.mark.parametrize(
        "name", ["a", "my_metrics", "train-set.v2", "größe", "training set", "scores_{date}", "5"]
    )
    def test_usual_names_are_accepted(self, name):
        def step() -> Annotated[int, name]: ...

        assert names(step) == [name]

    @pytest.mark.parametrize(
        "annotation",
        [tuple[Annotated[int, "x"], Annotated[int, "x"]], tuple[int, Annotated[int, "output_0"]]],
    )
    def test_two_outputs_of_one_name_are_refused(self, annotation):
        def step() -> annotation:
            return 1, 2

        with pytest.raises(DeclarationError, match="two outputs called"):
            read_outputs(step)

    def test_generators_are_refused_with_a_remedy(self):
        def step() -> typing.Iterator[int]:
            yield 1

        async def late():
            yield 1

        for function in (step, late):
            with pytest.raises(DeclarationError, match="return the list"):
                read_outputs(function)

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
    def test_an_alias_is_looked_through(self):
        step = make("""
            type Score = Annotated[float, "score"]
            type Pair = tuple[Score, int]
            def step() -> Pair:
                return 1.0, 2
        """)

        assert names(step) == ["score", "output_1"]


LITERALS = [
    "return 0, 1",
    "return (0, 1)",
    "return a, b",
    "return (a, b)",
    "return (a, (b, c))",
    "return (\n        a,\n        b,\n    )",
    "return a, lambda: (1, 2, 3)",
    "if a: return a, b",
    "with a: return a, b",
    "with a: return 1, 2",
    "for i in a: return i, b",
    "while a: return a, b",
    "if a: return helper()\n    return a, b",
    "try: return a, b\n    except ValueError: return 0, 1",
]
OTHERS = [
    "return a",
    "return",
    "return None",
    "pass",
    "v = (0, 1)\n    return v",
    "v = a, b\n    return v",
    "return (1, 2) if a else (3, 4)",
    "return (a, b) if a else (b, c)",
    "return a or (b, c)",
    "return (a, b)[0]",
    "return (v := (a, b))",
    "return [(a, b)]",
    "return {(a, b)}",
    "return helper((a, b))",
    "return tuple([a, b])",
    "return lambda: (1, 2)",
    "return not (a, b)",
    "def inner(): return 1, 2\n    return inner()",
    "class Inner:\n        def method(self): return 1, 2\n    return Inner",
    "for v in (1, 2), (3, 4): return v",
    "return ()",
    "return divmod(a, b)",
    "return (yes for yes in ((1, 2), (3, 4)))",
    "return a if a else (b, c)",
    "return a == (b, c)",
    "return (a, b) + (c, a)",
    "return helper((a, b), None)",
    "return helper(v=(a, b))",
    "return (\n        (a, b) if c else (b, a)\n    )",
    "return (\n        not (a, b)\n    )",
    "return a in (1, 2)",
    "return (a, b) < c < (b, a)",
    "for i in a: return (a, b) if c else (b, a)",
    "with a: return helper((a, b))",
    "with a: return c",
    "return [*a, b]",
    "return tuple([*a, b])",
    "return f'{(a, b)}'",
    "assert a, (1, 2)",
    "(x, y) = (a, b)\n    return x",
    "del a, b",
]


class TestTupleRule:
    """The same answers from source and, where it is gone, from bytecode."""

    @pytest.mark.parametrize("has_source", [True, False])
    @pytest.mark.parametrize("body", LITERALS)
    def test_a_literal_behind_return_makes_several_outputs(self, body, has_source):
        step = make(f"def step(a, b, c) -> tuple[int, int]:\n    {body}\n", has_source=has_source)

        assert names(step) == ["output_0", "output_1"]

    @pytest.mark.parametrize("has_source", [True, False])
    @pytest.mark.parametrize("body", OTHERS)
    def test_anything_else_is_one_output(self, body, has_source):
        step = make(f"def step(a, b, c) -> tuple[int, int]:\n    {body}\n", has_source=has_source)

        assert names(step) == ["output"]

    @pytest.mark.parametrize("has_source", [True, False])
    @pytest.mark.parametrize("body", LITERALS)
    def test_the_literal_counts_the_outputs_of_a_bare_function(self, body, has_source):
        step = make(f"def step(a, b, c):\n    {body}\n", has_source=has_source)

        assert read_outputs(step) == (OutputSpec("output_0", position=0), OutputSpec("output_1", position=1))

    @pytest.mark.parametrize("has_source", [True, False])
    def test_a_literal_of_one_is_one_output_without_its_tuple(self, has_source):
        step = make("def step(a):\n    return a,\n", has_source=has_source)

        outputs = read_outputs(step)

        assert outputs == (OutputSpec("output_0", position=0),)
        assert split_result((7,), outputs, step="s") == [7]

    @pytest.mark.parametrize("annotation", ["", " -> tuple", " -> Any", " -> 'Missing'"])
    def test_a_type_that_says_nothing_leaves_it_to_the_literal(self, annotation):
        step = make(f"def step(a, b, c){annotation}:\n    return a, b, c\n")

        assert names(step) == ["output_0", "output_1", "output_2"]

    @pytest.mark.parametrize("annotation", ["tuple[int, ...]", "int", "list[int]", "tuple[int, int] | None"])
    def test_other_types_are_one_output_whatever_is_returned(self, annotation):
        step = make(f"def step(a, b) -> {annotation}:\n    return a, b\n")

        assert names(step) == ["output"]

    @pytest.mark.parametrize("has_source", [True, False])
    def test_a_star_makes_the_number_of_values_open(self, has_source):
        bare = make("def step(a, b):\n    return *a, b\n", has_source=has_source)
        typed = make("def step(a, b) -> tuple[int, int]:\n    return *a, b\n", has_source=has_source)

        assert names(bare) == ["output"]
        assert names(typed) == ["output_0", "output_1"]

    def test_named_elements_are_outputs_without_a_literal_too(self):
        def step(a, b) -> tuple[Annotated[int, "quotient"], Annotated[int, "rest"]]:
            return divmod(a, b)

        assert names(step) == ["quotient", "rest"]

    @pytest.mark.parametrize("has_source", [True, False])
    def test_a_literal_of_another_length_than_the_annotation_is_refused(self, has_source):
        step = make("def step() -> tuple[int, int, int]:\n    return 1, 2\n", has_source=has_source)

        with pytest.raises(DeclarationError, match="returns a tuple of 2 but is annotated with a tuple of 3"):
            read_outputs(step)

    def test_literals_of_two_lengths_are_refused_without_an_annotation(self):
        step = make("def step(a):\n    if a: return 1, 2\n    return 1, 2, 3\n")

        with pytest.raises(DeclarationError, match="tuples of 2 and 3 values"):
            read_outputs(step)

    def test_code_that_is_never_reached_counts(self):
        step = make(
            "def step() -> tuple[int, int]:\n    raise NotImplementedError\n    return (\n        1,\n        2,\n    )\n"
        )

        assert names(step) == ["output_0", "output_1"]

    def test_async_functions_follow_the_rule(self):
        async def step() -> tuple[int, int]:
            return 1, 2

        assert names(step) == ["output_0", "output_1"]

    def test_a_lambda_has_no_return(self):
        assert names(lambda: (1, 2)) == ["output"]

    def test_a_wrapper_shows_the_returns_of_what_it_wraps(self):
        def step() -> tuple[int, int]:
            return 1, 2

        @functools.wraps(step)
        def wrapper(*args, **kwargs):
            return step(*args, **kwargs)

        assert names(wrapper) == ["output_0", "output_1"]

    def test_an_indented_function_with_decorators_and_loose_text_is_found(self):
        def decorate(*_names):
            return lambda function: function

        @decorate(
            "one",
            "two",
        )
        def step() -> tuple[int, str]:
            """Text
            at the margin.
            """
            # a comment
            return (
                1,
                """
(
""",
            )

        assert names(step) == ["output_0", "output_1"]

    def test_source_that_changed_since_is_not_trusted(self):
        step = make("def step() -> tuple[int, int]:\n    return 1, 2\n")
        filename = step.__code__.co_filename
        changed = ["def other() -> int:\n", "    return 1\n"]
        linecache.cache[filename] = (1, None, changed, filename)

        assert names(step) == ["output_0", "output_1"]

    @pytest.mark.parametrize("debug_ranges", [True, False])
    def test_python_without_positions_still_sees_plain_literals(self, debug_ranges):
        import subprocess

        options = [] if debug_ranges else ["-X", "no_debug_ranges"]
        program = "\n".join(  # noqa: FLY002
            [
                "from zenml.signatures.outputs import read_outputs",
                "def f() -> tuple[int, int]:\n    return 1, 2",
                "def g(a) -> tuple[int, int]:\n    v = a, a\n    return v",
                "print(len(read_outputs(f)), len(read_outputs(g)))",
            ]
        )
        done = subprocess.run(
            [sys.executable, *options, "-c", program], capture_output=True, text=True, check=True
        )

        assert done.stdout.split() == ["2", "1"]

    @given(st.data())
    def test_source_and_bytecode_agree(self, data):
        body = "\n    ".join(data.draw(st.lists(st.sampled_from(LITERALS + OTHERS), min_size=1, max_size=3)))
        by_source = make(f"def step(a, b, c):\n    {body}\n")
        by_code = make(f"def step(a, b, c):\n    {body}\n", has_source=False)

        found = returns.tuple_lengths(by_code)

        # Only what is never reached can differ: the compiler leaves it out.
        assert found <= returns.tuple_lengths(by_source)

    def test_the_first_reading_is_quick(self):
        """The budget is 1 ms; of processor time, ten times that leaves room for a busy machine."""
        body = "".join(f"    x{line} = [{line}, '{line}']\n" for line in range(60))
        step = make(f"def step() -> tuple[int, int]:\n{body}    return 1, 2\n")
        read_outputs(make("def step():\n    return 1\n"))

        begin = time.thread_time()
        read_outputs(step)

        assert time.thread_time() - begin < 0.01


class TestSplitting:
    pair = (OutputSpec("low", int, position=0), OutputSpec("high", int, position=1))

    def test_one_output_is_the_value_itself(self):
        assert split_result((1, 2), (OutputSpec("output", tuple[int, int]),), step="s") == [(1, 2)]

    @pytest.mark.parametrize("value", [(1, 2), [1, 2]])
    def test_several_values_are_taken_apart(self, value):
        assert split_result(value, self.pair, step="s") == [1, 2]

    def test_no_outputs_take_none_only(self):
        assert split_result(None, (), step="s") == []
        with pytest.raises(
            TypeMismatchError, match=r"Step `s` is annotated with `-> None` but returned .*`int`: 5"
        ):
            split_result(5, (), step="s")

    @pytest.mark.parametrize("value", [(1,), (1, 2, 3), None, 5, "ab"])
    def test_another_number_of_values_is_refused(self, value):
        with pytest.raises(
            TypeMismatchError, match="Step `s` has 2 outputs \\(`low`, `high`\\) but returned"
        ):
            split_result(value, self.pair, step="s")

    def test_each_value_is_checked(self):
        with pytest.raises(
            TypeMismatchError, match="Output `high` of step `s` must be `int`, but is `str`: 'x'"
        ):
            split_result((1, "x"), self.pair, step="s")
