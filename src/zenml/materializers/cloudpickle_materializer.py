"""The last resort: anything that can be pickled. Needs trust to load, and says so once per type.

A pickle is tied to the versions of Python and of the libraries it was made with, and loading
it runs code. So it is only read back from the store that recorded it, and
`ZENML_ALLOW_PICKLE=0` turns it off altogether.
"""

from __future__ import annotations

import warnings
from typing import Any

from zenml.errors import MaterializerError, ZenMLError
from zenml.materializers import pickling
from zenml.materializers.blob_materializer import BlobMaterializer
from zenml.records.type_names import label

_warned: set[str] = set()


class PickleFallbackWarning(UserWarning):
    """A value was pickled because no materializer is made for its type."""


class CloudpickleMaterializer(BlobMaterializer):
    """Stores a value as a pickle."""

    SHORT_NAME = "cloudpickle"
    EXTENSION = "pickle"

    @classmethod
    def to_bytes(cls, value: Any) -> bytes:
        """Return the value as a pickle."""
        check_allowed(f"A value of type `{label(type(value))}` can only be stored as a pickle")
        try:
            _check_is_data(value)
            return pickling.dumps(value)
        except RecursionError as error:
            raise MaterializerError(
                f"A value of type `{label(type(value))}` cannot be stored: it is nested too deeply. Return a flatter"
                " structure, or write a materializer for its type."
            ) from error
        except Exception as error:  # pickling runs the value's own code, which may raise anything
            raise MaterializerError(
                f"A value of type `{label(type(value))}` cannot be stored: {_reason(error)}. Return the data it stands"
                " for (a list instead of a generator, the content instead of an open file or connection), or write"
                " a materializer for its type."
            ) from error

    def from_bytes(self, data: bytes) -> Any:
        """Load a pickle."""
        check_allowed("The artifact was stored as a pickle")
        try:
            return pickling.loads(data)
        except ZenMLError:
            raise
        except Exception as error:  # unpickling runs the value's own code, which may raise anything
            raise MaterializerError(
                f"A pickled artifact cannot be loaded: {_reason(error)}. Install the packages, in the versions, that"
                " it was stored with, put moved classes back, or run the producing step again."
            ) from error


def warn_once(kind: type, reason: str | None) -> None:
    """Warn that values of a type are pickled, the first time in this process."""
    name = label(kind)
    if name in _warned:
        return
    _warned.add(name)
    why = reason or "No materializer is made for its type."
    warnings.warn(
        f"A value of type `{name}` is stored as a pickle, which is tied to the versions it was made with and can"
        f" only be loaded from this store. {why} Write a materializer for the type,"
        " or return data of simpler types. `ZENML_ALLOW_PICKLE=0` makes this an error.",
        PickleFallbackWarning,
        stacklevel=2,
    )


def check_allowed(what: str) -> None:
    """Raise if pickles are forbidden; `what` says which value needs one."""
    if not pickling.is_allowed():
        raise MaterializerError(
            f"{what}, and `ZENML_ALLOW_PICKLE` forbids pickles. Write a materializer for the type, return data of"
            " simpler types, or unset the variable."
        )


def _check_is_data(value: Any) -> None:
    """Refuse what could be pickled and yet is no data: modules, and iterators such as `map` and `zip`."""
    if isinstance(value, type(warnings)):
        raise TypeError("a module is code, not data")
    if type(value).__module__ in ("builtins", "itertools") and hasattr(value, "__next__"):
        raise TypeError("an iterator can be read only once")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")
