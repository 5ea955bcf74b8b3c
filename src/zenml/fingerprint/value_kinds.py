"""Take well-known values apart, into a label and the inner values that make up what they are.

One function for each kind of value that is neither a plain container nor an object of the project: how a
bound method, a compiled pattern, an array or a type annotation is to be read. `code_values` writes the result.
"""

from __future__ import annotations

import functools
import hashlib
import io
import sys
import types
from collections.abc import Callable
from typing import Any

from zenml.fingerprint.packages import module_name, package_of_type

Parts = tuple[str, str, tuple[object, ...]]
"""A label, the module whose package counts ("" for none), and the inner values."""


def parts_of(value: Any, kind: type) -> Parts | None:
    """Return the parts of a value of a known kind, or None."""
    known = _KNOWN.get(kind)
    if known is not None:
        return known(value)
    module = module_name(kind)
    root = module.partition(".")[0]
    if module in _FAITHFUL:
        return kind.__qualname__, module, (repr(value),)
    if root in {"operator", "_operator"}:
        return kind.__qualname__, "", (value.__reduce__()[1],)
    if issubclass(kind, BaseException) and module == "builtins":
        return kind.__qualname__, "", value.args
    if root == "os" and kind.__name__ == "_Environ":
        return "harmless", "", ("os.environ",)  # declared variables are part of the cache key by themselves
    if root == "logging":
        return "logging", "", (kind.__qualname__, _string(value, "name"))
    if root in _HARMLESS or _is_stream_or_logger(kind):
        return "harmless", module, (f"{module}.{kind.__qualname__}",)
    if root in {"collections", "_collections"} and kind.__name__ == "_tuplegetter":
        return "field", "", ()  # of a named tuple, whose `_fields` say the rest
    if root == "numpy":
        return _numpy_parts(value, kind)
    if root == "pandas":
        return _pandas_parts(value, kind)
    if root == "array":
        return "array", "", (value.typecode, value.tobytes())
    if root == "typing":
        return _typing_parts(value, kind)
    return None


def is_enum(kind: type) -> bool:
    """Tell whether the class is an enumeration."""
    metaclass: type = type(kind)
    return any(base.__module__ == "enum" and base.__name__ == "EnumType" for base in metaclass.__mro__)


def _builtin(value: Any) -> Parts:
    """Return the parts of a function or method written in C; what it is bound to counts, unless a module."""
    owner = getattr(value, "__self__", None)
    inner = () if owner is None or isinstance(owner, types.ModuleType) else (owner,)
    return f"builtin {value.__qualname__}", str(getattr(value, "__module__", None) or "builtins"), inner


def _descriptor(value: Any) -> Parts:
    """Return the parts of a method or attribute of a class written in C, or of a slot."""
    owner = value.__objclass__
    return f"{owner.__qualname__}.{value.__name__}", str(owner.__module__), ()


def _alias(value: Any) -> Parts:
    """Return the parts of `list[int]` and `int | str`."""
    return type(value).__name__, "", (getattr(value, "__origin__", None), *value.__args__)


_KNOWN: dict[type, Callable[[Any], Parts]] = {
    object: lambda _: ("object", "", ()),
    range: lambda value: (repr(value), "", ()),
    slice: lambda value: ("slice", "", (value.start, value.stop, value.step)),
    bytearray: lambda value: ("bytearray", "", (bytes(value),)),
    memoryview: lambda value: ("memoryview", "", (value.tobytes(),)),
    types.MappingProxyType: lambda value: ("mappingproxy", "", (dict(value),)),
    types.SimpleNamespace: lambda value: ("namespace", "", (vars(value),)),
    types.MethodType: lambda value: ("method", "", (value.__func__, value.__self__)),
    types.BuiltinFunctionType: _builtin,
    types.MethodWrapperType: lambda value: (f"wrapper {value.__name__}", "", (value.__self__,)),
    types.WrapperDescriptorType: _descriptor,
    types.MethodDescriptorType: _descriptor,
    types.ClassMethodDescriptorType: _descriptor,
    types.GetSetDescriptorType: _descriptor,
    types.MemberDescriptorType: lambda value: (f"slot {value.__name__}", "", ()),
    types.GenericAlias: _alias,
    types.UnionType: _alias,
    property: lambda value: ("property", "", (value.fget, value.fset, value.fdel)),
    staticmethod: lambda value: ("staticmethod", "", (value.__func__,)),
    classmethod: lambda value: ("classmethod", "", (value.__func__,)),
    functools.cached_property: lambda value: ("cached_property", "", (value.func,)),
    functools.partial: lambda value: ("partial", "", (value.func, value.args, value.keywords)),
    functools.partialmethod: lambda value: ("partialmethod", "", (value.func, value.args, value.keywords)),
    functools.singledispatchmethod: lambda value: (
        "singledispatchmethod",
        "",
        (value.func, value.dispatcher),
    ),
    functools._lru_cache_wrapper: lambda value: ("lru_cache", "", (value.__wrapped__,)),
}

