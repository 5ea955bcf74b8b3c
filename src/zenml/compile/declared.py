"""What the compiler asks of a declared step or pipeline, whoever declared it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.config.precedence import Layers
    from zenml.signatures.outputs import OutputSpec
    from zenml.signatures.signature import Signature


class Declared(Protocol):
    """What steps and pipelines have in common."""

    layers: Layers

    @property
    def function(self) -> Callable[..., Any]:
        """The undecorated function."""

    @property
    def name(self) -> str:
        """The name it goes by in runs."""

    @property
    def signature(self) -> Signature:
        """The parameters of the function."""


def declared_as(value: Any) -> str | None:
    """Return what a value is if it is a declaration itself, such as "step `train`"; None for anything else."""
    if hasattr(type(value), "with_options") and hasattr(value, "entrypoint"):
        return f"{value.kind} `{value.name}`"
    return None


class DeclaredStep(Declared, Protocol):
    """A step as it was declared."""

    parameters: dict[str, Any]
    """Arguments fixed by `with_options` or `configure`."""

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs of the function."""


class DeclaredPipeline(Declared, Protocol):
    """A pipeline as it was declared."""
