"""Decide which outputs a step has, and split what it returns into them.

The rule for tuples, as the specification gives it: a `return` followed by a tuple literal makes several
outputs, everything else is one output. In full:

- `-> None` and `-> NoReturn`: no outputs.
- `-> Annotated[T, "name"]`: one output with that name, also when `T` is a tuple.
- `-> tuple[A, B]`: several outputs if at least one `return` is followed by a tuple literal, *or* if an
  element has a name of its own, as in `tuple[Annotated[int, "low"], int]`. The second goes beyond the
  words of the specification, for the name could not be used otherwise.
- `-> tuple[int, ...]`: one output, since the number of values is open by intent.
- no annotation, `Any` or a bare `tuple`: several outputs if a tuple literal follows a `return`; the
  literals then have to agree in length. A literal with a star has no length and does not count.
- anything else: one output.

One output is called `output`, several are `output_0`, `output_1` and so on, unless `Annotated` names
them. Where there are several, a `return` without a literal is fine: its value is looked at when it comes.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import msgspec

from zenml.config.preview import preview
from zenml.errors import DeclarationError, TypeMismatchError
from zenml.signatures.annotations import Unresolved, is_unresolved, read_annotations
from zenml.signatures.callables import AnyFunction, implementation, name_of, place_of, unwrap
from zenml.signatures.returns import tuple_lengths
from zenml.signatures.type_check import check
from zenml.signatures.type_names import bare, is_unpacked, unaliased

_GENERATOR = 0x20 | 0x200  # inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_NOTHING = (NoneType, typing.NoReturn, typing.Never)

# A name is a key, a folder and a file name. Braces hold a placeholder, such as `scores_{date}`.
_NAME = re.compile(r"[\w{](?:[\w .{}+-]*[\w}+-])?")
_LONGEST_NAME = 200


class OutputSpec(msgspec.Struct, frozen=True):
    """One output of a step.

    Attributes:
        annotation: the type of the value; `Annotated` only where constraints of other libraries remain.
        position: the place in the returned tuple, or None when the returned value itself is the output.
        materializer: the materializer class that `Annotated` carries, if any.
        config: the artifact configuration that `Annotated` carries, if any.
    """

    name: str
    annotation: Any = Any
    has_explicit_name: bool = False
    position: int | None = None
    materializer: Any = None
    config: Any = None


def read_outputs(function: AnyFunction) -> tuple[OutputSpec, ...]:
    """Read the outputs of a step function from its return annotation and its `return` statements.

    Raises:
        DeclarationError: the function is a generator, the tuples it returns do not fit its annotation or
            one another, or a name of an output is unusable or used twice.
    """
    function = unwrap(function)
    subject = f"Function `{name_of(function)}` ({place_of(function)})"
    code = getattr(implementation(function), "__code__", None)
    if code is not None and code.co_flags & _GENERATOR:
        raise DeclarationError(
            f"{subject} contains `yield`, and a generator cannot be stored as an output. "
            "Collect its values in a list and return the list."
        )
    annotation = read_annotations(function).get("return", Any)
    if any(annotation is nothing for nothing in _NOTHING):
        return ()
    elements = _elements(annotation, function, subject)
    if elements is None:
        return (_output(annotation, "output", None, subject),)
    outputs = tuple(_output(item, f"output_{index}", index, subject) for index, item in enumerate(elements))
    _refuse_duplicates(outputs, subject)
    return outputs


def split_result(value: object, outputs: Sequence[OutputSpec], *, step: str) -> list[object]:
    """Take a returned value apart into one value for each output, each checked against its type.

    Several outputs may come as a tuple or a list. The values can differ from what was returned where
    the check converts, as `check` describes.

    Raises:
        TypeMismatchError: there are too many or too few values, or one does not fit its annotation.
    """
    if not outputs:
        if value is not None:
            raise TypeMismatchError(
                f"Step `{step}` is annotated with `-> None` but returned {_shown(value)}. "
                "Return nothing, or annotate the step with the type of its output."
            )
        return []
    if outputs[0].position is None:
        values: Sequence[object] = (value,)
    else:
        values = _several(value, outputs, step)
    return [
        check(item, output.annotation, what=f"output `{output.name}` of step `{step}`")
        for item, output in zip(values, outputs, strict=True)
    ]


def _several(value: object, outputs: Sequence[OutputSpec], step: str) -> Sequence[object]:
    """Refuse a value that does not have one item for each output."""
    if isinstance(value, (tuple, list)) and len(value) == len(outputs):
        return value
    names = ", ".join(f"`{output.name}`" for output in outputs)
    count = f"{len(value)} values: " if isinstance(value, (tuple, list)) else ""
    raise TypeMismatchError(
        f"Step `{step}` has {len(outputs)} outputs ({names}) but returned {count}{_shown(value)}. "
        "Return a tuple with one value for each output, or change the return annotation."
    )


def _elements(annotation: Any, function: AnyFunction, subject: str) -> Sequence[Any] | None:
    """Give the types of several outputs; None when the returned value is one output."""
    if _name_in(annotation) is not None:
        return None
    inner = bare(annotation)
    if inner in (Any, tuple, typing.Tuple) or is_unresolved(inner):  # noqa: UP006
        return _elements_of_literals(function, subject)
    elements = get_args(inner)
    if get_origin(inner) is not tuple or not elements or ... in elements or any(map(is_unpacked, elements)):
        return None
    lengths = tuple_lengths(function)
    for length in lengths:
        if length not in {None, len(elements)}:
            raise DeclarationError(
                f"{subject} returns a tuple of {length} but is annotated with a tuple of {len(elements)}. "
                "Give the annotation one type for each value, or return as many values as it has types."
            )
    has_names = any(_name_in(element) is not None for element in elements)
    return elements if has_names or lengths else None


def _elements_of_literals(function: AnyFunction, subject: str) -> Sequence[Any] | None:
    """Give one untyped output for each value of the tuple literals that a function returns."""
    lengths = sorted(length for length in tuple_lengths(function) if length is not None)
    if len(lengths) > 1:
        listed = " and ".join(map(str, lengths))
        raise DeclarationError(
            f"{subject} returns tuples of {listed} values, so the number of its outputs is not clear. "
            "Return as many values everywhere, or put the tuple into a variable and return that, "
            "which makes it one output."
        )
    return [Any] * lengths[0] if lengths else None


def _output(annotation: Any, name: str, position: int | None, subject: str) -> OutputSpec:
    """Read what `Annotated` says about one output: a name, a materializer, a configuration."""
    annotation = unaliased(annotation)
    if get_origin(annotation) is not Annotated:
        return OutputSpec(name, annotation, position=position)
    explicit = _name_in(annotation)
    materializer = config = None
    constraints = []
    for item in annotation.__metadata__:
        if isinstance(item, type) and issubclass(item, Unresolved):
            continue
        if hasattr(item, "ASSOCIATED_TYPES"):
            materializer = item
        elif _is_config(item):
            config = item
        elif item != explicit:
            constraints.append(item)
    if explicit is not None and (len(explicit) > _LONGEST_NAME or not _NAME.fullmatch(explicit)):
        raise DeclarationError(
            f"{subject} names an output {preview(explicit)}, which cannot be the name of a file. "
            "Use letters, digits, spaces and `_`, `-`, `.`, with a letter, a digit or `_` at both ends."
        )
    # Any, because a type made from values is no type to a type checker.
    inner: Any = annotation.__origin__
    for item in constraints:
        inner = Annotated[inner, item]
    return OutputSpec(explicit or name, inner, explicit is not None, position, materializer, config)


def _name_in(annotation: Any) -> str | None:
    """Find the name that `Annotated` gives an output: its first text, or that of its configuration."""
    annotation = unaliased(annotation)
    if get_origin(annotation) is not Annotated:
        return None
    for item in annotation.__metadata__:
        if isinstance(item, str):
            return item
        if _is_config(item) and item.name is not None:
            return str(item.name)
    return None


def _is_config(item: Any) -> bool:
    """Recognise the configuration of an artifact by its shape, for any such class may be used."""
    return not isinstance(item, type) and hasattr(item, "name") and hasattr(item, "tags")


def _refuse_duplicates(outputs: Sequence[OutputSpec], subject: str) -> None:
    """Refuse two outputs of one name."""
    names = [output.name for output in outputs]
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(
                f"{subject} has two outputs called `{name}`. Give each a name of its own in `Annotated`."
            )


def _shown(value: object) -> str:
    return f"a value of type `{type(value).__name__}`: {preview(value)}"
