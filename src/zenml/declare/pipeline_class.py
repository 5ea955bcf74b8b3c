"""`@pipeline` on a class: making an instance gives a pipeline that can be configured, calling that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.declare.pipeline import Pipeline
from zenml.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = ("connect", "__call__", "run")
"""The method that calls the steps is the first of these that a class has."""


class PipelineClass:
    """A decorated class. Its instances are pipelines, each with the arguments of its constructor.

    Example:
        `my_pipeline = MyPipeline(); my_pipeline.configure(enable_cache=False); my_pipeline()`
    """

    def __init__(self, class_: type, options: Mapping[str, Any]) -> None:
        self.__name__ = class_.__name__
        self.__qualname__ = class_.__qualname__
        self.__module__ = class_.__module__
        self.__doc__ = class_.__doc__
        self.__wrapped__ = class_
        self._options = {"name": class_.__name__, **options}
        self._method = next((name for name in METHODS if callable(_attribute_of(class_, name))), "")
        if not self._method:
            raise DeclarationError(
                f"`@pipeline` was given the class `{class_.__name__}`, which has none of the methods "
                f"{', '.join(f'`{name}`' for name in METHODS)}. Add one that calls the steps."
            )

    def __call__(self, *args: Any, **kwargs: Any) -> Pipeline[Any]:
        """Make an instance; return the pipeline of its method, which does not run yet."""
        instance = self.__wrapped__(*args, **kwargs)
        return Pipeline(getattr(instance, self._method), self._options)

    def __repr__(self) -> str:
        return f"<pipeline class `{self.__name__}`>"


def _attribute_of(class_: type, name: str) -> Any:
    """Return an attribute that the instances of a class have; its own call makes instances and is none."""
    return next((vars(one)[name] for one in class_.__mro__ if name in vars(one)), None)
