"""Read the parameters of a step or pipeline function, and bind calls to them.

The reading stays with the function's code object: `inspect` is loaded only for callables without
one. A `Signature` is made once for each function and binds every call of it, so binding is quick, and
it takes *incomplete* calls: what is missing may still come from the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import CodeType, FunctionType, NoneType
from typing import Any, Literal, Optional

import msgspec

from zenml.config.option_table import BY_NAME
from zenml.errors import ArgumentError, DeclarationError
from zenml.signatures.annotations import raw_annotations, read_annotations
from zenml.signatures.callables import AnyFunction, implementation, name_of, place_of, unwrap
from zenml.signatures.type_names import bare, capitalised, union_members

ParameterKind = Literal[
    "positional_only", "positional_or_keyword", "keyword_only", "var_positional", "var_keyword"
]

_VAR_POSITIONAL = 0x04  # inspect.CO_VARARGS
_VAR_KEYWORD = 0x08  # inspect.CO_VARKEYWORDS


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a function.

    Attributes:
        annotation: the live type, `Any` where there is none.
        default: the default value; means nothing unless `has_default`.
    """

    name: str
    kind: ParameterKind
    annotation: Any = Any
    has_default: bool = False
    default: Any = None


class Signature:
    """The parameters and the result of one function.

    Attributes:
        parameters: every parameter by name, in the order of the definition.
        name: the name of the function.
        place: where it is defined, as `steps.py:12`.
        returns: the live type of the result, `Any` where there is none.
    """

    __slots__ = (
        "_by_keyword",
        "_positional",
        "_required",
        "_takes_any",
        "name",
        "parameters",
        "place",
        "returns",
    )

    def __init__(
        self, parameters: Iterable[Parameter], *, name: str, place: str, returns: object = Any
    ) -> None:
        self.parameters = {parameter.name: parameter for parameter in parameters}
        self.name = name
        self.place = place
        self.returns = returns
        kinds = {key: parameter.kind for key, parameter in self.parameters.items()}
        self._positional = tuple(
            key for key, kind in kinds.items() if kind in {"positional_only", "positional_or_keyword"}
        )
        self._by_keyword = frozenset(
            key for key, kind in kinds.items() if kind in {"keyword_only", "positional_or_keyword"}
        )
        self._takes_any = "var_keyword" in kinds.values()
        self._required = tuple(
            key
            for key, parameter in self.parameters.items()
            if not parameter.has_default and parameter.kind != "var_keyword"
        )

    def bind(
        self, args: Sequence[object], kwargs: Mapping[str, object], *, what: str = "function"
    ) -> dict[str, object]:
        """Give each argument of a call its parameter's name; leave defaults and missing ones out.

        Args:
            what: what is called, for the message of an error, such as "step `train`".

        Raises:
            ArgumentError: an argument is unknown, given twice, or there are too many.
        """
        positional = self._positional
        if len(args) <= len(positional):
            bound = dict(zip(positional, args, strict=False))
            if not kwargs:
                return bound
            if kwargs.keys() <= self._by_keyword and bound.keys().isdisjoint(kwargs):
                bound.update(kwargs)
                return bound
        return self._bind_with_care(args, kwargs, what)

    def missing(self, bound: Mapping[str, object]) -> list[str]:
        """List the parameters that have neither a value in `bound` nor a default."""
        return [name for name in self._required if name not in bound]

    def defaults(self) -> dict[str, object]:
        """Give the default value of each parameter that has one."""
        return {name: item.default for name, item in self.parameters.items() if item.has_default}

    def accepts(self, name: str) -> bool:
        """Tell whether a value may be given to `name`."""
        return name in self._by_keyword or name in self._positional or self._takes_any

    def annotation(self, name: str) -> object:
        """Give the type of an input, which for an extra keyword is the type of `**kwargs`."""
        parameter = self.parameters.get(name)
        if parameter is None or parameter.kind == "var_keyword":
            rest = [item for item in self.parameters.values() if item.kind == "var_keyword"]
            return rest[0].annotation if rest else Any
        return parameter.annotation

    def arrange(self, values: Mapping[str, object]) -> tuple[list[object], dict[str, object]]:
        """Split named values into the positional and keyword arguments that the function takes.

        Only positional-only parameters need a position. Those after a gap, which can only be left to
        their defaults, are filled with these defaults so that later ones keep their place.
        """
        rest = dict(values)
        only = [item for item in self.parameters.values() if item.kind == "positional_only"]
        last = max((index for index, item in enumerate(only) if item.name in rest), default=-1)
        return [rest.pop(item.name, item.default) for item in only[: last + 1]], rest

    def _bind_with_care(
        self, args: Sequence[object], kwargs: Mapping[str, object], what: str
    ) -> dict[str, object]:
        """Bind a call that is wrong, or that uses `**kwargs`."""
        if len(args) > len(self._positional):
            most = len(self._positional)
            message = f"takes {most} positional argument{'' if most == 1 else 's'} but {len(args)} were given"
            raise self._refusal(what, message, "Leave out the last ones, or pass them by name.")
        bound = dict(zip(self._positional, args, strict=False))
        for name, value in kwargs.items():
            if name in bound:
                message = f"got `{name}` twice: by position and by name"
                raise self._refusal(what, message, "Pass it once.")
            if name in self._positional and name not in self._by_keyword:
                raise self._refusal(what, f"takes `{name}` by position only", "Pass it without its name.")
            if name not in self._by_keyword and not self._takes_any:
                remedy = f"{did_you_mean(name, self.parameters)}Rename the argument, or add the parameter to the function."
                if name in BY_NAME:
                    remedy = f"`{name}` is an option; it is set by `with_options({name}=…)` before the call."
                raise self._refusal(what, f"got an unknown argument `{name}`", remedy)
            bound[name] = value
        return bound

    def _refusal(self, what: str, happened: str, remedy: str) -> ArgumentError:
        names = (f"**{key}" if item.kind == "var_keyword" else key for key, item in self.parameters.items())
        accepted = ", ".join(f"`{name}`" for name in names) or "no arguments"
        return ArgumentError(
            f"{capitalised(what)} {happened}. It accepts {accepted} ({self.place}). {remedy}"
        )

    def __repr__(self) -> str:
        return f"Signature({self.name}({', '.join(self.parameters)}) at {self.place})"


