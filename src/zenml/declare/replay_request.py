"""What is asked of a replay: what it takes from the original, and what is replaced; checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.artifact_stores import artifact_stores
from zenml.config.placeholders import escaped_in
from zenml.config.plain import plain
from zenml.config.preview import preview
from zenml.errors import ArgumentError, ReplayError
from zenml.execute.recording import is_whole
from zenml.execute.replayed import maps_of, names_of, steps_to_take
from zenml.records.ids import short
from zenml.records.plan import Replay
from zenml.signatures.signature import did_you_mean
from zenml.signatures.type_check import from_text
from zenml.views.step_outputs import outputs_of_steps, producer_of

if TYPE_CHECKING:
    from zenml.declare.pipeline import Pipeline
    from zenml.declare.step import Step
    from zenml.records.plan import Plan
    from zenml.records.run import StepRun
    from zenml.store.store import Store
    from zenml.views.run_view import RunView

LISTED = 20
"""Names that a message lists."""


class Typed(str):
    """A value as somebody typed it, which is read as the annotation asks once that is known."""

    __slots__ = ()


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay is to do otherwise than its original."""

    skip: tuple[str, ...] = ()
    """Ids of calls and names of steps whose recorded outputs are taken."""
    skips_successful: bool = False
    inputs: dict[str, Any] = {}
    """Arguments of the pipeline that replace those of then."""
    step_inputs: dict[str, dict[str, Any]] = {}
    """Arguments of calls that replace those of then, by id or name of the step."""

    @classmethod
    def read(
        cls,
        skip: Any,
        inputs: Mapping[str, Any] | None,
        step_inputs: Mapping[str, Mapping[str, Any]] | None,
        *,
        skips_successful: bool,
    ) -> ReplayRequest:
        """Return what somebody asks for.

        Raises:
            ArgumentError: it has not the form that it needs.
        """
        listed = (skip,) if isinstance(skip, str) or not isinstance(skip, Iterable) else tuple(skip)
        names = [one if isinstance(one, str) else getattr(one, "name", None) for one in listed]
        if not all(isinstance(name, str) for name in names):
            raise ArgumentError(
                f'`skip` of a replay is {preview(skip)}. Give it ids of calls or names of steps: `skip=["train"]`.'
            )
        _check_mapping(inputs, "input_overrides", '{"size": 5}')
        _check_mapping(step_inputs, "step_input_overrides", '{"train": {"rate": 0.1}}')
        found = {}
        for name, arguments in (step_inputs or {}).items():
            _check_mapping(arguments, f"step_input_overrides` of step `{name}", '{"rate": 0.1}')
            found[name] = {
                key: value
                if isinstance(value, Typed)
                else escaped_in(plain(value, f"`{key}` of step `{name}`"))
                for key, value in arguments.items()
            }
        return cls(
            skip=tuple(str(name) for name in names),
            skips_successful=skips_successful,
            inputs=dict(inputs or {}),
            step_inputs=found,
        )

    def typed(self, pipeline: Pipeline[Any], steps: Mapping[str, Step[Any, Any]]) -> ReplayRequest:
        """Return it with values in the place of what was typed.

        Args:
            pipeline: the pipeline, whose parameters have annotations.
            steps: steps by id and name, as far as they are known.

        Raises:
            TypeMismatchError: a text does not stand for a value of its type.
        """
        inputs = {
            name: from_text(str(value), pipeline.signature.annotation(name), what=f"`{name}`")
            if isinstance(value, Typed)
            else value
            for name, value in self.inputs.items()
        }
        step_inputs: dict[str, dict[str, Any]] = {}
        for step, arguments in self.step_inputs.items():
            known = steps.get(step)
            for name, value in arguments.items():
                given = value
                if isinstance(value, Typed):
                    what = f"`{name}` of step `{step}`"
                    annotation = Any if known is None else known.signature.annotation(name)
                    given = escaped_in(plain(from_text(str(value), annotation, what=what), what))
                step_inputs.setdefault(step, {})[name] = given
        return msgspec.structs.replace(self, inputs=inputs, step_inputs=step_inputs)

    def recorded(self, original: RunView) -> Replay:
        """Return what the plan of the replay says of it."""
        return Replay(original.id, self.skip, self.skips_successful)

    @property
    def said(self) -> dict[str, Any]:
        """The arguments of calls as configuration of steps."""
        return {"steps": {name: {"parameters": said} for name, said in self.step_inputs.items()}}

    def check_original(self, original: RunView, store: Store) -> None:
        """Raise for what is to be skipped and has no result in the original.

        Raises:
            ReplayError: there is no such step, it did not succeed, or its stored output is gone.
        """
        both = [name for name in self.skip if name in self.step_inputs]
        if both:
            raise ReplayError(
                f"Step `{both[0]}` is to be skipped, and its arguments are to be replaced. Leave out one of the two: what is "
                "skipped is not executed."
            )
        known = names_of(original, original.attempts) | maps_of(original.attempts)
        known |= {one.id for one in original.stored_plan.invocations}
        steps = steps_to_take(original, Replay(original.id, self.skip))
        found = names_of(original, steps) | maps_of(steps)
        for name in self.skip:
            if name not in known:
                raise ReplayError(_unknown(f"is to skip a step `{name}`", name, original, known))
            if name not in found:
                raise ReplayError(
                    f"Step `{name}` of run `{original.name}` ({short(original.id)}) has no result that a replay could take: "
                    f"{_state_of(name, original)}. Leave it out of what is skipped, and it is executed."
                )
        _check_whole(steps, original, store)

    def check_calls(self, original: RunView, plan: Plan, steps: Mapping[str, Step[Any, Any]]) -> None:
        """Raise for what is to be skipped or replaced and is not in the pipeline as it is now.

        Args:
            original: the run that is reproduced.
            plan: the plan of the replay; of a dynamic pipeline, whose calls nobody knows, those of the original count.
            steps: steps of the original by id and name, as they are now, as far as they are known.

        Raises:
            ReplayError: there is no such step, or its outputs are other ones.
            ArgumentError: a step does not take an argument.
        """
        if plan.is_dynamic:
            known = names_of(original, original.attempts)
        else:
            known = {one.id for one in plan.invocations}
            known |= {plan.definitions[one.definition].name for one in plan.invocations}
            for name in self.skip:
                if name not in known:
                    raise ReplayError(
                        f"The replay of run `{original.name}` is to skip a step `{name}`, which pipeline `{plan.pipeline}` "
                        f"has no more. {did_you_mean(name, known)}Leave it out of what is skipped."
                    )
            self._check_outputs(original, plan)
        for name, arguments in self.step_inputs.items():
            if name not in known:
                raise ReplayError(_unknown(f"replaces arguments of a step `{name}`", name, original, known))
            if plan.is_dynamic:
                _check_arguments(name, arguments, original, steps.get(name))

    def _check_outputs(self, original: RunView, plan: Plan) -> None:
        calls = {one.id: plan.definitions[one.definition] for one in plan.invocations}
        for step in steps_to_take(original, Replay(original.id, self.skip)):
            now = calls.get(step.invocation_id)
            before = [output.name for output in original.definition(step.definition).outputs]
            if now is not None and sorted(before) != sorted(output.name for output in now.outputs):
                raise ReplayError(
                    f"Step `{step.invocation_id}` is to be skipped, and has other outputs now than in run `{original.name}`: "
                    f"{_listed(output.name for output in now.outputs)} instead of {_listed(before)}. Leave it out of what "
                    "is skipped, and it is executed."
                )


