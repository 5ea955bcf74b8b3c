"""Fakes of steps: what is called in the place of a step's function, and what it was called with.

A fake is put in after a pipeline was compiled, into the plan and the programs of that one run. So it does
not matter where the step was imported, and the step itself is never changed. The faked call has a
cache key of its own: it is not answered by a result of the real step, and does not answer for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

from zenml.compile.compiler import Compiled
from zenml.compile.program import Program
from zenml.errors import ArgumentError, NotFoundError
from zenml.records import wire
from zenml.records.ids import new_id
from zenml.signatures.outputs import split_result
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zenml.compile.variables import Filled
    from zenml.declare.step import Step
    from zenml.records.plan import Invocation, StepDefinition

_NOT_GIVEN: Any = object()


class Call(msgspec.Struct, frozen=True):
    """One call of a fake."""

    step: str
    """The invocation id."""
    arguments: dict[str, Any]
    """By name, those with defaults included."""


class Behaviour:
    """What a fake does when it is called: exactly one thing of those that were given."""

    def __init__(
        self,
        returns: Any = _NOT_GIVEN,
        raises: BaseException | type[BaseException] | None = None,
        calls: Callable[..., Any] | None = None,
        side_effects: Iterable[Any] | None = None,
    ) -> None:
        given = [
            name
            for name, is_given in (
                ("returns", returns is not _NOT_GIVEN),
                ("raises", raises is not None),
                ("calls", calls is not None),
                ("side_effects", side_effects is not None),
            )
            if is_given
        ]
        if len(given) > 1:
            raise ArgumentError(
                f"A fake was given {' and '.join(f'`{name}`' for name in given)}. It does one of them."
            )
        self._returned = None if returns is _NOT_GIVEN else returns
        self._effects = None if side_effects is None else list(side_effects)
        if raises is not None:
            self._returned = raises
        self._does_raise = raises is not None
        self._function = calls
        self._number = 0

    @property
    def values(self) -> list[Any]:
        """What is going to be returned, as far as that is known before a call."""
        if self._function is not None or self._does_raise:
            return []
        known = [self._returned] if self._effects is None else self._effects
        return [one for one in known if not (self._effects and is_exception(one))]

    def act(self, args: tuple[Any, ...], kwargs: dict[str, Any], step: str) -> Any:
        """Do what the fake does at its next call."""
        if self._function is not None:
            return self._function(*args, **kwargs)
        effect: Any = self._returned
        does_raise = self._does_raise
        if self._effects is not None:
            if self._number == len(self._effects):
                raise AssertionError(
                    f"The fake of step `{step}` was called more often than the {self._number} times that it has "
                    "`side_effects` for."
                )
            effect = self._effects[self._number]
            self._number += 1
            does_raise = is_exception(effect)
        if does_raise:
            raise effect
        return effect


class Fake:
    """A fake of one step. As a context manager it ends with the block, else with the lab."""

    def __init__(self, target: Step[Any, Any] | str, behaviour: Behaviour, fakes: Fakes) -> None:
        self.calls: list[Call] = []
        """The calls so far, in their order."""
        self.was_met = False
        """Whether a run had a step that this is a fake of."""
        self._target = target
        self._behaviour = behaviour
        self._fakes = fakes
        if not isinstance(target, str):
            self._check(target.outputs, target.name)

    @property
    def name(self) -> str:
        """What the step was called when it was faked."""
        return self._target if isinstance(self._target, str) else self._target.name

    def is_for(self, invocation: Invocation, definition: StepDefinition, program: Program) -> bool:
        """Tell whether a call in a plan is to be answered by this fake."""
        if isinstance(self._target, str):
            return self._target in (invocation.id, definition.name)
        return program.function is self._target.function

    def program(self, identifier: str, program: Program) -> Program:
        """Return what is run for a call in the place of its own program."""
        self._check(program.outputs, identifier)
        signature = program.signature

        def fake(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(args, kwargs, what=f"the fake of step `{identifier}`")
            self.calls.append(Call(identifier, {**signature.defaults(), **bound}))
            return self._behaviour.act(args, kwargs, identifier)

        return Program(program.name, fake, signature, program.outputs, program.hooks)

    def remove(self) -> None:
        """Have the real step run from now on."""
        self._fakes.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<fake of step `{self.name}`, {len(self.calls)} calls>"

    def _check(self, outputs: Any, step: str) -> None:
        for value in self._behaviour.values:
            split_result(value, outputs, step=step)


class Fakes:
    """The fakes of one lab."""

    def __init__(self) -> None:
        self._all: list[Fake] = []
        self._active: list[Fake] = []
        self._seen: dict[str, None] = {}
        """Invocation ids and names of the steps of all runs so far."""

    def add(self, target: Step[Any, Any] | str, behaviour: Behaviour) -> Fake:
        """Have a step faked from now on; the newest of several fakes of a step counts."""
        fake = Fake(target, behaviour, self)
        self._all.append(fake)
        self._active.insert(0, fake)
        return fake

    def remove(self, fake: Fake) -> None:
        """Have a step no longer faked."""
        if fake in self._active:
            self._active.remove(fake)

    def put_into(self, compiled: Compiled) -> Compiled:
        """Return what is run in the place of what was compiled."""
        if compiled.dynamic is not None:
            compiled.dynamic.adapt = lambda invocation: self._fake_in(
                invocation, compiled.plan.definitions, compiled.programs, compiled.filled
            )
            return compiled
        plan = compiled.plan
        definitions, programs = dict(plan.definitions), dict(compiled.programs)
        filled = msgspec.structs.replace(compiled.filled, definitions=dict(compiled.filled.definitions))
        invocations = [self._fake_in(one, definitions, programs, filled) for one in plan.invocations]
        if tuple(invocations) == plan.invocations:
            return compiled
        used = {invocation.definition for invocation in invocations}
        faked_plan = msgspec.structs.replace(
            plan,
            definitions={digest: definitions[digest] for digest in used},
            invocations=tuple(invocations),
        )
        found = Compiled(faked_plan, programs, compiled.externals, compiled.hooks, filled)
        found.run_name, found.schedule = compiled.run_name, compiled.schedule
        return found

    def _fake_in(
        self,
        invocation: Invocation,
        definitions: dict[str, StepDefinition],
        programs: dict[str, Program],
        filled: Filled,
    ) -> Invocation:
        """Return what is called in the place of a call, and put what it needs to the rest."""
        definition, program = definitions[invocation.definition], programs[invocation.definition]
        self._seen |= dict.fromkeys((invocation.id, definition.name))
        fake = next((one for one in self._active if one.is_for(invocation, definition, program)), None)
        if fake is None:
            return invocation
        fake.was_met = True
        faked = _apart(definition)
        digest = wire.digest_of(wire.encode(faked))
        definitions[digest], programs[digest] = faked, fake.program(invocation.id, program)
        if invocation.definition in filled.definitions:
            filled.definitions[digest] = _apart(filled.definitions[invocation.definition])
        return msgspec.structs.replace(invocation, definition=digest)

    def check_met(self) -> None:
        """Raise for a fake whose name no step had although something was run: it was misspelt.

        Raises:
            NotFoundError: there is one.
        """
        for fake in self._all:
            if isinstance(fake._target, str) and not fake.was_met and self._seen:
                raise NotFoundError(
                    f"There is a fake of step `{fake.name}`, and no run of this lab had a step of that name or "
                    f"invocation id. {did_you_mean(fake.name, self._seen)}Steps were: "
                    f"{', '.join(f'`{name}`' for name in self._seen)}."
                )


def is_exception(value: Any) -> bool:
    """Tell whether a value is an exception or a class of exceptions."""
    return isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))


def _apart(definition: StepDefinition) -> StepDefinition:
    """Return a definition that needs no secrets and nothing of the machine, with a cache key of its own."""
    settings = {name: said for name, said in definition.options.settings.items() if name != "resources"}
    options = msgspec.structs.replace(definition.options, secrets=(), settings=settings)
    dependencies = {**definition.dependencies, "fake": new_id()}
    return msgspec.structs.replace(definition, options=options, dependencies=dependencies)