def read_signature(function: AnyFunction) -> Signature:
    """Read the visible signature of a function: that of the innermost one that `functools.wraps` names.

    Raises:
        DeclarationError: the function takes `*args`, whose values would be inputs without a name.
    """
    function = unwrap(function)
    hints = read_annotations(function)
    parameters = read_parameters(function, hints)
    name, place = name_of(function), place_of(function)
    for parameter in parameters:
        if parameter.kind == "var_positional":
            raise DeclarationError(
                f"Function `{name}` ({place}) takes `*{parameter.name}`, but every input of a step or pipeline "
                f"needs a name. Replace it by one parameter that is a list, such as `{parameter.name}: list`."
            )
    return Signature(parameters, name=name, place=place, returns=hints.get("return", Any))


def read_parameters(function: AnyFunction, hints: Mapping[str, object]) -> list[Parameter]:
    """Read the parameters of an unwrapped function, whatever their kinds.

    Raises:
        DeclarationError: the callable does not tell its parameters, as some built-in ones.
    """
    if type(function) is FunctionType and not hasattr(function, "__signature__"):
        return _parameters_of_code(function, hints)
    return _parameters_by_inspection(function, hints)


def require_annotations(function: AnyFunction) -> None:
    """Refuse a function that leaves a parameter or its result without a type annotation.

    This reads names only and resolves no types: it runs while modules are imported.
    """
    function = unwrap(function)
    annotated = raw_annotations(implementation(function))
    # A method or an object that is called has a `self`, which needs none.
    names = (
        [name for name, _ in _names_and_kinds(function.__code__)] if type(function) is FunctionType else []
    )
    bare = [f"parameter `{name}`" for name in names if name not in annotated]
    if "return" not in annotated:
        bare.append("the return value")
    if bare:
        listed = " and ".join(filter(None, (", ".join(bare[:-1]), bare[-1])))
        raise DeclarationError(
            f"Function `{name_of(function)}` ({place_of(function)}) has no type annotation for {listed}, "
            "and ZENML_ENFORCE_TYPE_ANNOTATIONS asks for all of them. Add them (`-> None` if it returns nothing), "
            "or unset the variable."
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Make the hint that lists the names close to an unknown one; empty if none is."""
    import difflib

    close = difflib.get_close_matches(str(name), list(known), n=3)
    return f"Did you mean {' or '.join(f'`{match}`' for match in close)}? " if close else ""


def _names_and_kinds(code: CodeType) -> list[tuple[str, ParameterKind]]:
    """List the parameters of a code object in the order of the definition."""
    names = iter(code.co_varnames)
    by_position, by_keyword = code.co_argcount, code.co_kwonlyargcount
    found: list[tuple[str, ParameterKind]] = []
    for index in range(by_position):
        only = index < code.co_posonlyargcount
        found.append((next(names), "positional_only" if only else "positional_or_keyword"))
    keywords: list[tuple[str, ParameterKind]] = [(next(names), "keyword_only") for _ in range(by_keyword)]
    # A code object keeps `*args` and `**kwargs` behind the rest; `*args` is written before keyword-only ones.
    if code.co_flags & _VAR_POSITIONAL:
        found.append((next(names), "var_positional"))
    found += keywords
    if code.co_flags & _VAR_KEYWORD:
        found.append((next(names), "var_keyword"))
    return found


def _parameters_of_code(function: FunctionType, hints: Mapping[str, object]) -> list[Parameter]:
    """Read the parameters of a plain function from its code object."""
    code, given = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    defaults = dict(zip(names[len(names) - len(given) :], given, strict=True))
    defaults.update(function.__kwdefaults__ or {})
    return [
        _parameter(name, kind, hints.get(name, Any), has_default=name in defaults, default=defaults.get(name))
        for name, kind in _names_and_kinds(code)
    ]


def _parameters_by_inspection(function: AnyFunction, hints: Mapping[str, object]) -> list[Parameter]:
    """Read the parameters of a callable that has no code of its own, or declares another signature."""
    import inspect

    try:
        seen = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise DeclarationError(
            f"Callable `{name_of(function)}` ({place_of(function)}) does not tell its parameters. "
            "Wrap it in a function with named parameters."
        ) from error
    missing = inspect.Parameter.empty
    return [
        _parameter(
            item.name,
            item.kind.name.lower(),  # type: ignore[arg-type]  # inspect's names are ours in capitals
            hints.get(item.name, Any if item.annotation is missing else item.annotation),
            has_default=item.default is not missing,
            default=None if item.default is missing else item.default,
        )
        for item in seen
    ]


def _parameter(
    name: str, kind: ParameterKind, annotation: Any, *, has_default: bool, default: Any
) -> Parameter:
    """Make a parameter; in `rate: float = None`, as many write it, `None` is meant to be allowed."""
    if has_default and default is None and NoneType not in union_members(bare(annotation)):
        # `annotation | None` fails for text and for some classes.
        annotation = Any if annotation is Any else Optional[annotation]  # noqa: UP045
    return Parameter(name, kind, annotation, has_default, default)