def _check_mapping(given: Any, what: str, example: str) -> None:
    if given is None or (isinstance(given, Mapping) and all(isinstance(name, str) for name in given)):
        return
    raise ArgumentError(f"`{what}` is {preview(given)}. Give it a mapping of names, such as `{example}`.")


def _unknown(what: str, name: str, original: RunView, known: set[str]) -> str:
    return (
        f"The replay of run `{original.name}` ({short(original.id)}) {what}, which that run does not have. "
        f"{did_you_mean(name, known)}Its steps are: {_listed(sorted(known))}."
    )


def _listed(names: Iterable[str]) -> str:
    found = [f"`{name}`" for name in names]
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return (", ".join(found[:LISTED]) or "none") + more


def _state_of(name: str, original: RunView) -> str:
    """Return what became of the calls that a name stands for, as a clause."""
    last = {step.invocation_id: step for step in original.attempts if name in names_of(original, (step,))}
    states = list(dict.fromkeys(step.status for step in last.values()))
    return f"it is {' and '.join(states)}" if states else "it did not begin"


def _check_whole(steps: list[StepRun], original: RunView, store: Store) -> None:
    outputs = outputs_of_steps(store, steps)
    artifacts = artifact_stores(store)
    for step in steps:
        found = outputs.get(producer_of(step), [])
        is_gone = step.child_run_id is not None and producer_of(step) not in outputs
        if is_gone or not is_whole(found, original.definition(step.definition), artifacts):
            raise ReplayError(
                f"Step `{step.invocation_id}` is to be skipped, and its stored output in run `{original.name}` is damaged or "
                "gone. Leave it out of what is skipped, and it is executed."
            )


def _check_arguments(
    name: str, arguments: Mapping[str, Any], original: RunView, step: Step[Any, Any] | None
) -> None:
    """Raise for arguments that a step of a dynamic pipeline does not take, which nobody else would tell before its call."""
    calls = [one for one in original.attempts if name in names_of(original, (one,))]
    known = {argument for one in calls for argument in one.invocation.inputs}
    if step is not None:
        known = set(step.signature.parameters)
    for argument in arguments:
        if argument not in known and not (step is not None and step.signature.accepts(argument)):
            raise ArgumentError(
                f"The replay of run `{original.name}` sets the parameter `{argument}` of step `{name}`, which that does not "
                f"take. {did_you_mean(argument, known)}It takes: {_listed(sorted(known))}."
            )
