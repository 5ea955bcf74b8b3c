"""Reading signatures and binding calls."""

import functools
import sys
import timeit
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.errors import ArgumentError, DeclarationError
from zenml.signatures.callables import place_of
from zenml.signatures.signature import read_signature, require_annotations
from zenml.signatures.type_check import check, describe

if typing.TYPE_CHECKING:
    from somewhere import Frame


def _train(data: list, /, rate: float = 0.1, *, epochs: int, name: str = "model") -> dict:
    return {"data": data, "rate": rate, "epochs": epochs, "name": name}


class TestReading:
    def test_parameters_keep_the_order_of_the_definition(self):
        assert list(read_signature(_train).parameters) == ["data", "rate", "epochs", "name"]

    def test_kinds_defaults_and_types_are_read(self):
        parameters = read_signature(_train).parameters

        assert [item.kind for item in parameters.values()] == [
            "positional_only",
            "positional_or_keyword",
            "keyword_only",
            "keyword_only",
        ]
        assert [item.annotation for item in parameters.values()] == [list, float, int, str]
        assert [item.has_default for item in parameters.values()] == [False, True, False, True]

    def test_the_result_name_and_place_are_read(self):
        signature = read_signature(_train)

        assert signature.returns is dict
        assert signature.name == "_train"
        assert signature.place.endswith(f"test_signature.py:{_train.__code__.co_firstlineno}")

    def test_a_missing_annotation_is_any(self):
        def function(x):
            return x

        signature = read_signature(function)

        assert signature.parameters["x"].annotation is typing.Any
        assert signature.returns is typing.Any

    def test_a_default_of_none_allows_none(self):
        def function(a: int = None, b: list[int] = None, c=None, d: int | None = None): ...  # noqa: RUF013

        types = [describe(item.annotation) for item in read_signature(function).parameters.values()]

        assert types == ["int | None", "list[int] | None", "Any", "int | None"]

    def test_extra_keywords_are_accepted(self):
        def function(a, **rest: int): ...

        signature = read_signature(function)

        assert signature.bind((1,), {"b": 2, "c": 3}) == {"a": 1, "b": 2, "c": 3}
        assert signature.annotation("b") is int
        assert signature.accepts("anything")
        assert signature.missing({}) == ["a"]

    def test_extra_positional_arguments_are_refused_with_a_remedy(self):
        def function(a, *files, flag=False): ...

        with pytest.raises(DeclarationError, match=r"takes `\*files`.*`files: list`"):
            read_signature(function)

    def test_a_wrapper_shows_what_it_wraps(self):
        @functools.wraps(_train)
        def wrapper(*args, **kwargs):
            return _train(*args, **kwargs)

        signature = read_signature(wrapper)

        assert list(signature.parameters) == ["data", "rate", "epochs", "name"]
        assert signature.place == place_of(_train)

    def test_a_wrapper_of_itself_ends(self):
        def function(a): ...

        function.__wrapped__ = function

        assert list(read_signature(function).parameters) == ["a"]

    def test_a_declared_signature_wins(self):
        import inspect

        def function(*args, **kwargs): ...

        function.__signature__ = inspect.signature(_train)

        assert list(read_signature(function).parameters) == ["data", "rate", "epochs", "name"]

    def test_objects_methods_and_partials_are_read(self):
        class Scale:
            def __call__(self, x: int, by: "float" = 2.0) -> float:
                return x * by

            def method(self, y: str): ...

        by_object = read_signature(Scale())
        by_method = read_signature(Scale().method)
        by_partial = read_signature(functools.partial(_train, [1], epochs=3))

        assert {key: item.annotation for key, item in by_object.parameters.items()} == {"x": int, "by": float}
        assert by_object.name == "Scale"
        assert list(by_method.parameters) == ["y"]
        assert by_partial.parameters["epochs"].default == 3
        assert "data" not in by_partial.parameters

    def test_a_callable_that_hides_its_parameters_is_refused(self):
        class Opaque:
            __signature__ = "nonsense"

            def __call__(self): ...

        with pytest.raises(DeclarationError, match="does not tell its parameters"):
            read_signature(Opaque())


