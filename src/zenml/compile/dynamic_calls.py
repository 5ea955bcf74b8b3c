"""The calls of a dynamic pipeline, compiled one at a time while its function runs.

They go the same way as those of a static pipeline, through `CallCompiler`; only the whole is never
there. A call that cannot be compiled leaves nothing behind.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from zenml.compile.child_calls import ChildCall
from zenml.compile.declared import declared_as
from zenml.compile.element_values import element_value
from zenml.compile.trace import TracedCall, call_function, check_complete
from zenml.config.preview import preview
from zenml.errors import ConfigurationError, DeclarationError
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zenml.compile.calls import CallCompiler
    from zenml.compile.declared import DeclaredPipeline, DeclaredStep
    from zenml.compile.outside import Outside
    from zenml.compile.refresh import Refreshed
    from zenml.compile.trace import MapName, Trace
    from zenml.records.plan import Invocation


Admitted = TypeVar("Admitted")
_NONE: dict[str, Any] = {}
"""The arguments of a call that was compiled."""


class CompiledCall(msgspec.Struct, frozen=True):
    """One call of a step, ready to be executed."""

    invocation: Invocation
    step: Any
    """The step as it was declared, a `DeclaredStep`."""
    is_refreshed: bool = False
    """Whether it is executed whatever the cache knows."""


class DynamicCalls:
    """The calls of one run. Safe for threads."""

    def __init__(
        self, trace: Trace, compiler: CallCompiler, arguments: dict[str, Any], refresh: Refreshed
    ) -> None:
        self.pipeline: DeclaredPipeline = trace.pipeline
        self.arguments = arguments
        """What the pipeline's function is called with."""
        self.adapt: Callable[[Invocation], Invocation] = lambda invocation: invocation
        """Gives what is run in the place of what was called; tests put fakes in here."""
        self.listed: tuple[TracedCall, ...] = ()
        """A call of each step that is listed in `depends_on`."""
        self._trace = trace
        self._compiler = compiler
        self.refresh = refresh
        """Which calls are executed whatever the cache knows."""
        self._lock = threading.RLock()

    @property
    def owner(self) -> Any:
        """The session whose futures and artifacts may be passed to steps."""
        return self._trace.owner

    @owner.setter
    def owner(self, owner: Any) -> None:
        self._trace.owner = owner

    def call_function(self) -> Any:
        """Call the pipeline's function; what calls mean is the active session's business."""
        try:
            return call_function(self.pipeline, self.arguments, may_be_async=True)
        except ValueError as error:
            self._trace.refuse_unpacking(error)
            raise

    def not_refreshed(self) -> list[str]:
        """Return the names that were to be refreshed and that no call had."""
        return self.refresh.not_met()

    def invocations_listed(self) -> tuple[Invocation, ...]:
        """Return what is known of the steps that are listed, before anybody calls them; for showing, not for a run."""
        return tuple(self._compiler.listed(call) for call in self.listed)

    def add(
        self,
        step: DeclaredStep,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        invocation_id: str | None,
        after: Any,
        *,
        admit: Callable[[CompiledCall], Admitted],
    ) -> Admitted:
        """Compile a call of a step, and return what comes of it.

        Args:
            step: the step.
            args: positional arguments.
            kwargs: keyword arguments.
            invocation_id: the id that the call is to have; None for the next one of its step.
            after: what must have succeeded first.
            admit: takes the call before any other is compiled; if it raises, the call is forgotten.

        Raises:
            DeclarationError: something is wrong with it; it is forgotten.
        """
        with self._lock:
            return self._admitted(self._trace.record(step, args, kwargs, invocation_id, after), admit)

    def _admitted(self, call: TracedCall, admit: Callable[[CompiledCall], Admitted]) -> Admitted:
        try:
            self._check_after(call)
            self._compiler.scan_new(call)
            invocation = self.adapt(self._compiler.invocation(call))
            admitted = admit(CompiledCall(invocation, call.step, call in self.refresh))
        except BaseException:
            self._trace.forget(call)
            raise
        call.arguments = _NONE  # a run of many calls keeps their names only
        return admitted

    def name_map(self, step: DeclaredStep, invocation_id: str | None) -> MapName:
        """Give a map its name."""
        with self._lock:
            return self._trace.record_map(step, invocation_id)

    def add_element(
        self,
        step: DeclaredStep,
        element_of: MapName,
        identifier: str,
        arguments: dict[str, Any],
        mapped: Iterable[str],
        after: tuple[str, ...],
        *,
        admit: Callable[[CompiledCall], Admitted],
    ) -> Admitted:
        """Compile one element of a map.

        Args:
            step: the step.
            element_of: the map.
            identifier: the invocation id of the element.
            arguments: by name.
            mapped: the names of those that are items of what the map goes through.
            after: what must have succeeded first.
            admit: as `add` takes it.
        """
        with self._lock:
            for name in mapped:
                stored_as = f"{self.pipeline.name}::{element_of.name}::{name}"
                arguments[name] = element_value(arguments[name], step.signature.annotation(name), stored_as)
            call = self._trace.record_element(step, element_of, identifier, arguments, after)
            return self._admitted(call, admit)

    def forget(self, calls: Iterable[CompiledCall]) -> None:
        """Take back calls that were not started."""
        with self._lock:
            for call in calls:
                self._trace.forget(self._trace.calls[call.invocation.id])

    def forget_map(self, step: DeclaredStep, found: MapName) -> None:
        """Take back a map that has no elements."""
        with self._lock:
            self._trace.forget_map(step, found)

    def add_child(
        self,
        pipeline: DeclaredPipeline,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        invocation_id: str | None,
        after: Any,
        *,
        admit: Callable[[ChildCall], Admitted],
    ) -> Admitted:
        """Take a call of a pipeline that is to be a run of its own; `admit` as `add` takes it.

        Raises:
            DeclarationError: something is wrong with it; it is forgotten.
        """
        with self._lock:
            call = self._trace.record(pipeline, args, kwargs, invocation_id, after)
            try:
                self._check_after(call)
                check_complete(pipeline, call.arguments)
                arguments = {**call.arguments, **self._compiler.replaced(call)}
                call.arguments = {}
                return admit(ChildCall(self._compiler.child_invocation(call, arguments), pipeline, arguments))
            except BaseException:
                self._trace.forget(call)
                raise

    def compile_child(self, pipeline: DeclaredPipeline, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compile a call of a pipeline, whose arguments are all there now."""
        from zenml.compile.compiler import compile_pipeline

        return compile_pipeline(pipeline, args, kwargs, outside=self.outside)

    def call_inside(self, pipeline: DeclaredPipeline, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function of a pipeline whose steps become part of this run."""
        return self._trace.call_pipeline(pipeline, args, kwargs)

    @property
    def outside(self) -> Outside:
        """Tells which artifact a value stands for."""
        return self._compiler.outside

    def _check_after(self, call: TracedCall) -> None:
        for upstream in call.after:
            if upstream not in self._trace.calls or upstream == call.id:
                raise DeclarationError(
                    f"Step `{call.id}` of pipeline `{self.pipeline.name}` is to run after `{upstream}`, but no step was "
                    f"called with that id. {did_you_mean(upstream, self._trace.calls)}Call it first."
                )


def templates(pipeline: DeclaredPipeline, depends_on: Sequence[DeclaredStep] | None) -> dict[str, TracedCall]:
    """Return a call of each step that a dynamic pipeline lists, for what is said of steps before they are called."""
    found: dict[str, TracedCall] = {}
    what = f"`depends_on` of pipeline `{pipeline.name}`"
    if depends_on is not None and not isinstance(depends_on, (list, tuple, set, frozenset)):
        raise ConfigurationError(
            f"{what} is {preview(depends_on)}. Give it a list of steps: `depends_on=[…]`."
        )
    for step in depends_on or ():
        if (declared_as(step) or "").partition(" ")[0] != "step":
            raise ConfigurationError(
                f"{what} lists {declared_as(step) or preview(step)}, which is no step. List functions with `@step` above them."
            )
        found[step.name] = TracedCall(step.name, step, pipeline, {}, ())
    return found
