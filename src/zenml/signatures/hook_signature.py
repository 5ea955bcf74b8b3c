"""What a hook asks for: its parameters, read as names of things that can be given to it.

A parameter is served by its name, else by its annotation, else by its place among those that neither
tells. Nothing is made here: the hook's caller makes what is asked for, so outputs that no hook
asks for are never loaded.

| the hook is written as | it gets |
|---|---|
| `hook()` | nothing |
| `hook(exception)`, `hook(context, run, step, step_name, …)` | what is called so: see `ALWAYS` and `AT` |
| `hook(error: BaseException)`, `hook(here: StepContext)` | what has this type |
| `hook(anything)` | the exception on failure and at the end, the output on success, the step's name at the start |
| `hook(a, b)` | the step's name, then the output on success, the exception on failure and at the end |
| `hook(model)` where `model` is an output | this output |
| `hook(x=1)` | `x` as it is, unless there is something called `x` |
| `hook(**everything)` | everything there is by name, but outputs |
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.errors import ConfigurationError, DeclarationError
from zenml.signatures.annotations import read_annotations
from zenml.signatures.callables import name_of, place_of, unwrap
from zenml.signatures.signature import did_you_mean, read_parameters
from zenml.signatures.type_names import bare, union_members

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from zenml.records.plan import HookName
    from zenml.signatures.signature import Parameter

ALWAYS = ("context", "run", "pipeline", "parameters")
"""What every hook can ask for."""
OF_STEPS = ("step_name", "step", "attempt", "inputs", "model", "pipeline_state")
"""What every hook of a step can ask for beside it."""
AT: dict[HookName, tuple[str, ...]] = {
    "on_start": OF_STEPS,
    "on_success": (*OF_STEPS, "output"),
    "on_failure": (*OF_STEPS, "exception"),
    "on_end": (*OF_STEPS, "output", "exception"),
    "on_init": (),
    "on_cleanup": ("exception", "pipeline_state"),
    "on_pause": ("pipeline_state",),
    "on_resume": ("pipeline_state",),
}
"""What a hook can ask for at its moment; what has not come about, such as the exception of a success, is None."""
ALIASES = {
    "step_output": "output",
    "result": "output",
    "error": "exception",
    "exc": "exception",
    "pipeline_run": "run",
    "step_run": "step",
    "state": "pipeline_state",
}
"""Other names for the same things."""
BY_PLACE: dict[HookName, tuple[str, ...]] = {
    "on_start": ("step_name",),
    "on_success": ("step_name", "output"),
    "on_failure": ("step_name", "exception"),
    "on_end": ("step_name", "exception"),
    "on_cleanup": ("exception",),
}
"""What parameters get that nothing else tells the meaning of; a single one gets the last."""
_BY_CLASS = {
    "StepContext": "context",
    "HookContext": "context",
    "StepView": "step",
    "StepRunResponse": "step",
    "RunView": "run",
    "PipelineRunResponse": "run",
}
"""What an annotation stands for, by the name of the class, which may be imported for type checkers only."""
_KNOWN = frozenset(name for offered in (ALWAYS, *AT.values()) for name in offered)
NOTHING = "nothing"
"""Stands for None: what is asked for is never there at this moment, and the annotation allows that."""
OUTPUT = "output:"
"""Begins the name of one of several outputs."""
ARGUMENT = "argument:"
"""Begins the name of an argument that the configuration gives, as `on_init_kwargs` does."""


class HookSignature(msgspec.Struct, frozen=True):
    """How a hook is called: for each parameter the name of what it gets."""

    by_position: tuple[str, ...] = ()
    by_name: dict[str, str] = {}
    rest: tuple[str, ...] = ()
    """What goes into `**kwargs`."""

    def arguments(self, make: Callable[[str], Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a call; `make` returns the thing of a name."""
        named = {parameter: make(what) for parameter, what in self.by_name.items()}
        for what in self.rest:
            named[what.removeprefix(ARGUMENT)] = make(what)
        return [make(what) for what in self.by_position], named


def read_hook(
    function: Callable[..., Any],
    moment: HookName,
    *,
    what: str = "a hook",
    outputs: Collection[str] = (),
    arguments: Mapping[str, Any] | None = None,
) -> HookSignature:
    """Return how a hook is to be called.

    Args:
        function: any callable.
        moment: when it is called.
        what: what has the hook, such as "step `train`".
        outputs: names of the step's outputs.
        arguments: given by the configuration, by name; each must be taken.

    Raises:
        ConfigurationError: a parameter asks for something that there is not at this moment.
    """
    return _Reader(function, moment, what, tuple(outputs), tuple(arguments or ())).read()


