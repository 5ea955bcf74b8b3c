"""Running a pipeline function to find out what it would do: every step call becomes a traced call.

Nothing is computed here. Arguments that are outputs of other steps become edges, everything
else parameters; a pipeline called inside another contributes its calls to the same list.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.declared import declared_as
from zenml.compile.handles import MapHandle, OutputHandle, StepHandle, check_owner
from zenml.config.preview import preview
from zenml.context import session
from zenml.errors import ArgumentError, DeclarationError
from zenml.signatures.callables import implementation, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zenml.compile.declared import DeclaredPipeline, DeclaredStep


_COROUTINE = 0x80
"""inspect.CO_COROUTINE: an `async def`."""
_GENERATOR = 0x20 | 0x200
"""inspect.CO_GENERATOR and CO_ASYNC_GENERATOR: a function with a `yield`."""


_inner: ContextVar[tuple[Trace, DeclaredPipeline] | None] = ContextVar("zenml_inner_pipeline", default=None)
"""The pipeline that was called inside the function of another one, with the trace of that."""


class MapName(msgspec.Struct, frozen=True):
    """A map in a pipeline."""

    name: str
    """Unique among the maps and calls of a run."""
    pipeline: Any
    """The pipeline, a `DeclaredPipeline`, whose function made it."""


class TracedCall:
    """One call of a step, with its arguments as they were given."""

    __slots__ = ("after", "arguments", "id", "map", "pipeline", "step")

    def __init__(
        self,
        call_id: str,
        step: DeclaredStep,
        pipeline: DeclaredPipeline,
        arguments: dict[str, Any],
        after: tuple[str, ...],
    ) -> None:
        self.id = call_id
        self.step = step
        self.pipeline = pipeline
        """The pipeline whose function made the call: the outer one, or one called inside it."""
        self.arguments = arguments
        self.after = after
        self.map: str | None = None
        """The name of the map whose element it is."""


class Trace:
    """The session in which calling a step records it."""

    def __init__(self, pipeline: DeclaredPipeline) -> None:
        self.pipeline = pipeline
        self.calls: dict[str, TracedCall] = {}
        self.owner: Any = None
        """What the outputs belong to that steps may be given: None, or the session of a dynamic run."""
        self._maps: set[str] = set()
        """Names of maps, which no call may have."""
        self._counts: dict[str, int] = {}

    @property
    def place(self) -> str:
        """Where something was called that only a dynamic pipeline has, as a clause."""
        return (
            f"in pipeline `{self.pipeline.name}` ({self.pipeline.signature.place}), which is not dynamic: steps that do "
            "not need each other run at the same time anyway"
        )

    def run(self, arguments: dict[str, Any]) -> Any:
        """Call the pipeline function with this trace as the active session; return what it returns."""
        token = session.active.set(self)
        try:
            return call_function(self.pipeline, arguments)
        except RecursionError as error:
            raise DeclarationError(
                f"Pipeline `{self._current.name}` ({self._current.signature.place}) calls itself without end. "
                "Call steps and other pipelines in it, or end the recursion."
            ) from error
        except ValueError as error:
            self.refuse_unpacking(error)
            raise
        finally:
            session.active.reset(token)

    def refuse_unpacking(self, error: ValueError) -> None:
        """Raise an error of ours if a pipeline's function unpacks a step's outputs into too many or too few names."""
        if "values to unpack" not in str(error):
            return
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        several = {
            call.step.name: call.step.outputs for call in self.calls.values() if len(call.step.outputs) > 1
        }
        function = implementation(self._current.function)
        if trace is None or not several or trace.tb_frame.f_code is not getattr(function, "__code__", None):
            return
        listed = "; ".join(
            f"`{name}` has {len(outputs)}: {', '.join(f'`{output.name}`' for output in outputs)}"
            for name, outputs in several.items()
        )
        place = f"{place_of(function).rpartition(':')[0]}:{trace.tb_lineno}"
        raise DeclarationError(
            f"Pipeline `{self._current.name}` ({place}) unpacks outputs into another number of names: {error}. "
            f"Write one name for each output of the step; {listed}."
        ) from error

    def record(
        self,
        step: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        invocation_id: str | None,
        after: Any,
    ) -> TracedCall:
        """Record a call of a step, or of a pipeline that is a run of its own."""
        what = f"{getattr(step, 'kind', 'step').capitalize()} `{step.name}`"
        arguments = step.signature.bind(args, kwargs, what=what)
        call_id = self._new_id(step, invocation_id)
        call = TracedCall(
            call_id, step, self._current, arguments, read_after(after, call_id, owner=self.owner)
        )
        self.calls[call_id] = call
        return call

    def forget(self, call: TracedCall) -> None:
        """Take a call back; its id is free again, and the next call is counted as this one was."""
        del self.calls[call.id]
        self._forget_name(call.step.name, call.id)

    def record_map(self, step: DeclaredStep, invocation_id: str | None) -> MapName:
        """Give a map its name."""
        name = self._new_id(step, invocation_id)
        self._maps.add(name)
        return MapName(name, self._current)

    def forget_map(self, step: DeclaredStep, found: MapName) -> None:
        """Take a map back that has no elements."""
        self._maps.discard(found.name)
        self._forget_name(step.name, found.name)

    def record_element(
        self,
        step: DeclaredStep,
        element_of: MapName,
        call_id: str,
        arguments: dict[str, Any],
        after: tuple[str, ...],
    ) -> TracedCall:
        """Record the call that is one element of a map; its arguments have names already."""
        self._new_id(step, call_id)
        call = TracedCall(call_id, step, element_of.pipeline, arguments, after)
        call.map = element_of.name
        self.calls[call_id] = call
        return call

    def _forget_name(self, name: str, call_id: str) -> None:
        if call_id == (name if self._counts.get(name) == 1 else f"{name}_{self._counts.get(name)}"):
            self._counts[name] -= 1

    def call_step(
        self,
        step: DeclaredStep,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        invocation_id: str | None,
        after: Any,
    ) -> Any:
        """Record a call; return handles of its outputs."""
        call_id = self.record(step, args, kwargs, invocation_id, after).id
        outputs = step.outputs
        if len(outputs) == 1:
            return OutputHandle(call_id, outputs[0].name, outputs[0].annotation)
        if not outputs:
            return StepHandle(call_id)
        return tuple(OutputHandle(call_id, output.name, output.annotation) for output in outputs)

    def call_pipeline(self, pipeline: DeclaredPipeline, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Put the steps of a pipeline that is called inside this one in its place."""
        arguments = pipeline.signature.bind(args, kwargs, what=f"Pipeline `{pipeline.name}`")
        check_complete(pipeline, arguments)
        token = _inner.set((self, pipeline))
        try:
            return call_function(pipeline, arguments)
        finally:
            _inner.reset(token)

    @property
    def _current(self) -> DeclaredPipeline:
        """The pipeline whose function makes calls here: threads of a dynamic one may be in several."""
        inner = _inner.get()
        return inner[1] if inner is not None and inner[0] is self else self.pipeline

    embed_pipeline = call_pipeline

    def _new_id(self, step: DeclaredStep, invocation_id: str | None) -> str:
        if invocation_id is not None:
            if not (isinstance(invocation_id, str) and invocation_id.strip() and invocation_id.isprintable()):
                raise DeclarationError(
                    f"The `id` of a call of step `{step.name}` is {preview(invocation_id)}; it must be printable text. "
                    f"Leave it out, and the calls are `{step.name}`, `{step.name}_2` and so on."
                )
            if invocation_id in self.calls or invocation_id in self._maps:
                raise DeclarationError(
                    f"Two calls in pipeline `{self.pipeline.name}` have the id `{invocation_id}`. "
                    f"Give each an `id` of its own, or leave it out for `{step.name}`, `{step.name}_2` and so on."
                )
            return invocation_id
        name = step.name
        count = self._counts.get(name, 0)
        while True:
            count += 1
            call_id = name if count == 1 else f"{name}_{count}"
            if call_id not in self.calls and call_id not in self._maps:
                self._counts[name] = count
                return call_id


