"""What steps declare to need (`resources`), and what this machine lets this process use.

Where nothing is declared nothing of this is loaded or asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.components.cpu_count import usable_cpus
from zenml.components.gpu_count import usable_gpus
from zenml.components.memory_size import usable_memory
from zenml.config.resource_settings import ResourceSettings
from zenml.errors import ConfigurationError
from zenml.execute.tokens import Need

if TYPE_CHECKING:
    from zenml.compile.variables import Filled
    from zenml.execute.tokens import Tokens
    from zenml.records.plan import Place, Plan, StepDefinition

ONE_CPU = 1000
_BEYOND_ANY = 2**62
"""Bytes: stands for the memory of a machine that does not tell."""


def machine() -> Need:
    """Return what this machine lets this process use."""
    memory = usable_memory()
    return Need(usable_cpus() * ONE_CPU, _BEYOND_ANY if memory is None else memory, usable_gpus())


def declared(definition: StepDefinition) -> Need:
    """Return what a step says that it needs; its placeholders are filled in."""
    said = definition.options.settings.get("resources")
    if not said:
        return Need()
    resources = ResourceSettings(**said)
    kilobytes = resources.get_memory("KB") or 0
    return Need(
        max(1, round(resources.cpu_count * ONE_CPU)) if resources.cpu_count else 0,
        round(kilobytes * 1000),
        resources.gpu_count or 0,
    )


def tokens_of(definition: StepDefinition, place: Place, tokens: Tokens[Any] | None) -> Need:
    """Return the tokens that a step takes: a process of its own counts as one CPU where nothing else is said.

    What needs more than there is takes none. It is refused when it is to begin, and must not wait for ever.
    """
    need = declared(definition)
    if place == "isolated" and not need.cpu:
        need += Need(ONE_CPU)
    return need if tokens is not None and need.fits(tokens.capacity) else Need()


def check_plan(plan: Plan, filled: Filled) -> None:
    """Raise for a step that needs more than the whole machine has; nothing has run yet.

    Raises:
        ConfigurationError: what it needs, and how much there is.
    """
    there: Need | None = None
    for key, planned in plan.definitions.items():
        if "resources" in planned.options.settings:
            there = there or machine()
            check(filled.definition(key, planned), there)


def check(definition: StepDefinition, there: Need) -> None:
    """Raise if a step needs more than there is.

    Raises:
        ConfigurationError: what it needs, and how much there is.
    """
    need = declared(definition)
    if need.fits(there):
        return
    source = definition.source
    where = f" ({source.file}:{source.line})" if source.file else ""
    remedy = "Ask for less in its `resources`, or run it on a larger machine."
    if need.cpu > there.cpu:
        what, has = f"{need.cpu / ONE_CPU:g} CPUs", f"this process may use {there.cpu / ONE_CPU:g}"
    elif need.memory > there.memory:
        what, has = f"{in_bytes(need.memory)} of memory", f"this process may use {in_bytes(there.memory)}"
    else:
        what = f"{need.gpu} GPU{'' if need.gpu == 1 else 's'}"
        has = f"this process sees {there.gpu or 'none'}, by `CUDA_VISIBLE_DEVICES` and `/proc/driver/nvidia`"
        remedy = "Leave `gpu_count` out of its `resources`, or run it where there are as many."
    raise ConfigurationError(f"Step `{definition.name}`{where} needs {what}, and {has}. {remedy}")


def in_bytes(count: int) -> str:
    """Return an amount of memory as people write it: in the largest unit that it fills."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} bytes"
