"""The version of a model that a running step works on: what `get_step_context().model` returns.

It is read from the store, where the version is since before the run began; what the step says of
it goes to the owner of the run, as everything that a step says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.records.events import Target
from zenml.views.model_view import ModelVersionView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.execute.hook_context import HookContext
    from zenml.records.models import ModelVersion
    from zenml.store.store import Store
    from zenml.worker.step_context import StepContext


class StepModelVersion(ModelVersionView):
    """The version, with what this step has logged of it so far."""

    def __init__(self, record: ModelVersion, store: Store, context: StepContext | HookContext) -> None:
        super().__init__(record, store)
        self._context = context

    @property
    def metadata_history(self) -> dict[str, list[Any]]:
        """Every value that was logged of this version, by name, the oldest first; this step's own at the end.

        What this step said a moment ago may not be recorded yet, and is there all the same.
        """
        found = super().metadata_history
        for name, value in self._context.said_of_model.items():
            if found.get(name, [])[-1:] != [value]:
                found.setdefault(name, []).append(value)
        return found

    def log_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Keep values with this version: its metrics."""
        self._context.log_metadata(Target("model_version", self.id), metadata)


class StepModel(StepModelVersion):
    """The same, called by the name of the model."""

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.record.model_name

    @property
    def version(self) -> str:
        """The name of the version: its number, unless it was named."""
        return self.record.name

    @property
    def model_id(self) -> str:
        """The id of the model; `id` is that of the version."""
        return self.record.model_id
