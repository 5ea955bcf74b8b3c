"""A declared pipeline and its arguments become a plan, and everything that can be known is checked.

    trace the function → settle arguments → check edges → resolve options → fingerprint → Plan

The plan is pure data. Beside it stand the programs: for each definition the live function and
its annotations, which this process needs to execute it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile import edges
from zenml.compile.cache_options import Dependencies, check_ignored
from zenml.compile.handles import OutputHandle, StepHandle
from zenml.compile.hook_options import read_hooks, source_of
from zenml.compile.options import chosen_options, declared_output, pipeline_options, step_options
from zenml.compile.outside import Outside, nothing_outside
from zenml.compile.program import Program
from zenml.compile.stack_parts import check_components
from zenml.compile.storable import check_outputs
from zenml.compile.trace import Trace, TracedCall, check_complete
from zenml.config.cache_policy import CachePolicy
from zenml.config.precedence import RUN_HOOKS, STEP_HOOKS, STEP_OPTIONS, check_options
from zenml.errors import ArgumentError, ConfigurationError, DeclarationError, MaterializerError
from zenml.fingerprint.fingerprint import fingerprint
from zenml.fingerprint.source_block import SourceFiles
from zenml.records import values, wire
from zenml.records.plan import (
    ArtifactRef,
    Binding,
    Collection,
    Invocation,
    OutputRef,
    PipelineOutput,
    Plan,
    StepDefinition,
    Value,
)
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_check import from_config
from zenml.signatures.type_names import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zenml.compile.declared import DeclaredPipeline
    from zenml.compile.hook_options import LiveHooks
    from zenml.records.run import Artifact

    Refresh = bool | str | Sequence[str]


class Compiled:
    """A plan with the programs of its definitions."""

    __slots__ = ("externals", "hooks", "plan", "programs")

    def __init__(
        self,
        plan: Plan,
        programs: dict[str, Program],
        externals: dict[str, Artifact] | None = None,
        hooks: LiveHooks | None = None,
    ) -> None:
        self.plan = plan
        self.programs = programs
        self.externals = externals or {}
        """Artifacts that the plan takes as inputs and that no step of it makes."""
        self.hooks = hooks or {}
        """The hooks of the run itself, live; those of a step are in its program."""

    def sources(self) -> dict[str, bytes]:
        """Return the source text of functions and classes that the plan reaches, by code digest."""
        files = SourceFiles()
        found: dict[str, bytes] = {}
        for definition in self.plan.definitions.values():
            for part in definition.code_parts:
                if part.file and part.line and part.digest not in found:
                    text = files.block(part.file, part.line)
                    if text is not None:
                        found[part.digest] = text.encode(errors="replace")
        return found


def compile_pipeline(
    pipeline: DeclaredPipeline,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    steps: Mapping[str, Mapping[str, Any]] | None = None,
    refresh: Refresh = False,
    is_listed: bool = True,
    outside: Outside = nothing_outside,
) -> Compiled:
    """Compile one call of a static pipeline.

    Args:
        pipeline: the pipeline to compile.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
        steps: what the run's configuration says of single steps, by invocation id or step name.
        refresh: which steps are executed whatever the cache knows: all, or ids and names of some.
        is_listed: whether the pipeline is to appear among the pipelines; single steps do not.
        outside: tells which artifact an argument stands for, if it stands for one.
    """
    arguments = pipeline.signature.bind(args, kwargs, what=f"pipeline `{pipeline.name}`")
    check_complete(pipeline, arguments)
    arguments = {**pipeline.signature.defaults(), **arguments}
    arguments = {
        name: value
        if outside(value, f"{pipeline.name}::{name}") is not None
        else from_config(
            value, pipeline.signature.annotation(name), what=f"`{name}` of pipeline `{pipeline.name}`"
        )
        for name, value in arguments.items()
    }
    trace = Trace(pipeline)
    returned = trace.run(arguments)
    return _Compiler(pipeline, trace, steps or {}, outside).build(
        returned, _parameters(arguments), refresh=refresh, is_listed=is_listed
    )


class _Compiler:
    """The compilation of one trace."""

    def __init__(
        self,
        pipeline: DeclaredPipeline,
        trace: Trace,
        steps: Mapping[str, Mapping[str, Any]],
        outside: Outside,
    ) -> None:
        self._pipeline = pipeline
        self._outside = outside
        self._externals: dict[str, Artifact] = {}
        self._calls = trace.calls
        self._steps = steps
        self._options = pipeline.layers.merged()
        self._definitions: dict[str, StepDefinition] = {}
        self._programs: dict[str, Program] = {}
        self._known: dict[tuple[int, int, str], str] = {}
        self._prints: dict[int, Any] = {}
        self._dependencies = Dependencies()

    def build(
        self, returned: Any, parameters: dict[str, msgspec.Raw], *, refresh: Refresh, is_listed: bool
    ) -> Compiled:
        """Make the plan, or raise the first thing that is wrong with it."""
        self._check_configured_steps()
        invocations = tuple(self._invocation(call) for call in self._calls.values())
        edges.check_order(invocations, self._pipeline.name)
        hooks = self._run_hooks()
        plan = Plan(
            pipeline=self._pipeline.name,
            source=source_of(self._pipeline.function),
            options=pipeline_options(self._pipeline, self._options, hooks),
            definitions=self._definitions,
            invocations=invocations,
            outputs=_pipeline_outputs(self._pipeline, returned),
            parameters=parameters,
            is_listed=is_listed,
            doc=self._pipeline.function.__doc__,
            refreshed=self._refreshed(refresh),
        )
        return Compiled(plan, self._programs, self._externals, hooks)

    def _run_hooks(self) -> LiveHooks:
        """Return the pipeline's hooks; those that its steps have by default can ask for any step's output."""
        outputs = {output.name for program in self._programs.values() for output in program.outputs}
        what = f"pipeline `{self._pipeline.name}`"
        return read_hooks(self._options, (*STEP_HOOKS, *RUN_HOOKS), what, outputs=outputs)

    def _check_configured_steps(self) -> None:
        for name, options in self._steps.items():
            self._check_name(name, "is configured for")
            check_options(options, STEP_OPTIONS | {"parameters"}, f"step `{name}`")

    def _refreshed(self, refresh: Refresh) -> tuple[str, ...]:
        """Return the ids of the calls that are to be executed whatever the cache knows."""
        if isinstance(refresh, bool):
            return tuple(self._calls) if refresh else ()
        wanted = (refresh,) if isinstance(refresh, str) else tuple(refresh)
        for name in wanted:
            self._check_name(name, "is to refresh")
        return tuple(call.id for call in self._calls.values() if {call.id, call.step.name} & {*wanted})

    def _check_name(self, name: str, verb: str) -> None:
        """Raise unless a name is the id of a call, or the name of a step that is called."""
        known = {*self._calls, *(call.step.name for call in self._calls.values())}
        if name not in known:
            raise ConfigurationError(
                f"Pipeline `{self._pipeline.name}` {verb} a step `{name}`, which it does not have. "
                f"{did_you_mean(name, known)}Its steps are: {', '.join(f'`{step}`' for step in sorted(known))}."
            )

    def _configured(self, call: TracedCall) -> dict[str, Any]:
        """Return what the run's configuration says of a call: of its id, else of its step's name."""
        found = self._steps.get(call.id) or self._steps.get(call.step.name) or {}
        return {name: value for name, value in found.items() if value is not None}

    def _invocation(self, call: TracedCall) -> Invocation:
        configured = self._configured(call) if self._steps else {}
        settled = self._settle(call, configured.pop("parameters", None) or {})
        return Invocation(
            id=call.id,
            definition=self._definition(call, configured),
            inputs={name: self._binding(call, name, value) for name, value in settled.items()},
            after=call.after,
        )

    def _settle(self, call: TracedCall, configured: Mapping[str, Any]) -> dict[str, Any]:
        """Return all arguments of a call: given, configured, fixed by `with_options`, or defaults."""
        step, signature = call.step, call.step.signature
        for name in configured:
            if not signature.accepts(name):
                raise ArgumentError(
                    f"The configuration of step `{call.id}` sets the parameter `{name}`, which it does not take. "
                    f"{did_you_mean(name, signature.parameters)}It takes: {', '.join(signature.parameters)}."
                )
        settled = (
            {**step.parameters, **call.arguments, **configured}
            if step.parameters or configured
            else call.arguments
        )
        missing = signature.missing(settled)
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            raise ArgumentError(
                f"Step `{call.id}` of pipeline `{self._pipeline.name}` needs a value for {names} "
                f"({signature.place}). Pass it in the call, set it in the configuration, or give it a default."
            )
        defaults = signature.defaults()
        if len(settled) < len(signature.parameters) and defaults:
            settled = {**{k: v for k, v in defaults.items() if values.is_encodable(v)}, **settled}
        return settled

    def _binding(self, call: TracedCall, name: str, value: Any) -> Binding:
        annotation = call.step.signature.annotation(name)
        if isinstance(value, OutputHandle):
            edges.check_flow(value, annotation, call.id, name)
            self._check_known(value, call, name)
            return value.ref
        external = self._external(call, name, value)
        if external is not None:
            return external
        if isinstance(value, (list, tuple)) and any(self._is_wired(call, name, item) for item in value):
            edges.check_collection(value, annotation, call.id, name)
            return Collection(tuple(self._item(call, name, item) for item in value))
        return self._parameter(call, name, value, annotation)

    def _item(self, call: TracedCall, name: str, item: Any) -> Value | OutputRef | ArtifactRef:
        if isinstance(item, OutputHandle):
            self._check_known(item, call, name)
            return item.ref
        return self._external(call, name, item) or self._parameter(call, name, item, Any)

    def _is_wired(self, call: TracedCall, name: str, item: Any) -> bool:
        return isinstance(item, StepHandle) or self._external(call, name, item) is not None

    def _external(self, call: TracedCall, name: str, value: Any) -> ArtifactRef | None:
        """Return the reference to an artifact that no step of the plan makes, if the value is one."""
        artifact = self._outside(value, f"{self._pipeline.name}::{call.id}::{name}")
        if artifact is None:
            return None
        self._externals[artifact.id] = artifact
        return ArtifactRef(artifact.id)

    def _check_known(self, handle: OutputHandle, call: TracedCall, name: str) -> None:
        if handle.invocation_id not in self._calls:
            raise DeclarationError(
                f"`{name}` of step `{call.id}` is an output of step `{handle.invocation_id}` of another pipeline run. "
                "Call that step in this pipeline, or load the artifact and pass its value."
            )

    def _parameter(self, call: TracedCall, name: str, value: Any, annotation: Any) -> Value:
        if isinstance(value, StepHandle):
            raise DeclarationError(
                f"`{name}` of step `{call.id}` is a call of step `{value.invocation_id}`, which has no outputs. "
                "To run after it, write `after=`."
            )
        value = from_config(value, annotation, what=f"`{name}` of step `{call.id}`")
        try:
            return Value(msgspec.Raw(values.encode(value)))
        except MaterializerError as error:
            raise ArgumentError(
                f"`{name}` of step `{call.id}` is a {describe(type(value))}, which cannot be a parameter: {error} "
                "Make it in a step and pass that step's output instead."
            ) from error

    def _definition(self, call: TracedCall, configured: Mapping[str, Any]) -> str:
        """Return the key of a call's definition, made once for each step, pipeline and configuration."""
        known = (id(call.step), id(call.pipeline), call.id if configured else "")
        digest = self._known.get(known)
        if digest is None:
            step = call.step
            definition, hooks = self._define(call, configured)
            digest = self._known[known] = wire.digest_of(wire.encode(definition))
            if digest not in self._definitions:
                self._definitions[digest] = definition
                self._programs[digest] = Program(
                    step.name, step.function, step.signature, step.outputs, hooks
                )
        return digest

    def _define(self, call: TracedCall, configured: Mapping[str, Any]) -> tuple[StepDefinition, LiveHooks]:
        step = call.step
        outer = (
            self._options
            if call.pipeline is self._pipeline
            else {**call.pipeline.layers.merged(), **self._options}
        )
        chosen = chosen_options(step, outer, configured)
        outputs = [output.name for output in step.outputs]
        hooks = read_hooks(chosen, STEP_HOOKS, f"step `{step.name}`", outputs=outputs)
        options = step_options(step, chosen, hooks)
        check_outputs(step, options)
        policy = CachePolicy.read(chosen.get("cache_policy"), f"step `{step.name}`")
        is_own = policy is step.layers.merged().get("cache_policy")
        if is_own:  # one of the pipeline speaks of other steps too
            check_ignored(policy, step)
        check_components(options, step.name)
        code = self._prints.get(id(step.function))
        if code is None:
            code = self._prints[id(step.function)] = fingerprint(step.function)
        definition = StepDefinition(
            name=step.name,
            source=source_of(step.function),
            options=options,
            outputs=tuple(declared_output(output, step) for output in step.outputs),
            code=code.digest,
            code_parts=code.parts,
            blind_spots=code.blind_spots,
            dependencies=self._dependencies.digests(policy, step),
            doc=step.function.__doc__,
        )
        return definition, hooks


def _parameters(arguments: Mapping[str, Any]) -> dict[str, msgspec.Raw]:
    """Return the arguments of a pipeline as the run records them; what is not JSON is left out."""
    return {
        name: msgspec.Raw(values.encode(value))
        for name, value in arguments.items()
        if values.is_encodable(value)
    }


def _pipeline_outputs(pipeline: DeclaredPipeline, returned: Any) -> tuple[PipelineOutput, ...]:
    """Return the outputs that the pipeline function returned, with the names of its annotation."""
    items = returned if isinstance(returned, (list, tuple)) else (returned,)
    names = edges.annotated_names(pipeline.signature.returns, len(items))
    return tuple(
        PipelineOutput(item.ref, name)
        for item, name in zip(items, names, strict=True)
        if isinstance(item, OutputHandle)
    )
