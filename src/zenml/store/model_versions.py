"""Versions of models inside whatever transaction they belong to: found, created, linked to a run.

A run's versions are found or created in the transaction that records the run. There is one
writer at a time, so a number that is read and raised there is given once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.errors import ConfigurationError, NotFoundError
from zenml.records.ids import ModelId, ModelVersionId, microseconds_now, new_id
from zenml.records.models import LATEST, STAGES, Model, ModelLink, ModelVersion
from zenml.records.plan import TagSpec
from zenml.records.run import tag_on
from zenml.store.note_writing import write_notes
from zenml.store.schema import table_of
from zenml.store.store import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zenml.records.ids import RunId
    from zenml.records.plan import ModelSpec
    from zenml.records.run import Run
    from zenml.store.file import Transaction

    Read = Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]]
    """Runs one query: of a transaction, or without one."""

SHOWN = 20
"""Versions listed where one was not found."""

_LARGEST = 2**63 - 1
"""The largest number that a database holds."""

_MODEL = f"{table_of(Model).select} WHERE name = :name"
_VERSIONS = f"{table_of(ModelVersion).select} WHERE model_name = :model"
# Several versions can be archived: the newest of them counts.
_NEWEST_FIRST = " ORDER BY number DESC"
_RAISE_NUMBER = "UPDATE models SET last_number = :last_number WHERE id = :id"
# The version may have been deleted while the run went on: the run goes on without it.
_LINK = (
    "INSERT INTO model_links (version_id, kind, target_id, asked) SELECT :version_id, :kind, :target_id, :asked"
    " WHERE EXISTS (SELECT 1 FROM model_versions WHERE id = :version_id) ON CONFLICT DO NOTHING"
)


def find_model(read: Read, name: str) -> Model | None:
    """Return a model by name, or None."""
    rows = read(_MODEL, {"name": name})
    return table_of(Model).record(rows[0]) if rows else None


def versions_of(read: Read, model: str) -> list[ModelVersion]:
    """Return the versions of a model, the newest first."""
    return [table_of(ModelVersion).record(row) for row in read(_VERSIONS + _NEWEST_FIRST, {"model": model})]


def version_named(read: Read, model: str, name: str) -> ModelVersion | None:
    """Return the version with this name, or None."""
    return _first(read, " AND name = :asked", model, name)


def version_in(read: Read, model: str, stage: str) -> ModelVersion | None:
    """Return the newest version that is in a stage, or None."""
    return _first(read, " AND stage = :asked", model, stage)


def find_version(read: Read, model: str, asked: str) -> ModelVersion | None:
    """Return the version that a number, a stage, a name or "latest" stands for, or None.

    A stage wins over a name: a version that is called `production` is found by that as long as no
    version is in production.
    """
    if asked == LATEST:
        return _first(read, "", model, asked)
    if asked.isdecimal():
        return _first(read, " AND number = :asked", model, min(int(asked), _LARGEST))
    staged = version_in(read, model, asked) if asked in STAGES[1:] else None
    return staged or version_named(read, model, asked)


def missing_version(read: Read, model: str, asked: str) -> NotFoundError:
    """Return the error for a version that is not there, with those that are."""
    found = versions_of(read, model)
    listed = ", ".join(
        f"`{version.name}`" + (f" ({version.stage})" if version.stage != "none" else "")
        for version in found[:SHOWN]
    )
    more = f" and {len(found) - SHOWN} older ones" if len(found) > SHOWN else ""
    return NotFoundError(
        f"Model `{model}` has no version `{asked}`. It has: {listed or 'none'}{more}. Numbers are given by the "
        "store: leave `version` out for a new one."
    )


def create_model(
    transaction: Transaction, name: str, about: dict[str, str], tags: Iterable[TagSpec] = ()
) -> Model:
    """Record a new model."""
    model = Model(id=ModelId(new_id()), name=name, about=about, created_at=microseconds_now())
    table = table_of(Model)
    transaction.run(table.insert, table.row(model))
    write_notes(transaction, Notes(tags=[tag_on("model", model.id, tag) for tag in tags]))
    return model


def create_version(
    transaction: Transaction,
    model: Model,
    name: str | None,
    *,
    description: str | None = None,
    run_id: RunId | None = None,
) -> ModelVersion:
    """Record the next version of a model; its name is its number unless it is given one."""
    if name is not None and (name == LATEST or name.isdecimal() or not name.strip()):
        raise ConfigurationError(
            f"A version of model `{model.name}` cannot be called `{name}`. Leave the name out to get the next "
            "number, or take one that is neither a number nor `latest`."
        )
    number = model.last_number + 1
    version = ModelVersion(
        id=ModelVersionId(new_id()),
        model_id=model.id,
        model_name=model.name,
        number=number,
        name=name or str(number),
        description=description,
        run_id=run_id,
        created_at=microseconds_now(),
    )
    table = table_of(ModelVersion)
    transaction.run(_RAISE_NUMBER, {"id": model.id, "last_number": number})
    transaction.run(table.insert, table.row(version))
    return version


def link_run(transaction: Transaction, run: Run, specs: Sequence[ModelSpec]) -> None:
    """Find or create the versions that a run works on, tag them, and link them to the run.

    What exists is found before anything new is made: "latest" is the newest version before the run.

    Raises:
        NotFoundError: a number was asked for that the model does not have.
    """
    for spec in sorted(specs, key=lambda spec: spec.version is None):
        version = _resolve(transaction, spec, run)
        write_notes(transaction, Notes(tags=[tag_on("model_version", version.id, tag) for tag in spec.tags]))
        link = ModelLink(version_id=version.id, kind="run", target_id=run.id, asked=spec.version or "")
        write_links(transaction, [link])


def write_links(transaction: Transaction, links: Sequence[ModelLink]) -> None:
    """Record what belongs to versions; what is linked already stays."""
    table = table_of(ModelLink)
    transaction.run_many(_LINK, [table.row(link) for link in links])


def _resolve(transaction: Transaction, spec: ModelSpec, run: Run) -> ModelVersion:
    asked = spec.version
    if asked is not None:
        found = find_version(transaction.read, spec.name, asked)
        if found is not None:
            return found
        if asked.isdecimal():
            raise missing_version(transaction.read, spec.name, asked)
    model = find_model(transaction.read, spec.name)
    if model is None:
        model = create_model(transaction, spec.name, spec.about, spec.tags)
    name = None if asked in (None, LATEST) else asked
    return create_version(transaction, model, name, run_id=run.id)


def _first(read: Read, condition: str, model: str, asked: str | int) -> ModelVersion | None:
    rows = read(f"{_VERSIONS}{condition}{_NEWEST_FIRST} LIMIT 1", {"model": model, "asked": asked})
    return table_of(ModelVersion).record(rows[0]) if rows else None
