"""What a run was configured with, as a user reads it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from zenml.records import values
from zenml.views.variables import KEPT, shown

if TYPE_CHECKING:
    from zenml.records.run import Run
    from zenml.store.store import Store


class RunConfiguration:
    """What a run was configured with."""

    def __init__(self, run: Run, store: Store) -> None:
        self._run = run
        self._store = store
        self._parameters = run.parameters

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The arguments of the pipeline function."""
        return {name: values.decode(bytes(raw), allow_types=True) for name, raw in self._parameters.items()}

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._run.options, name)
        return shown(value, self._run, self._store) if name in KEPT else value