class _Reader:
    """The reading of one hook."""

    def __init__(
        self,
        function: Callable[..., Any],
        moment: HookName,
        what: str,
        outputs: tuple[str, ...],
        arguments: tuple[str, ...],
    ) -> None:
        self._moment = moment
        self._what = what
        self._function = function
        self._offered = (*ALWAYS, *AT[moment])
        self._outputs = outputs if "output" in self._offered else ()
        self._arguments = arguments

    def read(self) -> HookSignature:
        parameters = self._parameters()
        takes_rest = any(one.kind == "var_keyword" for one in parameters)
        own = [one for one in parameters if not one.kind.startswith("var_")]
        served = {one.name: found for one in own if (found := self._meaning(one)) is not None}
        self._serve_by_place([one for one in own if one.name not in served and not one.has_default], served)
        self._check_arguments(own, takes_rest=takes_rest)
        by_position = []
        for one in own:
            if one.kind != "positional_only" or one.name not in served:
                break  # those behind a default that stays keep theirs too
            by_position.append(served[one.name])
        by_name = {
            one.name: served[one.name] for one in own if one.kind != "positional_only" and one.name in served
        }
        return HookSignature(tuple(by_position), by_name, self._rest(by_name) if takes_rest else ())

    def _parameters(self) -> list[Parameter]:
        function = unwrap(self._function)
        try:
            return read_parameters(function, read_annotations(function))
        except DeclarationError as error:
            raise ConfigurationError(f"`{self._moment}` of {self._what}: {error}") from error

    def _meaning(self, parameter: Parameter) -> str | None:
        """Return what a parameter asks for by its name or annotation, None if neither tells."""
        name = parameter.name
        if name in self._arguments:
            return ARGUMENT + name
        known = ALIASES.get(name, name)
        if known in self._offered:
            return known
        if name in self._outputs:
            return OUTPUT + name
        members = [bare(one) for one in union_members(bare(parameter.annotation))]
        if known not in _KNOWN:
            known = next(filter(None, map(_by_type, members)), "")
        if not known or known in self._offered:
            return known or None
        if parameter.has_default:
            return None
        if NoneType in members:
            return NOTHING
        moments = [moment for moment, offered in AT.items() if known in offered]
        listed = ", ".join(f"`{moment}`" for moment in moments)
        raise self._refusal(f"asks for `{name}`, which there is for {listed} only")

    def _serve_by_place(self, unnamed: list[Parameter], served: dict[str, str]) -> None:
        """Serve parameters whose meaning nothing tells."""
        left = [one for one in BY_PLACE.get(self._moment, ()) if one not in served.values()]
        for one in unnamed:
            if one.kind == "keyword_only" or len(unnamed) > len(left):
                hint = did_you_mean(one.name, (*self._offered, *self._outputs))
                raise self._refusal(f"takes `{one.name}`, and there is nothing called so", hint)
        for one, what in zip(unnamed, left[len(left) - len(unnamed) :], strict=True):
            served[one.name] = what

    def _check_arguments(self, own: list[Parameter], *, takes_rest: bool) -> None:
        names = [one.name for one in own]
        for name in self._arguments:
            if name not in names and not takes_rest:
                raise self._refusal(f"is given `{name}` by `{self._moment}_kwargs`, and does not take it")

    def _rest(self, by_name: Mapping[str, str]) -> tuple[str, ...]:
        offered = [one for one in self._offered if one != "output" and one not in by_name]
        given = [ARGUMENT + one for one in self._arguments if one not in by_name]
        return (*[one for one in offered if ARGUMENT + one not in given], *given)

    def _refusal(self, problem: str, hint: str = "") -> ConfigurationError:
        there_is = ", ".join(f"`{one}`" for one in dict.fromkeys((*self._offered, *self._outputs)))
        return ConfigurationError(
            f"Hook `{self._moment}` of {self._what}, `{name_of(self._function)}` ({place_of(self._function)}), "
            f"{problem}. {hint}It can ask for {there_is}, or give the parameter a default."
        )


def _by_type(annotation: Any) -> str:
    """Return what an annotation asks for, "" for nothing in particular."""
    if isinstance(annotation, type) and issubclass(annotation, BaseException):
        return "exception"
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return _BY_CLASS.get(name.rpartition(".")[2], "")
