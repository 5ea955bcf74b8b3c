"""The live side of a step definition: the function that a process calls, and how it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.signatures.outputs import OutputSpec, read_outputs
from zenml.signatures.signature import Signature, read_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.compile.hook_options import LiveHooks


class Program:
    """A function with its parameters, outputs and hooks, read once."""

    __slots__ = ("function", "hooks", "name", "outputs", "signature")

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        signature: Signature | None = None,
        outputs: tuple[OutputSpec, ...] | None = None,
        hooks: LiveHooks | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self.signature = read_signature(function) if signature is None else signature
        self.outputs = read_outputs(function) if outputs is None else outputs
        self.hooks = hooks or {}