class TestAnnotations:
    def test_text_is_resolved_with_globals_and_closure(self):
        class Local: ...

        def function(a: "functools.partial", b: "Local", c: "list['Local']"):
            return Local

        types = read_signature(function).parameters

        assert types["a"].annotation is functools.partial
        assert types["b"].annotation is Local
        assert typing.get_args(types["c"].annotation) == (Local,)

    def test_one_name_for_type_checkers_does_not_spoil_the_rest(self):
        def function(a: "Frame", b: "int", c: "dict[str, Frame] | None", d: "Frame.Row") -> "typing.Any": ...

        signature = read_signature(function)

        assert [describe(item.annotation) for item in signature.parameters.values()] == [
            "Frame",
            "int",
            "dict[str, Frame] | None",
            "Row",
        ]
        assert check(5, signature.parameters["a"].annotation, what="a") == 5
        assert check({"x": 5}, signature.parameters["c"].annotation, what="c") == {"x": 5}

    def test_typing_imported_for_type_checkers_still_means_typing(self):
        def function() -> "Annotated[Frame, 'rows']": ...  # noqa: F821

        assert read_signature(function).returns.__metadata__ == ("rows",)

    def test_text_that_cannot_be_evaluated_is_any(self):
        def function(a: "1 +", b: "len[3]", c: "1 / 0", d: None): ...  # noqa: F722

        assert [describe(item.annotation) for item in read_signature(function).parameters.values()] == [
            "Any",
            "Any",
            "Any",
            "None",
        ]

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
    def test_type_parameters_are_known(self):
        space: dict = {}
        exec("def function[T: int](a: 'T', b: 'Nowhere') -> list[T]: ...", space)  # noqa: S102

        parameter = read_signature(space["function"]).parameters["a"]

        assert parameter.annotation.__bound__ is int

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated late since Python 3.14")
    def test_late_annotations_with_an_unknown_name_are_read(self):
        space: dict = {}
        exec("def function(a: Nowhere, b: int, c: list[Nowhere]) -> None: ...", space)  # noqa: S102

        signature = read_signature(space["function"])

        assert signature.parameters["b"].annotation is int
        assert check("x", signature.parameters["a"].annotation, what="a") == "x"
        assert check(["x"], signature.parameters["c"].annotation, what="c") == ["x"]
        assert signature.returns is type(None)


class TestBinding:
    def test_only_given_arguments_are_bound(self):
        signature = read_signature(_train)

        assert signature.bind(([1],), {"epochs": 3}) == {"data": [1], "epochs": 3}
        assert signature.defaults() == {"rate": 0.1, "name": "model"}

    def test_missing_ones_are_listed_not_raised(self):
        signature = read_signature(_train)

        assert signature.missing(signature.bind((), {})) == ["data", "epochs"]

    def test_an_unknown_argument_is_named_with_close_matches_and_place(self):
        with pytest.raises(ArgumentError) as caught:
            read_signature(_train).bind((), {"epoch": 3}, what="step `train`")

        message = str(caught.value)
        assert message.startswith("Step `train` got an unknown argument `epoch`.")
        assert "Did you mean `epochs`?" in message
        assert "`data`, `rate`, `epochs`, `name`" in message
        assert "test_signature.py:" in message

    def test_an_argument_given_twice_is_named(self):
        with pytest.raises(ArgumentError, match="got `rate` twice"):
            read_signature(_train).bind(([1], 0.5), {"rate": 0.1})

    def test_too_many_positional_arguments_are_counted(self):
        with pytest.raises(ArgumentError, match="takes 2 positional arguments but 3 were given"):
            read_signature(_train).bind((1, 2, 3), {})

    def test_a_positional_only_parameter_has_no_keyword(self):
        with pytest.raises(ArgumentError, match="takes `data` by position only"):
            read_signature(_train).bind((), {"data": [1]})

    def test_a_function_without_parameters_says_so(self):
        with pytest.raises(ArgumentError, match="It accepts no arguments"):
            read_signature(lambda: None).bind((1,), {})

    def test_values_are_arranged_as_the_function_takes_them(self):
        args, kwargs = read_signature(_train).arrange({"epochs": 3, "data": [1]})

        assert _train(*args, **kwargs) == {"data": [1], "rate": 0.1, "epochs": 3, "name": "model"}

    def test_a_gap_among_positional_only_parameters_takes_the_default(self):
        def function(a=1, b=2, /):
            return a, b

        args, kwargs = read_signature(function).arrange({"b": 5})

        assert function(*args, **kwargs) == (1, 5)

    @given(
        given_by_position=st.integers(0, 3), given_by_name=st.sets(st.sampled_from(["a", "b", "c", "d", "z"]))
    )
    def test_binding_agrees_with_python(self, given_by_position, given_by_name):
        def function(a=0, b=0, c=0, *, d=0):
            return {"a": a, "b": b, "c": c, "d": d}

        args = tuple(range(1, given_by_position + 1))
        kwargs = dict.fromkeys(given_by_name, 9)
        signature = read_signature(function)
        try:
            expected = function(*args, **kwargs)
        except TypeError:
            with pytest.raises(ArgumentError):
                signature.bind(args, kwargs)
            return

        assert {**signature.defaults(), **signature.bind(args, kwargs)} == expected

    def test_binding_is_quick(self):
        """The budget is 2 µs; ten times that leaves room for a busy machine."""
        signature = read_signature(_train)

        best = min(timeit.repeat(lambda: signature.bind((1,), {"epochs": 2}), number=1000, repeat=5)) / 1000

        assert best < 20e-6


class TestRequiredAnnotations:
    def test_a_complete_function_passes(self):
        require_annotations(_train)

    def test_each_bare_parameter_and_the_result_are_named(self):
        def function(x, y: int, *, z): ...

        with pytest.raises(
            DeclarationError, match="annotation for parameter `x`, parameter `z` and the return value"
        ):
            require_annotations(function)

    def test_only_the_result(self):
        def function(x: int): ...

        with pytest.raises(DeclarationError, match="no type annotation for the return value"):
            require_annotations(function)

    def test_a_name_that_cannot_be_resolved_is_an_annotation_too(self):
        def function(x: "Frame") -> "Frame": ...

        require_annotations(function)

    def test_self_needs_none(self):
        class Callable:
            def __call__(self, x: int) -> int: ...

        require_annotations(Callable())
