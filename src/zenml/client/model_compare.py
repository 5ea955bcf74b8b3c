"""Two versions of a model compared: metrics, artifacts, and the code and parameters of their runs.

    found = compare_versions(store, "churn", "1", "production")

The answer is one value, which the command line prints as text or JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.client.run_diff import StepChange, run_diff
from zenml.client.run_pairs import Difference
from zenml.records.models import ModelVersion
from zenml.views.model_view import ModelVersionView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.store.store import Store
    from zenml.views.artifact_view import ArtifactView
    from zenml.views.run_view import RunView


class Metric(msgspec.Struct, frozen=True):
    """A value that was logged of both versions, or of one; None where it was not."""

    name: str
    before: Any
    after: Any


class ArtifactPair(msgspec.Struct, frozen=True):
    """An artifact of both versions, or of one: the version of it that each has."""

    name: str
    before: int | None
    after: int | None
    is_same: bool
    """Whether both have the same content."""


class ModelComparison(msgspec.Struct, frozen=True, kw_only=True):
    """What two versions of a model have in common, and what not."""

    before: ModelVersion
    after: ModelVersion
    metrics: tuple[Metric, ...]
    """All of them, equal ones too."""
    artifacts: tuple[ArtifactPair, ...]
    runs: tuple[str | None, str | None]
    """The names of the runs that are compared; None where there is none any more."""
    params: tuple[Difference, ...] = ()
    code: tuple[StepChange, ...] = ()


def compare_versions(store: Store, model: str, before: str, after: str) -> ModelComparison:
    """Compare two versions of a model, named by number, name, stage or "latest".

    The runs that are compared are those that created the versions, or the newest that worked on them.

    Raises:
        NotFoundError: there is no such model or version.
    """
    old, new = (ModelVersionView(store.models.find(model, asked), store) for asked in (before, after))
    runs = _run_of(old), _run_of(new)
    found = ModelComparison(
        before=old.record,
        after=new.record,
        metrics=tuple(_metrics(old.run_metadata, new.run_metadata)),
        artifacts=tuple(_artifacts(old.artifacts, new.artifacts)),
        runs=(_name_of(runs[0]), _name_of(runs[1])),
    )
    if runs[0] is None or runs[1] is None:
        return found
    diff = run_diff(store, runs[0].id, runs[1].id, ("params", "code"))
    return msgspec.structs.replace(found, params=diff.params, code=diff.code)


def _run_of(version: ModelVersionView) -> RunView | None:
    return version.run or next(iter(version.runs), None)


def _name_of(run: RunView | None) -> str | None:
    return None if run is None else run.name


def _metrics(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Metric]:
    for name in {**before, **after}:
        yield Metric(name, before.get(name), after.get(name))


def _artifacts(before: dict[str, ArtifactView], after: dict[str, ArtifactView]) -> Iterator[ArtifactPair]:
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        yield ArtifactPair(
            name,
            None if one is None else one.version,
            None if other is None else other.version,
            one is not None and other is not None and one.digest == other.digest,
        )
