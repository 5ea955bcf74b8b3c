"""The stack of a run: which components its steps use, with which settings, checked before anything runs.

Settings of a component come under three keys, the weakest first: `TYPE`, `TYPE.FLAVOR`, `TYPE.STACK`. What
is set for a type that the stack lacks is told and has no effect; a component that is named must be there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml.components.active_stack import active_stack, components_of
from zenml.components.configuration import settings_of
from zenml.components.flavor import fields_of
from zenml.components.kinds import PER_STEP, words
from zenml.components.parts import address_of, configuration_of, open_part
from zenml.components.registry import flavor_names, load_flavor
from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.config.settings import COMPONENT_TYPES
from zenml.errors import ConfigurationError
from zenml.execute.operator_parts import operator_parts
from zenml.records import wire
from zenml.records.stacks import DEFAULT, StackRow
from zenml.records.task import TrackerTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.components.flavor import Flavor
    from zenml.components.launcher import Launcher
    from zenml.components.orchestrator import Orchestrator
    from zenml.records.plan import Plan, StepDefinition
    from zenml.records.stacks import Component, PartAddress, Stack
    from zenml.store.store import Store


class RunStack:
    """The active stack, as one run uses it; a run with the default one and without settings asks the store nothing."""

    def __init__(self, store: Store) -> None:
        self.stack: Stack = active_stack(store)
        self._store = store
        self._named: dict[tuple[str, str], Component] = {}
        self._addresses: dict[str, PartAddress] = {}

    # Before anything runs

    def check(self, definitions: Iterable[StepDefinition]) -> list[str]:
        """Check what steps ask of components; return notes on settings that have no effect.

        Raises:
            ConfigurationError: a component is named that is not registered, the stack lacks one that is asked
                for, or settings do not fit the flavor.
        """
        lacking: dict[str, list[str]] = {}
        notes: list[str] = []
        for definition in definitions:
            used = {kind: self.component_of(kind, definition) for kind in PER_STEP}
            for key in definition.options.settings:
                kind, _, suffix = key.partition(".")
                component = used.get(kind) or self.stack.components.get(kind)
                if kind not in COMPONENT_TYPES:
                    continue
                if component is None:
                    lacking.setdefault(key, []).append(definition.name)
                elif suffix and suffix not in (component.flavor, self.stack.name):
                    notes += self._check_suffix(key, kind, suffix, definition.name)
                else:
                    notes += self._check_settings(
                        component, key, definition.options.settings, definition.name
                    )
        if lacking:
            notes.insert(0, self._without_part(lacking))
        return list(dict.fromkeys(notes))

    def check_plan(self, plan: Plan, *, is_scheduled: bool = False) -> None:
        """Check that the orchestrator can do what a plan needs.

        Raises:
            ConfigurationError: it cannot; the message names what, and the orchestrator.
        """
        orchestrator = self.stack.components["orchestrator"]
        if orchestrator.flavor == "local":
            return
        runtimes = {definition.options.runtime for definition in plan.definitions.values()}
        needed = {
            "dynamic": plan.is_dynamic,
            "isolated": "isolated" in runtimes,
            "inline": "inline" in runtimes,
            "schedules": is_scheduled,
        }
        able = load_flavor("orchestrator", orchestrator.flavor).capabilities
        for capability, is_needed in needed.items():
            if is_needed and capability not in able:
                raise ConfigurationError(
                    f"Pipeline `{plan.pipeline}` needs an orchestrator with the capability `{capability}`, and "
                    f"`{orchestrator.name}` (flavor `{orchestrator.flavor}`) of the active stack `{self.stack.name}` "
                    f"has {', '.join(f'`{one}`' for one in sorted(able)) or 'none'}. Choose another stack: "
                    "zenml stack set NAME. Nothing was run."
                )

    def is_synchronous(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether the caller is to wait for the end of a run: settings win over the orchestrator's own."""
        waits = self.orchestrator_setting(settings, "synchronous")
        if waits is not None and not isinstance(waits, bool):
            raise ConfigurationError(
                f"`synchronous` in the settings of the orchestrator is {preview(waits)}; it must be true or false."
            )
        return True if waits is None else waits

    def parallelism(self, settings: Mapping[str, Any]) -> int | None:
        """Return how many steps the orchestrator may run at once; None where nothing is said."""
        limit: int | None = self.orchestrator_setting(settings, "max_parallelism")
        return limit

    def orchestrator_setting(self, settings: Mapping[str, Any], name: str) -> Any:
        """Return what settings, or else the configuration of the orchestrator, say of a field; None for nothing."""
        component = self.stack.components["orchestrator"]
        found = self._merged(component, settings).get(name)
        if found is None and component.name != DEFAULT:
            found = getattr(configuration_of(component, self._store), name, None)
        return found

    # What steps use

    def component_of(self, kind: str, definition: StepDefinition) -> Component | None:
        """Return the component that a step uses of a type that steps name, None if none.

        Raises:
            ConfigurationError: what is named is not registered, or the stack has none.
        """
        asked: str | bool | None = getattr(definition.options, kind)
        if not asked:
            return None
        found = self.stack.components.get(kind) if asked is True else self._registered(kind, asked)
        if found is not None:
            return found
        if asked is True:
            problem = f"asks for the {words(kind)} of the active stack `{self.stack.name}`, which has none"
        else:
            problem = f"names the {words(kind)} `{asked}`, which is not registered"
        known = [one.name for one in components_of(self._store, kind)]
        close = nearest(str(asked), known)
        hint = f"Did you mean `{close}`? " if close else ""
        listed = ", ".join(f"`{name}`" for name in known) or "none of this type"
        raise ConfigurationError(
            f"Step `{definition.name}` {problem}. {hint}Registered are: {listed}. Register one with "
            f"`zenml {kind.replace('_', '-')} register NAME --flavor …`, or leave `{kind}` out. Nothing was run."
        )

    def settings_of(self, component: Component, definition: StepDefinition) -> dict[str, Any]:
        """Return what a step sets for a component, as plain values."""
        return self._merged(component, definition.options.settings)

    def result_parts(self, definition: StepDefinition) -> dict[str, str]:
        """Return what the step operator of a step contributes to its cache key; nothing for a step without one."""
        component = self.component_of("step_operator", definition)
        if component is None:
            return {}
        return operator_parts(
            load_flavor(component.type, component.flavor).result_fields,
            component.configuration,
            self.settings_of(component, definition),
            os.getcwd(),
            f"step `{definition.name}`",
        )

    def tracker_of(self, definition: StepDefinition, tags: tuple[str, ...] = ()) -> TrackerTask | None:
        """Return the experiment tracker of a step, as its process gets it; None for a step without one."""
        component = self.component_of("experiment_tracker", definition)
        if component is None:
            return None
        if component.id not in self._addresses:
            self._addresses[component.id] = address_of(component, self._store)
        return TrackerTask(self._addresses[component.id], self.settings_of(component, definition), tags)

    def open_part(self, component: Component) -> Any:
        """Return a component as its flavor makes it."""
        return open_part(component, self._store)

    def open_launcher(self) -> Launcher:
        """Return a new launcher for isolated steps, as the orchestrator gives it."""
        orchestrator: Orchestrator = open_part(self.stack.components["orchestrator"], self._store)
        return orchestrator.launcher()

    def as_document(self) -> tuple[str, bytes] | None:
        """Return what a run records of its stack, with its digest; None for the default one."""
        if self.stack.id == DEFAULT:
            return None
        body = wire.encode(self.stack)
        return wire.digest_of(body), body

    # Details

    def _registered(self, kind: str, name: str) -> Component | None:
        if (kind, name) not in self._named:
            own = self.stack.components.get(kind)
            found = [own] if own is not None and own.name == name else []
            found = found or [one for one in components_of(self._store, kind) if name in (one.name, one.id)]
            if not found:
                return None
            self._named[kind, name] = found[0]
        return self._named[kind, name]

    def _merged(self, component: Component, settings: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in (
            component.type,
            f"{component.type}.{component.flavor}",
            f"{component.type}.{self.stack.name}",
        ):
            chosen = settings.get(key)
            if isinstance(chosen, dict):
                found |= chosen
        return found

    def _check_settings(
        self, component: Component, key: str, settings: Mapping[str, Any], step: str
    ) -> list[str]:
        """Raise for settings that do not fit a flavor; return a note on those that another flavor may know."""
        chosen = settings[key]
        what = f"`settings.{key}` of step `{step}`"
        if not isinstance(chosen, dict):
            raise ConfigurationError(f"{what} is {preview(chosen)}; it must be a mapping.")
        flavor = load_flavor(component.type, component.flavor)
        known = [] if flavor.settings is None else [text.name for text in fields_of(flavor.settings)]
        strange = [name for name in chosen if name not in known and nearest(name, known) is None]
        is_general = key == component.type
        if is_general:
            chosen = {name: value for name, value in chosen.items() if name not in strange}
        _checked(flavor, chosen, what)
        if is_general and strange:
            listed = ", ".join(f"`{name}`" for name in strange)
            return [
                f"Settings without effect: {listed} in {what}, which flavor `{flavor.name}` does not know."
            ]
        return []

    def _check_suffix(self, key: str, kind: str, suffix: str, step: str) -> list[str]:
        """Return a note on a key that names neither a flavor nor a stack that there is."""
        stacks = [DEFAULT, *(row.name for row in self._store.select(StackRow))]
        known = [*flavor_names(kind), *stacks]
        close = nearest(suffix, known)
        if suffix in known or close is None:  # meant for another stack, perhaps of another machine
            return []
        return [f"Settings without effect: `{key}` of step `{step}`. Did you mean `{kind}.{close}`?"]

    def _without_part(self, lacking: Mapping[str, list[str]]) -> str:
        listed = ", ".join(
            f"`{key}` of step{'s' if len(names) > 1 else ''} "
            f"{', '.join(f'`{name}`' for name in dict.fromkeys(names))}"
            for key, names in lacking.items()
        )
        return f"Settings without effect, because the active stack `{self.stack.name}` has no such part: {listed}."


def _checked(flavor: Flavor, chosen: Mapping[str, Any], what: str) -> None:
    if flavor.settings is not None or chosen:
        settings_of(flavor, chosen, what)
