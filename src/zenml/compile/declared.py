"""What the compiler asks of a declared step or pipeline, whoever declared it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.compile.outputs import OutputSpec
    from zenml.compile.signature import Signature
    from zenml.config.precedence import Layers


class DeclaredStep(Protocol):
    """A step as it was declared."""

    function: Callable[..., Any]
    layers: Layers
    parameters: dict[str, Any]
    """Arguments fixed by `with_options` or `configure`."""

    @property
    def name(self) -> str: ...
    @property
    def signature(self) -> Signature: ...
    @property
    def outputs(self) -> tuple[OutputSpec, ...]: ...


class DeclaredPipeline(Protocol):
    """A pipeline as it was declared."""

    function: Callable[..., Any]
    layers: Layers

    @property
    def name(self) -> str: ...
    @property
    def signature(self) -> Signature: ...
