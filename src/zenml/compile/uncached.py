"""The same plan with caching disabled for every step, whatever the steps say of themselves."""

from __future__ import annotations

import msgspec

from zenml.compile.compiler import Compiled
from zenml.records import wire


def without_cache(compiled: Compiled) -> Compiled:
    """Return a plan in which every step is executed."""
    keys, definitions, programs = {}, {}, {}
    for key, definition in compiled.plan.definitions.items():
        options = msgspec.structs.replace(definition.options, enable_cache=False)
        changed = msgspec.structs.replace(definition, options=options)
        digest = keys[key] = wire.digest_of(wire.encode(changed))
        definitions[digest] = changed
        programs[digest] = compiled.programs[key]
    invocations = tuple(
        msgspec.structs.replace(one, definition=keys[one.definition]) for one in compiled.plan.invocations
    )
    plan = msgspec.structs.replace(compiled.plan, definitions=definitions, invocations=invocations)
    filled = msgspec.structs.replace(
        compiled.filled,
        definitions={keys[key]: definition for key, definition in compiled.filled.definitions.items()},
    )
    result = Compiled(plan, programs, compiled.externals, compiled.hooks, filled)
    result.run_name, result.schedule = compiled.run_name, compiled.schedule
    return result
