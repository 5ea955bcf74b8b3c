"""The configuration of a recorded run with its placeholders filled in, as far as that is still possible.

The store has an HMAC of what a variable stood for. Where the environment still gives that value,
it is shown; where not, the placeholder is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.config.placeholders import filled, has_placeholder, value_of
from zenml.records import values
from zenml.records.plan import Value

if TYPE_CHECKING:
    from zenml.records.plan import Invocation, StepDefinition
    from zenml.records.run import Run
    from zenml.store.store import Store

KEPT = ("settings", "extra", "environment")
"""Options whose placeholders stay in the store."""


def shown(value: Any, run: Run, store: Store, *, reads_scalars: bool = False) -> Any:
    """Return a configured value with the placeholders filled in whose variables are as they were."""
    if not has_placeholder(value):
        return value

    def look_up(expression: str) -> str | None:
        found = value_of(expression, os.environ)
        recorded = run.variables.get(expression)
        if found is None or recorded is None or store.mac(f"variable {expression}", found) != recorded:
            return None
        return found

    return filled(value, look_up, reads_scalars=reads_scalars)


def shown_step(
    invocation: Invocation, definition: StepDefinition, run: Run, store: Store
) -> tuple[Invocation, StepDefinition]:
    """Return an invocation and its definition with the placeholders filled in whose variables are as they were."""
    options = {name: getattr(definition.options, name) for name in KEPT}
    if has_placeholder(options):
        changed = msgspec.structs.replace(definition.options, **shown(options, run, store))
        definition = msgspec.structs.replace(definition, options=changed)
    inputs = {
        name: _shown_argument(binding, run, store)
        for name, binding in invocation.inputs.items()
        if isinstance(binding, Value) and binding.template
    }
    if inputs:
        invocation = msgspec.structs.replace(invocation, inputs={**invocation.inputs, **inputs})
    return invocation, definition


def _shown_argument(binding: Value, run: Run, store: Store) -> Value:
    template = values.decode(bytes(binding.data), allow_types=True)
    found = shown(template, run, store, reads_scalars=binding.template == "scalars")
    return Value(msgspec.Raw(values.encode(found)))