def call_function(
    pipeline: DeclaredPipeline, arguments: dict[str, Any], *, may_be_async: bool = False
) -> Any:
    """Call the function of a pipeline with settled arguments; one that is `async` gives a coroutine."""
    code = getattr(implementation(pipeline.function), "__code__", None)
    flags = 0 if code is None else code.co_flags
    what = f"The function of pipeline `{pipeline.name}` ({pipeline.signature.place})"
    if flags & _GENERATOR:
        raise DeclarationError(
            f"{what} has a `yield`, so calling it calls no step. Make it a function that returns; steps may be `async`."
        )
    if flags & _COROUTINE and not may_be_async:
        raise DeclarationError(
            f"{what} is `async`, so calling it calls no step. Declare it with `@pipeline(dynamic=True)` and run it as a "
            "pipeline of its own, or make it a plain function; steps may be `async`."
        )
    positional, named = pipeline.signature.arrange(arguments)
    return pipeline.function(*positional, **named)


def check_complete(pipeline: DeclaredPipeline, arguments: dict[str, Any]) -> None:
    """Raise for parameters of a pipeline that have neither a value nor a default."""
    missing = pipeline.signature.missing(arguments)
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise ArgumentError(
            f"Pipeline `{pipeline.name}` ({pipeline.signature.place}) needs a value for {names}. "
            f"Call it with `{pipeline.name}({missing[0]}=…)`, or give the parameter a default."
        )


def read_after(after: Any, call_id: str, *, owner: Any = None) -> tuple[str, ...]:
    """Return the invocation ids that an `after=` names: outputs, calls, id strings, or a list of them."""
    if after is None:
        return ()
    items: Iterable[Any] = after if isinstance(after, (list, tuple, set)) else (after,)
    found: dict[str, None] = {}
    for item in items:
        if isinstance(item, MapHandle):
            check_owner(item, owner, f"`after` of step `{call_id}`")
            found.update(dict.fromkeys(item.element_ids()))
        elif isinstance(item, StepHandle):
            check_owner(item, owner, f"`after` of step `{call_id}`")
            found[item.invocation_id] = None
        elif isinstance(item, str):
            found[item] = None
        elif isinstance(item, (list, tuple)):
            found.update(dict.fromkeys(read_after(item, call_id, owner=owner)))
        else:
            raise DeclarationError(
                f"`after` of step `{call_id}` got {declared_as(item) or preview(item)}. Give it what a step call "
                "returned, such as `load()`, the id of a call as text, or a list of these."
            )
    return tuple(found)
