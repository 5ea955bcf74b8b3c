"""Arguments of steps that are plain values: checked, and written as the plan has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.declared import declared_as
from zenml.compile.handles import OutputHandle, StepHandle
from zenml.config.external_artifact import ExternalArtifact
from zenml.config.preview import preview
from zenml.config.unmapped import unmapped
from zenml.errors import ArgumentError, DeclarationError, MaterializerError
from zenml.records import values
from zenml.records.plan import Value
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_check import check, from_config
from zenml.signatures.type_names import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.compile.outside import Outside
    from zenml.compile.trace import TracedCall
    from zenml.records.run import Artifact


def parameter(value: Any, annotation: Any, what: str) -> Value:
    """Return a value as an argument of the plan.

    Raises:
        DeclarationError: it is a step or pipeline itself, or a call without outputs.
        TypeMismatchError: it does not fit its annotation.
        ArgumentError: it has no form in JSON.
    """
    if isinstance(value, StepHandle):
        raise DeclarationError(
            f"{what} is a call of step `{value.invocation_id}`, which has no outputs. To run after it, write `after=`."
        )
    declared = declared_as(value)
    if declared is not None:
        raise DeclarationError(
            f"{what} is {declared} itself, and not what it returns. Call it: `{value.name}()`."
        )
    if isinstance(value, unmapped):
        raise DeclarationError(
            f"{what} is {preview(value)}. `unmapped` is for the arguments of `map` and `product`; write the value alone."
        )
    value = from_config(value, annotation, what=what)
    try:
        return Value(msgspec.Raw(values.encode(value)))
    except MaterializerError as error:
        inside = _output_in(value)
        if inside is not None:
            raise ArgumentError(
                f"{what} is a {describe(type(value))} with {preview(inside)} in it. Outputs are passed alone or in a list: "
                "give each an argument of its own, or put them together in a step."
            ) from error
        raise ArgumentError(
            f"{what} is a {describe(type(value))}, which cannot be a parameter: {error} Make it in a step and pass "
            "that step's output instead, or have it stored: `ExternalArtifact(value=…)`."
        ) from error


def find_external(outside: Outside, value: Any, annotation: Any, name: str, what: str) -> Artifact | None:
    """Return the artifact that an argument stands for, if it stands for one; a value is checked before it is stored.

    Raises:
        TypeMismatchError: the value of an `ExternalArtifact` does not fit the annotation.
        MaterializerError: it cannot be stored.
    """
    if isinstance(value, ExternalArtifact) and value.has_value:
        check(value.value, annotation, what=what)
    try:
        return outside(value, name)
    except MaterializerError as error:
        if type(error) is not MaterializerError:
            raise
        raise MaterializerError(f"{what}: {error}") from error


def check_complete(call: TracedCall, settled: Mapping[str, Any], fixed: Iterable[str], pipeline: str) -> None:
    """Raise for parameters of a step that got no value, and for fixed arguments that it does not take."""
    signature = call.step.signature
    for name in fixed:
        if not signature.accepts(name):
            raise ArgumentError(
                f"`parameters` of step `{call.step.name}` sets `{name}`, which it does not take ({signature.place}). "
                f"{did_you_mean(name, signature.parameters)}It takes: {', '.join(f'`{one}`' for one in signature.parameters) or 'none'}."
            )
    missing = signature.missing(settled)
    if not missing:
        return
    names = ", ".join(f"`{name}`" for name in missing)
    remedy = "Pass it in the call, set it in the configuration, or give it a default."
    if missing[0] == "self":
        remedy = "A step is no method: move the function out of its class."
    raise ArgumentError(
        f"Step `{call.id}` of pipeline `{pipeline}` needs a value for {names} ({signature.place}). {remedy}"
    )


def _output_in(value: Any, depth: int = 10) -> OutputHandle | None:
    """Return an output that is somewhere inside a mapping or list."""
    if isinstance(value, OutputHandle):
        return value
    if not depth or not isinstance(value, (dict, list, tuple, set)):
        return None
    items = value.values() if isinstance(value, dict) else value
    return next((found for item in items if (found := _output_in(item, depth - 1)) is not None), None)
