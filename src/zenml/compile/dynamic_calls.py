"""The calls of a dynamic pipeline, compiled one at a time while its function runs.

They go the same way as those of a static pipeline, through `CallCompiler`; only the whole is never
there. A call that cannot be compiled leaves nothing behind.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.child_calls import ChildCall
from zenml.compile.declared import declared_as
from zenml.compile.trace import TracedCall, call_function, check_complete
from zenml.config.preview import preview
from zenml.errors import ConfigurationError, DeclarationError
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.compile.calls import CallCompiler
    from zenml.compile.declared import DeclaredPipeline, DeclaredStep
    from zenml.compile.outside import Outside
    from zenml.compile.refresh import Refreshed
    from zenml.compile.trace import Trace
    from zenml.records.plan import Invocation


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
        self._trace = trace
        self._compiler = compiler
        self._refresh = refresh
        self._lock = threading.RLock()

    def call_function(self) -> Any:
        """Call the pipeline's function; what calls mean is the active session's business."""
        return call_function(self.pipeline, self.arguments, may_be_async=True)

    def add(
        self,
        step: DeclaredStep,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        invocation_id: str | None,
        after: Any,
    ) -> CompiledCall:
        """Compile a call of a step.

        Raises:
            DeclarationError: something is wrong with it; it is forgotten.
        """
        with self._lock:
            call = self._trace.record(step, args, kwargs, invocation_id, after)
            try:
                self._check_after(call)
                self._compiler.scan_new(call)
                invocation = self.adapt(self._compiler.invocation(call))
            except BaseException:
                self._trace.forget(call)
                raise
            call.arguments = {}  # a run of many calls keeps their names only
            return CompiledCall(invocation, step, call in self._refresh)

    def add_child(
        self,
        pipeline: DeclaredPipeline,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        invocation_id: str | None,
        after: Any,
    ) -> ChildCall:
        """Take a call of a pipeline that is to be a run of its own.

        Raises:
            DeclarationError: something is wrong with it; it is forgotten.
        """
        with self._lock:
            call = self._trace.record(pipeline, args, kwargs, invocation_id, after)
            try:
                self._check_after(call)
                check_complete(pipeline, call.arguments)
                arguments, call.arguments = call.arguments, {}
                return ChildCall(self._compiler.child_invocation(call, arguments), pipeline, arguments)
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
