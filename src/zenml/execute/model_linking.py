"""Which version of a model each step of a run works on, and the links of what the steps make.

The versions were found or created when the run was recorded. What the engine is about to write
is looked through once, and each artifact of a step with a model is linked in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from zenml.records.models import ModelLink, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.records.models import ModelKey, ModelVersion
    from zenml.records.plan import ModelSpec, Plan, StepDefinition
    from zenml.records.run import Artifact, Run
    from zenml.store.store import Batch, Store


def asked_models(plan: Plan) -> list[ModelSpec]:
    """Return the versions that a pipeline and its steps name, each once with all its tags: the pipeline's first."""
    found: dict[ModelKey, ModelSpec] = {}
    steps = (definition.options.model for definition in plan.definitions.values())
    for spec in (plan.options.model, *steps):
        if spec is not None:
            known = found.setdefault(key_of(spec), spec)
            if known != spec:
                tags = tuple(dict.fromkeys((*known.tags, *spec.tags)))
                found[key_of(spec)] = msgspec.structs.replace(known, tags=tags)
    return list(found.values())


class ModelLinking:
    """The versions of one run. Everything here happens with the engine's baton."""

    def __init__(self, store: Store, run: Run, plan: Plan) -> None:
        self._store = store
        self._run = run
        self._plan = plan
        self.asked = asked_models(plan)
        """The versions that the pipeline and its steps name, as far as they are known."""
        self._versions = store.models.of_run(run.id) if self.asked else {}
        self._of_run = self._versions.get(key_of(plan.options.model)) if plan.options.model else None
        self._begun: dict[str, ModelVersion | None] = {}
        """By id of step run: the version that its artifacts belong to."""

    def learn(self, specs: list[ModelSpec]) -> None:
        """Find or make the versions of steps that came later."""
        self.asked = [*self.asked, *(spec for spec in specs if spec not in self.asked)]
        new = [spec for spec in specs if key_of(spec) not in self._versions]
        if new:
            self._store.models.link_run(self._run, new)
            self._versions = {**self._versions, **self._store.models.of_run(self._run.id)}

    def version_of(self, definition: StepDefinition) -> ModelVersion | None:
        """Return the version that a step works on."""
        model = definition.options.model
        return None if model is None else self._versions.get(key_of(model))

    def link(self, batch: Batch, artifacts: Mapping[tuple[str, str], Artifact]) -> None:
        """Add the links of everything that a batch records; a refused batch may come again as part of another.

        Args:
            batch: what is about to be written.
            artifacts: the outputs of the run so far, by invocation id and output name.
        """
        if not self._versions:
            return
        for artifact in batch.saved:
            self._add(batch, self._begun.get(artifact.saved_by or ""), [artifact])
        for end in batch.ended:
            self._add(batch, self._begun.get(end.step.id), end.artifacts)
        for step in batch.started:
            definition = self._plan.definitions[step.definition]
            self._begun[step.id] = version = self.version_of(definition)
            if step.status == "cached":
                found = [artifacts[step.invocation_id, output.name] for output in definition.outputs]
                self._add(batch, version, found)
        self._add(batch, self._of_run, batch.aliases)

    def _add(self, batch: Batch, version: ModelVersion | None, artifacts: Iterable[Artifact]) -> None:
        if version is not None:
            batch.links += [
                ModelLink(version_id=version.id, kind="artifact", target_id=one.id) for one in artifacts
            ]
