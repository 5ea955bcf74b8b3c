"""One call of a pipeline in the function of a dynamic one becomes an invocation too: that of a run of its own.

To the run that it is called in, a child is like a step: it waits for what it needs, has a row, a
state, a key and outputs. Its own plan is compiled when it begins, since its arguments may be outputs
that are not there before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.declared import declared_as
from zenml.compile.handles import ArtifactHandle, OutputHandle, StepHandle, unfolded
from zenml.compile.hook_options import source_of
from zenml.compile.program import Program
from zenml.config.external_artifact import ExternalArtifact
from zenml.fingerprint.fingerprint import fingerprint
from zenml.records import values, wire
from zenml.records.ids import new_id
from zenml.records.plan import StepDefinition, StepOptions
from zenml.signatures.type_names import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.compile.declared import DeclaredPipeline
    from zenml.records.plan import Invocation, OutputRef


class ChildCall(msgspec.Struct, frozen=True):
    """One call of a pipeline, ready to be executed as a run of its own."""

    invocation: Invocation
    pipeline: Any
    """The pipeline as it was declared, a `DeclaredPipeline`."""
    arguments: dict[str, Any]
    """Its arguments as they were given, outputs of the run that calls it among them."""

    def arguments_from(self, view_of: Callable[[OutputRef], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments to call it with, the artifacts of outputs in their place."""
        found = {name: _resolved(value, view_of) for name, value in self.arguments.items()}
        positional, named = self.pipeline.signature.arrange(found)
        return tuple(positional), dict(named)


def define_child(pipeline: DeclaredPipeline) -> tuple[str, StepDefinition, Program]:
    """Return how the run that calls a pipeline describes it: a key, a definition, and the live function."""
    code = fingerprint(pipeline.function)
    definition = StepDefinition(
        name=pipeline.name,
        source=source_of(pipeline.function),
        options=StepOptions(enable_cache=False),
        outputs=(),
        code=code.digest,
        code_parts=code.parts,
        blind_spots=code.blind_spots,
        doc=pipeline.function.__doc__,
        is_pipeline=True,
    )
    program = Program(pipeline.name, pipeline.function, pipeline.signature, ())
    return wire.digest_of(wire.encode(definition)), definition, program


def nameable(value: Any) -> Any:
    """Return an argument as a plan can name it: one that has no form in JSON as a text that is like no other.

    So it is not pickled for the record alone; and nobody takes another value for the same.
    """
    if declared_as(value) or holds_handle(value) or values.is_encodable(value):
        return value
    if isinstance(value, (ExternalArtifact, ArtifactHandle)) or hasattr(value, "record"):
        return value  # an artifact
    if isinstance(value, (list, tuple, dict)):  # artifacts may be in it
        return value
    return f"a value of type {describe(type(value))}, which is not recorded ({new_id()})"


def holds_handle(value: Any) -> bool:
    """Tell whether a value is an output of a call, or a list or mapping with one in it."""
    if isinstance(value, StepHandle):
        return True
    if isinstance(value, dict):
        return any(map(holds_handle, value.values()))
    return isinstance(value, (list, tuple)) and any(map(holds_handle, value))


def _resolved(value: Any, view_of: Callable[[OutputRef], Any]) -> Any:
    value = unfolded(value)
    if isinstance(value, OutputHandle):
        return view_of(value.ref)
    if not holds_handle(value):
        return value
    if isinstance(value, dict):
        return {key: _resolved(item, view_of) for key, item in value.items()}
    items = [_resolved(item, view_of) for item in value]
    return tuple(items) if isinstance(value, tuple) else items
