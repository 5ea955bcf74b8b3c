"""Estimators of boosting libraries: an object of the library's own class whose attributes are stored one by one."""

from __future__ import annotations

import importlib
from collections import OrderedDict, defaultdict
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.errors import ArtifactDamagedError, MaterializerError
from zenml.materializers.composite_materializer import CompositeMaterializer

_PREFIX = "defaultdict:"
_FACTORIES = {"OrderedDict": OrderedDict, "dict": dict, "list": list}


class BoostedModelMaterializer(CompositeMaterializer):
    """Takes an estimator apart into its class and its attributes; the booster has a materializer of its own."""

    LIBRARY: ClassVar[str]
    ASSOCIATED_ARTIFACT_TYPE = ArtifactType.MODEL

    @classmethod
    def take_apart(cls, value: Any) -> Any:
        """Return the class and the attributes."""
        kind = type(value)
        if getattr(importlib.import_module(cls.LIBRARY), kind.__name__, None) is not kind:
            raise MaterializerError(f"`{kind.__qualname__}` is not one of {cls.LIBRARY}'s own classes.")
        return [kind.__name__, {name: without_default(item) for name, item in vars(value).items()}]

    @classmethod
    def put_together(cls, content: Any) -> Any:
        """Return the estimator; its constructor is not called again."""
        name, attributes = content
        kind = getattr(importlib.import_module(cls.LIBRARY), name, None)
        if not isinstance(kind, type) or not kind.__module__.startswith(f"{cls.LIBRARY}."):
            raise ArtifactDamagedError(
                f"`{name}` is no class of {cls.LIBRARY}. Install the version it was stored with, or run the producing"
                " step again."
            )
        made: Any = object.__new__(kind)
        vars(made).update({name: with_default(item) for name, item in attributes.items()})
        return made

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Return class and parameters."""
        parameters = {name: repr(value) for name, value in data.get_params(deep=False).items()}
        return {"class": type(data).__name__, "parameters": parameters}


def without_default(value: Any) -> Any:
    """Return what says a dictionary with a default, which LightGBM uses for its scores."""
    if type(value) is not defaultdict:
        return value
    factory = value.default_factory
    name = getattr(factory, "__name__", "")
    if _FACTORIES.get(name) is not factory:
        raise MaterializerError("An attribute is a `defaultdict` with a factory of its own.")
    return (_PREFIX + name, dict(value))


def with_default(value: Any) -> Any:
    """Return what `without_default` was given."""
    if (
        type(value) is tuple
        and len(value) == 2
        and isinstance(value[0], str)
        and value[0].startswith(_PREFIX)
    ):
        return defaultdict(_FACTORIES[value[0].removeprefix(_PREFIX)], value[1])
    return value
