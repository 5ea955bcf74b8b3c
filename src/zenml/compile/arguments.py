"""The arguments of a pipeline: of the call, which win, of the configuration, and its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zenml.compile.trace import check_complete
from zenml.config.placeholders import has_placeholder
from zenml.config.preview import preview
from zenml.errors import ArgumentError, ConfigurationError
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_check import from_config

if TYPE_CHECKING:
    from zenml.compile.declared import DeclaredPipeline
    from zenml.compile.outside import Outside
    from zenml.compile.variables import Variables

_PLAIN = (str, int, float, bytes, type(None))


def pipeline_arguments(
    pipeline: DeclaredPipeline,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    options: Mapping[str, Any],
    variables: Variables,
    outside: Outside,
) -> dict[str, Any]:
    """Return the value of every parameter of a pipeline, checked against its type."""
    signature, what = pipeline.signature, f"pipeline `{pipeline.name}`"
    given = signature.bind(args, kwargs, what=what)
    configured = {
        name: value
        for name, value in _configured(pipeline, options.get("parameters") or {}).items()
        if name not in given
    }
    check_complete(pipeline, {**configured, **given})
    arguments = {**signature.defaults(), **configured, **given}
    found = {}
    for name, value in arguments.items():
        annotation, told = signature.annotation(name), f"`{name}` of {what}"
        if name in configured and has_placeholder(value):
            found[name], _ = variables.argument(value, annotation, what=told)
        elif outside(value, f"{pipeline.name}::{name}") is not None or _holds_artifact(
            value, f"{pipeline.name}::{name}", outside
        ):
            found[name] = value
        else:
            found[name] = from_config(value, annotation, what=told)
    return found


def _holds_artifact(value: Any, name: str, outside: Outside) -> bool:
    """Tell whether a list or mapping has artifacts in it, which go to steps as they are."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return False
    return any(outside(item, name) is not None for item in value if not isinstance(item, _PLAIN))


def _configured(pipeline: DeclaredPipeline, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    signature = pipeline.signature
    if not isinstance(parameters, Mapping):
        raise ConfigurationError(
            f"`parameters` of pipeline `{pipeline.name}` is {preview(parameters)}. Give it a mapping of names to values."
        )
    for name in parameters:
        if not signature.accepts(name):
            raise ArgumentError(
                f"`parameters` of pipeline `{pipeline.name}` sets `{name}`, which it does not take. "
                f"{did_you_mean(name, signature.parameters)}It takes: {', '.join(signature.parameters) or 'none'}."
            )
    return parameters