# Modules whose values have a `repr` that tells all of them.
_FAITHFUL = frozenset(
    {
        "datetime",
        "decimal",
        "_decimal",
        "fractions",
        "uuid",
        "pathlib",
        "pathlib._local",
        "zoneinfo",
        "ipaddress",
        "re",
    }
)
# Packages whose objects hold the state of a process, not something that a result depends on.
_HARMLESS = frozenset(
    {
        "_thread", "threading", "_io", "io", "_socket", "socket", "_ssl", "ssl", "_contextvars", "contextvars",
        "weakref", "_weakref", "_weakrefset", "_abc", "_queue", "queue", "asyncio", "_asyncio", "concurrent",
        "selectors", "multiprocessing", "warnings", "_tkinter", "subprocess", "tempfile", "tqdm",
    }
)  # fmt: skip


def _is_stream_or_logger(kind: type) -> bool:
    """Tell whether objects of a package are files or write logs; `sys.stdout` is often replaced by such a one."""
    is_either = issubclass(kind, io.IOBase) or kind.__qualname__.endswith("Logger")
    return is_either and package_of_type(kind) is not None


def _string(value: Any, name: str) -> str:
    found = getattr(value, name, "")
    return found if isinstance(found, str) else ""


def _numpy_parts(value: Any, kind: type) -> Parts | None:
    """Return the parts of an array by its bytes, of a scalar, or of a data type."""
    names = {base.__name__ for base in kind.__mro__}
    if kind.__name__ == "ndarray":
        if value.dtype.hasobject:
            return "ndarray", "numpy", (repr(value.dtype), value.shape, value.tolist())
        data = value.data if value.flags.c_contiguous and value.dtype.kind not in "mM" else value.tobytes()
        return "ndarray", "numpy", (repr(value.dtype), value.shape, hashlib.sha256(data).hexdigest())
    if "generic" in names:
        return "scalar", "numpy", (repr(value.dtype), value.tobytes())
    if "dtype" in names:
        return "dtype", "numpy", (repr(value),)
    if "ufunc" in names:
        return "ufunc", "numpy", (value.__name__,)
    return None


def _pandas_parts(value: Any, kind: type) -> Parts | None:
    """Return the parts of a frame, series or index, by the hashes that pandas makes of its rows."""
    if not {"DataFrame", "Series", "Index"} & {base.__name__ for base in kind.__mro__}:
        return None
    hashes = sys.modules["pandas"].util.hash_pandas_object(value)
    is_frame = hasattr(value, "columns")
    names = list(value.columns) if is_frame else value.name
    types_ = [str(each) for each in value.dtypes] if is_frame else str(value.dtype)
    return kind.__name__, "pandas", (names, types_, hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest())


def _typing_parts(value: Any, kind: type) -> Parts:
    """Return the parts of an annotation, without evaluating what it may leave open."""
    state = getattr(value, "__dict__", {})
    if "__args__" in state:
        origin = (state.get("__origin__"), *state["__args__"], *state.get("__metadata__", ()))
        return f"typing {state.get('_name')}", "", origin
    if kind.__name__ == "ForwardRef":
        return "forward", "", (value.__forward_arg__,)
    name = getattr(value, "__name__", None) or getattr(value, "_name", None)
    return f"typing {kind.__name__}", "", (name if isinstance(name, str) else "",)
