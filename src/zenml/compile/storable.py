"""Checks before a run that what steps return can be stored at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_origin

from zenml.errors import ConfigurationError, MaterializerError
from zenml.materializers import pickling, registry
from zenml.signatures.type_names import bare, describe

if TYPE_CHECKING:
    from zenml.compile.declared import DeclaredStep
    from zenml.records.plan import StepOptions

_NEVER_STORED = frozenset(
    (
        "_thread.lock",
        "_thread.RLock",
        "builtins.generator",
        "builtins.module",
        "socket.socket",
        "builtins.coroutine",
        "collections.abc.Generator",
        "collections.abc.Iterator",
        "collections.abc.AsyncGenerator",
        "collections.abc.AsyncIterator",
        "collections.abc.Coroutine",
        "collections.abc.Awaitable",
    )
)


def check_outputs(step: DeclaredStep, options: StepOptions) -> None:
    """Raise when an output's materializer does not exist, or no materializer can take its declared type.

    Raises:
        ConfigurationError: a materializer is named that cannot be imported.
        MaterializerError: a declared type cannot be stored.
    """
    for output in step.outputs:
        chosen = options.output_materializers.get(output.name, ())
        for path in chosen:
            try:
                registry.resolve(path)
            except ConfigurationError as error:
                raise ConfigurationError(
                    f"Output `{output.name}` of step `{step.name}` ({step.signature.place}): {error}"
                ) from error
        kind = bare(output.annotation)
        kind = get_origin(kind) or kind
        if chosen or output.materializer is not None or not isinstance(kind, type) or kind is object:
            continue
        where = (
            f"Output `{output.name}` of step `{step.name}` ({step.signature.place}) is a `{describe(kind)}`"
        )
        if f"{kind.__module__}.{kind.__qualname__}" in _NEVER_STORED:
            raise MaterializerError(
                f"{where}, which cannot be stored. Return the data it stands for instead, such as a list."
            )
        if (
            not pickling.is_allowed()
            and registry.find(kind).SHORT_NAME == registry.FALLBACK
            and not _is_abstract(kind)
        ):
            raise MaterializerError(
                f"{where}, for which there is no materializer, and `ZENML_ALLOW_PICKLE=0` forbids to pickle it. "
                "Name one with `output_materializers=`, or return data of another type."
            )


def _is_abstract(kind: type) -> bool:
    """Tell whether values of a type are of other, more concrete types, which decide when they come."""
    return bool(getattr(kind, "__abstractmethods__", None)) or getattr(kind, "_is_protocol", False)
