"""What two runs were given: parameters, configuration, and the environment they ran in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.client.input_changes import shown_value
from zenml.client.run_pairs import Difference, differences
from zenml.config.placeholders import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.client.run_pairs import RunPair
    from zenml.views.stack_view import StackView


def parameter_differences(runs: RunPair) -> Iterator[Difference]:
    """Yield the arguments of the pipeline that differ."""
    before, after = runs.before.record.parameters, runs.after.record.parameters
    for name in {**before, **after}:
        raw = [bytes(side[name]) if name in side else None for side in (before, after)]
        if raw[0] != raw[1]:
            said = [None if one is None else shown_value(name, msgspec.Raw(one)) for one in raw]
            yield Difference(name, *said)


def setting_differences(runs: RunPair) -> Iterator[Difference]:
    """Yield the options that differ, of the stack, of the pipeline and of each step."""
    yield from differences(_components(runs.before.stack), _components(runs.after.stack), "stack.")
    options = runs.before.record.options, runs.after.record.options
    yield from differences(_options(options[0]), _options(options[1]), "pipeline.")
    for name, one, other in runs.both():
        sides = _options(one.definition.options), _options(other.definition.options)
        yield from differences(*sides, f"{name}.")


def package_differences(runs: RunPair) -> Iterator[Difference]:
    """Yield the installed packages whose versions differ."""
    return differences(runs.before.environment.packages, runs.after.environment.packages)


def environment_differences(runs: RunPair) -> Iterator[Difference]:
    """Yield what else differs around the runs: Python, platform, commit, command, folder."""
    sides = [
        {
            "python": run.environment.python,
            "platform": run.environment.platform,
            "commit": run.environment.commit or "none",
            "uncommitted changes": run.record.changes or "none",
            "command": " ".join(run.environment.command),
            "folder": run.environment.folder,
        }
        for run in (runs.before, runs.after)
    ]
    yield from differences(sides[0], sides[1])
    before, after = runs.before.record.variables, runs.after.record.variables
    for expression in sorted(before.keys() & after.keys()):
        if before[expression] != after[expression]:  # values are not in the store, only that they differ
            yield Difference(f"variable {name_of(expression)}", "a value", "another value")


def _components(stack: StackView) -> dict[str, str]:
    """Return the components of a stack as texts, by type; each field of their configurations is a text of its own."""
    found = {}
    for kind, one in stack.components.items():
        found[kind] = f"{one.name} ({one.flavor})"
        found.update({f"{kind}.{name}": repr(value) for name, value in one.configuration.items()})
    return found


def _options(options: msgspec.Struct) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in msgspec.structs.asdict(options).items():
        if isinstance(value, dict):
            found.update({f"{name}.{key}": repr(one) for key, one in value.items()})
        else:
            found[name] = repr(value)
    return found
