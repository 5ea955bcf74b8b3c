"""What a declared step and a declared pipeline have in common: a function and layers of options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar

from zenml.config.precedence import Layers
from zenml.config.preview import preview
from zenml.errors import ConfigurationError, DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.config.precedence import Level
    from zenml.signatures.signature import Signature

P = ParamSpec("P")
R = TypeVar("R")

_COPIED = ("__module__", "__name__", "__qualname__", "__doc__")


class Declaration(ABC, Generic[P, R]):
    """A decorated function. Decorating stores it with its options; nothing is read or checked yet."""

    kind: str
    """What it is called in messages."""

    def __init__(self, function: Callable[P, R], options: Mapping[str, Any]) -> None:
        self._check_function(function)
        for attribute in _COPIED:
            setattr(self, attribute, getattr(function, attribute, None))
        self.__wrapped__ = self.__zenml_function__ = self.function = function
        self._signature: Signature | None = None
        self.name = ""
        """The name it goes by in runs: that of its function unless `name=` says otherwise."""
        self._set_layers(Layers({"decorator": options}))

    def _check_function(self, function: Any) -> None:
        """Raise for anything that is no function to be declared."""
        if isinstance(function, Declaration):
            raise DeclarationError(
                f"`@{self.kind}` was given `{function.name}`, which is a {function.kind} already. Decorate a "
                f"function once; change options with `{function.name}.with_options(…)`, and call "
                f"`{function.name}()` in the function of a pipeline to make it a part of that."
            )
        if isinstance(function, type):
            raise DeclarationError(
                f"`@{self.kind}` was given the class `{function.__name__}`. Put it above a function, which may use "
                "the class."
            )
        if not callable(function):
            hint = " A name is given as `name=`." if isinstance(function, str) else ""
            raise DeclarationError(
                f"`@{self.kind}` was given {preview(function)}. Put it above a function.{hint}"
            )

    @property
    def entrypoint(self) -> Callable[P, R]:
        """The undecorated function."""
        return self.function

    @property
    def signature(self) -> Signature:
        """The parameters of the function, read when first asked for."""
        if self._signature is None:
            from zenml.signatures.signature import read_signature

            self._signature = read_signature(self.function)
        return self._signature

    def configure(self, *, merge: bool = True, **options: Any) -> Self:
        """Change the options; return the object itself.

        Args:
            merge: whether mappings and lists are merged with what was said before; False replaces them.
            options: the options.
        """
        self._add("configure", options, is_merged=merge)
        return self

    def with_options(self, *, merge: bool = True, **options: Any) -> Self:
        """Return a copy with other options; the original stays as it is.

        Args:
            merge: whether mappings and lists are merged with what was said before; False replaces them.
            options: the options.
        """
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._add("with_options", options, is_merged=merge)
        return copy

    def with_layers(self, layers: Layers) -> Self:
        """Return a copy of which other things are said."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._set_layers(layers)
        return copy

    @abstractmethod
    def _add(self, level: Level, options: Mapping[str, Any], *, is_merged: bool) -> None:
        """Take options at a level, after checking that they exist."""

    def _set_layers(self, layers: Layers) -> None:
        self.layers = layers
        named = layers.merged().get("name")
        if named is not None and not (isinstance(named, str) and named.strip() and named.isprintable()):
            raise ConfigurationError(
                f"The `name` of a {self.kind} is {preview(named)}. Give it a printable text, or leave it out to call it "
                "by the name of its function."
            )
        self.name = named or str(getattr(self.function, "__name__", None) or type(self.function).__name__)

    def __repr__(self) -> str:
        return f"<{self.kind} `{self.name}`>"
