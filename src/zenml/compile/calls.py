"""One call of a step becomes an invocation: arguments are settled and checked, options resolved, code fingerprinted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile import edges
from zenml.compile.cache_options import Dependencies, check_ignored
from zenml.compile.handles import OutputHandle, StepHandle, check_owner, unfolded
from zenml.compile.hook_options import read_hooks, source_of
from zenml.compile.options import declared_output, step_options
from zenml.compile.outside import Outside
from zenml.compile.parameters import check_complete, find_external, parameter
from zenml.compile.program import Program
from zenml.compile.step_sections import StepSections
from zenml.compile.storable import check_outputs
from zenml.compile.trace import Trace, TracedCall
from zenml.compile.variables import Filled, Variables, filled_options
from zenml.config.cache_policy import CachePolicy
from zenml.config.placeholders import expressions, has_placeholder
from zenml.config.precedence import STEP_HOOKS
from zenml.config.settings import check_settings
from zenml.errors import DeclarationError
from zenml.fingerprint.fingerprint import fingerprint
from zenml.records import values, wire
from zenml.records.plan import (
    ArtifactRef,
    Binding,
    Collection,
    Invocation,
    OutputRef,
    StepDefinition,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.compile.declared import DeclaredPipeline
    from zenml.compile.hook_options import LiveHooks
    from zenml.records.run import Artifact


class CallCompiler:
    """Compiles the calls of one run; what a step and its options come to is found out once."""

    def __init__(
        self,
        pipeline: DeclaredPipeline,
        trace: Trace,
        options: Mapping[str, Any],
        variables: Variables,
        outside: Outside,
    ) -> None:
        self._pipeline = pipeline
        self._outside = outside
        self._externals: dict[str, Artifact] = {}
        self._trace = trace
        self._calls = trace.calls
        self._sections = StepSections(pipeline)
        self._variables = variables
        self._filled = Filled(variables.used)
        self._options = options
        self._definitions: dict[str, StepDefinition] = {}
        self._programs: dict[str, Program] = {}
        self._known: dict[tuple[int, int, str], str] = {}
        self._prints: dict[int, Any] = {}
        self._dependencies = Dependencies()
        self._fixed: dict[int, dict[str, Any]] = {}
        self._scanned: dict[tuple[int, int], Any] = {}

    def _identity(self, call: TracedCall) -> tuple[int, int, str]:
        """Return what calls share that have one definition: the step, the pipeline, and what is said of them."""
        is_configured = self._sections.are_given and self._sections.says_something_of(call)
        return id(call.step), id(call.pipeline), call.id if is_configured else ""

    def invocation(self, call: TracedCall) -> Invocation:
        """Return a call as the plan describes it; its definition and program are kept here."""
        configured = self._sections.parameters(call) if self._sections.are_given else {}
        fixed = self._fixed.get(id(call.step))
        if fixed is None:
            fixed = self._fixed[id(call.step)] = call.step.parameters
        settled = self._settle(call, configured, fixed)
        templates = {
            name: self._template(call, name, settled[name])
            for name in (*fixed, *configured)
            if (name in configured or name not in call.arguments) and has_placeholder(settled[name])
        }
        inputs = {
            name: templates[name] if name in templates else self._binding(call, name, value)
            for name, value in settled.items()
        }
        return Invocation(
            id=call.id, definition=self._definition(call), inputs=inputs, after=call.after, map=call.map
        )

    def listed(self, call: TracedCall) -> Invocation:
        """Return what is known of a step that a dynamic pipeline lists, before anybody calls it."""
        configured = {**call.step.parameters, **self._sections.parameters(call)}
        inputs = {
            name: self._template(call, name, value)
            if has_placeholder(value)
            else self._binding(call, name, value)
            for name, value in configured.items()
        }
        return Invocation(id=call.id, definition=self._definition(call), inputs=inputs)

    def child_invocation(self, call: TracedCall, arguments: Mapping[str, Any]) -> Invocation:
        """Return the call of a pipeline that is a run of its own, as an invocation."""
        from zenml.compile.child_calls import define_child, nameable  # most runs have none

        inputs = {}
        for name, value in arguments.items():
            named = nameable(value)
            is_named = named is not value and isinstance(named, str)
            inputs[name] = parameter(named, str, name) if is_named else self._binding(call, name, named)
        known = (id(call.step), 0, "")
        digest = self._known.get(known)
        if digest is None:
            digest, definition, program = define_child(call.step)
            self._known[known] = digest
            self._definitions.setdefault(digest, definition)
            self._programs.setdefault(digest, program)
        return Invocation(id=call.id, definition=digest, inputs=inputs, after=call.after)

    def replaced(self, call: TracedCall) -> dict[str, Any]:
        """Return the arguments of the call of a pipeline that a replay replaces."""
        if not self._sections.are_given:
            return {}
        found = self._sections.at("replay", call).get("parameters") or {}
        return {
            name: self._variables.argument(
                value, call.step.signature.annotation(name), what=f"`{name}` of pipeline `{call.id}`"
            )[0]
            for name, value in found.items()
        }

    @property
    def outside(self) -> Outside:
        """Tells which artifact an argument stands for."""
        return self._outside

    def scan_new(self, call: TracedCall) -> None:
        """Raise for a variable that a call names and that is not set; each step is looked at once."""
        known = (id(call.step), id(call.pipeline))
        if known not in self._scanned:
            self.scan_variables(call)
            self._variables.raise_missing()
            self._scanned[known] = call.step, call.pipeline  # kept alive: ids stand for them

    def scan_variables(self, call: TracedCall) -> None:
        """Look up the variables that a call's step, and the pipeline it was made in, name."""
        said = call.step.layers.merged()
        self._variables.scan(said, f"step `{call.step.name}`", ("steps", call.step.name))
        if call.pipeline is not self._pipeline:
            outer, file = call.pipeline.layers.merged(), call.pipeline.layers.file
            if file is not None:
                file.raise_problems()
            self._variables.scan(outer, f"pipeline `{call.pipeline.name}`")

    def _template(self, call: TracedCall, name: str, value: Any) -> Binding:
        """Return a configured argument that names variables, and keep what its step gets instead."""
        annotation = call.step.signature.annotation(name)
        found, has_scalars = self._variables.argument(value, annotation, what=f"`{name}` of step `{call.id}`")
        given = parameter(found, annotation, f"`{name}` of step `{call.id}`")
        if not any(expressions(value)):
            return given  # nothing but escapes
        self._filled.arguments.setdefault(call.id, {})[name] = given
        return Value(msgspec.Raw(values.encode(value)), "scalars" if has_scalars else "texts")

    def _settle(
        self, call: TracedCall, configured: Mapping[str, Any], fixed: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return all arguments of a call: of the run's configuration, given, fixed by `with_options`, or defaults."""
        signature = call.step.signature
        settled = {**fixed, **call.arguments, **configured} if fixed or configured else call.arguments
        check_complete(call, settled, fixed, self._pipeline.name)
        defaults = signature.defaults()
        if len(settled) < len(signature.parameters) and defaults:
            settled = {**{k: v for k, v in defaults.items() if values.is_encodable(v)}, **settled}
        return settled

    def _binding(self, call: TracedCall, name: str, value: Any) -> Binding:
        annotation = call.step.signature.annotation(name)
        value = unfolded(value)
        if isinstance(value, OutputHandle):
            edges.check_flow(value, annotation, call.id, name)
            self._check_known(value, call, name)
            return value.ref
        external = self._external(call, name, value, annotation)
        if external is not None:
            return external
        if isinstance(value, (list, tuple)) and any(self._is_wired(call, name, item) for item in value):
            is_tuple = edges.check_collection(value, annotation, call.id, name)
            return Collection(tuple(self._item(call, name, item) for item in value), is_tuple)
        if type(value) is dict and any(self._is_wired(call, name, item) for item in value.values()):
            edges.check_mapping(value, annotation, call.id, name)
            return Collection(
                tuple(self._item(call, name, item) for item in value.values()), keys=tuple(value)
            )
        return parameter(value, annotation, f"`{name}` of step `{call.id}`")

    def _item(self, call: TracedCall, name: str, item: Any) -> Value | OutputRef | ArtifactRef:
        item = unfolded(item)
        if isinstance(item, OutputHandle):
            self._check_known(item, call, name)
            return item.ref
        return self._external(call, name, item, Any) or parameter(item, Any, f"`{name}` of step `{call.id}`")

    def _is_wired(self, call: TracedCall, name: str, item: Any) -> bool:
        return isinstance(item, StepHandle) or self._external(call, name, item, Any) is not None

    def _external(self, call: TracedCall, name: str, value: Any, annotation: Any) -> ArtifactRef | None:
        """Return the reference to an artifact that no step of the plan makes, if the value is one."""
        stored_as = f"{self._pipeline.name}::{call.id}::{name}"
        artifact = find_external(self._outside, value, annotation, stored_as, f"`{name}` of step `{call.id}`")
        if artifact is None:
            return None
        self._externals[artifact.id] = artifact
        return ArtifactRef(artifact.id)

    def _check_known(self, handle: OutputHandle, call: TracedCall, name: str) -> None:
        check_owner(handle, self._trace.owner, f"`{name}` of step `{call.id}`")
        if handle.invocation_id not in self._calls:
            raise DeclarationError(
                f"`{name}` of step `{call.id}` is an output of step `{handle.invocation_id}` of another pipeline run. "
                "Call that step in this pipeline, or load the artifact and pass its value."
            )

    def _definition(self, call: TracedCall) -> str:
        """Return the key of a call's definition, made once for each step, pipeline and configuration."""
        known = self._identity(call)
        digest = self._known.get(known)
        if digest is None:
            step = call.step
            definition, hooks = self._define(call)
            digest = self._known[known] = wire.digest_of(wire.encode(definition))
            if digest not in self._definitions:
                self._definitions[digest] = definition
                self._programs[digest] = Program(
                    step.name, step.function, step.signature, step.outputs, hooks
                )
                options = filled_options(definition.options, self._variables)
                if options is not definition.options:
                    self._filled.definitions[digest] = msgspec.structs.replace(definition, options=options)
        return digest

    def _define(self, call: TracedCall) -> tuple[StepDefinition, LiveHooks]:
        step = call.step
        outer = (
            self._options
            if call.pipeline is self._pipeline
            else {**call.pipeline.layers.merged(), **self._options}
        )
        chosen = self._variables.prepared(self._sections.options(call, outer))
        outputs = [output.name for output in step.outputs]
        hooks = read_hooks(chosen, STEP_HOOKS, f"step `{step.name}`", outputs=outputs)
        options = step_options(step, chosen, hooks)
        check_settings(filled_options(options, self._variables).settings, f"step `{step.name}`")
        check_outputs(step, options)
        policy = CachePolicy.read(chosen.get("cache_policy"), f"step `{step.name}`")
        own = step.layers.merged().get("cache_policy")
        if (
            own is not None and CachePolicy.read(own, f"step `{step.name}`") == policy
        ):  # one of the pipeline speaks of other steps too
            check_ignored(policy, step)
        code = self._prints.get(id(step.function))
        if code is None:
            code = self._prints[id(step.function)] = fingerprint(step.function)
        definition = StepDefinition(
            name=step.name,
            source=source_of(step.function),
            options=options,
            outputs=tuple(declared_output(output, step, options.substitutions) for output in step.outputs),
            code=code.digest,
            code_parts=code.parts,
            blind_spots=code.blind_spots,
            dependencies=self._dependencies.digests(policy, step),
            doc=step.function.__doc__,
        )
        return definition, hooks
