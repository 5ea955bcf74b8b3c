"""Check a value against its annotation, and say precisely what does not fit.

Values pass unchanged, with two exceptions that users of pydantic expect: a mapping becomes the model
that the annotation asks for, and types with pydantic's constraints return what pydantic makes of the
value. Nothing else is converted here; `from_config` and `from_text` convert what users write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from zenml.config.preview import preview
from zenml.errors import TypeMismatchError
from zenml.signatures.type_match import is_model, is_pydantic_type, is_typed_dict, matcher, parts
from zenml.signatures.type_names import (
    bare,
    capitalised,
    describe,
    describe_exactly,
    remembered,
    unaliased,
    union_members,
)

_CONSTRAINT_MODULES = frozenset({"pydantic", "pydantic_core", "annotated_types"})


def check(value: Any, annotation: Any, *, what: str) -> Any:
    """Return a value that fits its annotation.

    Args:
        what: what the value is, for the message: "parameter `data` of step `train`".

    Raises:
        TypeMismatchError: the value does not fit.
    """
    if not matcher(annotation).matches(value):
        for member in union_members(bare(annotation)):
            if is_model(member) and isinstance(value, Mapping):
                return validate(value, member, what=what)
        raise mismatch(value, annotation, what=what)
    return validate(value, annotation, what=what) if is_constrained(annotation) else value


def mismatch(value: object, annotation: Any, *, what: str) -> TypeMismatchError:
    """Make the error for a value that does not fit, pointing at the innermost part that does not."""
    path, part, expected = _locate(value, annotation)
    are_namesakes = describe(expected) == describe(type(part))
    name = describe_exactly if are_namesakes else describe
    wanted, found, subject = name(annotation), name(type(part)), capitalised(what)
    remedy = "Give it a value of that type, or change the annotation."
    lacks = _missing_keys(part, expected)
    if lacks:
        return TypeMismatchError(f"{subject} must be `{wanted}`, but `value{path}` lacks {lacks}. {remedy}")
    if not path:
        return TypeMismatchError(f"{subject} must be `{wanted}`, but is `{found}`: {preview(part)}. {remedy}")
    return TypeMismatchError(
        f"{subject} must be `{wanted}`, but `value{path}` is `{found}` instead of `{name(expected)}`: "
        f"{preview(part)}. {remedy}"
    )


@remembered
def is_constrained(annotation: Any) -> bool:
    """Tell whether pydantic has a say about the values of a type, besides their classes."""
    pending, seen = [annotation], []
    while pending:
        item = pending.pop()
        if isinstance(item, str) or item in seen:  # an alias may speak of itself
            continue
        seen.append(item)
        item = unaliased(item)
        if get_origin(item) is Annotated:
            if any(map(_is_constraint, item.__metadata__)):
                return True
            item = item.__origin__
        if is_pydantic_type(item):
            return True
        if get_origin(item) is not Literal:
            pending.extend(get_args(item))
    return False


def validate(value: object, annotation: Any, *, what: str) -> Any:
    """Let pydantic check and convert a value.

    Raises:
        TypeMismatchError: pydantic refuses the value; its own error is the cause.
    """
    adapter = _adapter(annotation)
    if adapter is None:
        return value
    try:
        return adapter.validate_python(value)
    except ValueError as error:  # pydantic's ValidationError
        reasons = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'the value'}: {item['msg']}"
            for item in error.errors()  # type: ignore[attr-defined]  # pydantic's own addition
        )
        raise TypeMismatchError(
            f"{capitalised(what)} does not fit `{describe(annotation)}`: {reasons}. "
            f"It is `{type(value).__name__}`: {preview(value)}. Correct the value, or change the annotation."
        ) from error


def _locate(value: Any, annotation: Any, path: str = "") -> tuple[str, Any, Any]:
    """Walk down to the innermost part that does not fit: its path, the part, the type it should have."""
    annotation = bare(annotation)
    shaped = [member for member in union_members(annotation) if _has_shape(value, member)]
    if len(shaped) == 1:
        annotation = bare(shaped[0])
        for reach, part, type_ in parts(value, annotation):
            if not matcher(type_).matches(part):
                return _locate(part, type_, path + reach)
    return path, value, annotation


def _has_shape(value: object, annotation: Any) -> bool:
    """Tell whether a value is the container that a type asks for, whatever is in it."""
    annotation = bare(annotation)
    return matcher(dict if is_typed_dict(annotation) else get_origin(annotation) or annotation).matches(value)


def _missing_keys(value: object, annotation: Any) -> str:
    """List the keys that a `TypedDict` requires and a dictionary lacks."""
    if not is_typed_dict(annotation) or not isinstance(value, dict):
        return ""
    return ", ".join(f"the key {key!r}" for key in sorted(annotation.__required_keys__ - value.keys()))


def _is_constraint(mark: object) -> bool:
    module = type(mark).__module__.partition(".")[0]
    return module in _CONSTRAINT_MODULES or hasattr(mark, "__get_pydantic_core_schema__")


@remembered
def _adapter(annotation: Any) -> Any:
    """Make pydantic's validator for a type; None if pydantic is missing or does not know the type."""
    try:
        import pydantic
    except ImportError:
        return None  # its constraints are notes for the reader then: `annotated_types` alone checks nothing
    try:
        return pydantic.TypeAdapter(annotation)
    except pydantic.errors.PydanticSchemaGenerationError:
        try:
            lenient = pydantic.ConfigDict(arbitrary_types_allowed=True)
            return pydantic.TypeAdapter(annotation, config=lenient)
        except pydantic.errors.PydanticUserError:
            return None
