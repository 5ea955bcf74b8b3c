"""Store a value, load a value: the two stories that every materializer is part of.

    save    choose a materializer by the value's own type → bytes in the row, or a folder of files
    load    check trust → check digests → let the materializer read

A value is stored exactly or refused. What the chosen built-in materializer cannot hold exactly
is pickled, with a warning; a materializer that was asked for by name is never replaced.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zenml.artifacts.hashing import digest_bytes, digest_files
from zenml.artifacts.verification import verify_inline
from zenml.errors import (
    ArtifactDamagedError,
    ArtifactNotTrustedError,
    ConfigurationError,
    MaterializerError,
    ZenMLError,
)
from zenml.materializers import registry
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.blob_materializer import BlobMaterializer, FinalRefusalError
from zenml.materializers.describing import describe
from zenml.records.artifact_data import StoredValue
from zenml.records.type_names import label

if TYPE_CHECKING:
    from zenml.artifacts.artifact_store import ArtifactStore

Materializer = type[BaseMaterializer]
MaterializerChoice = Materializer | str | Sequence[Materializer | str]
"""A class, a dotted path, or several of them, of which the one made for the value's type is taken."""

INLINE_LIMIT = 65536
"""Up to this many bytes a value is kept in its row: a file and its fsyncs cost twice as much."""


def save(
    value: Any,
    *,
    artifact_store: ArtifactStore,
    key_hint: str,
    annotation: Any = None,
    materializer: MaterializerChoice | None = None,
    has_metadata: bool = True,
    has_visualizations: bool = True,
) -> StoredValue:
    """Store a value so that it comes back equal and of the same type, or raise `MaterializerError`.

    Args:
        value: what to store.
        artifact_store: where files go; small values need none.
        key_hint: `<attempt id>/<output name>`; the folder's key is made from it, if there is a folder.
        annotation: the declared type; chooses a materializer where none is made for the value's own type.
        materializer: which materializer to use, whatever the type.
        has_metadata: whether to call `extract_metadata`.
        has_visualizations: whether to call `save_visualizations` of a user's materializer.
    """
    plan = _Saving(artifact_store, key_hint, has_metadata=has_metadata, has_visualizations=has_visualizations)
    if materializer is not None:
        return plan.save(value, _choose(materializer, type(value)))
    chosen = registry.find(type(value))
    if chosen.SHORT_NAME == registry.FALLBACK:
        chosen = _by_annotation(value, annotation) or chosen
    reason = None
    for candidate in _candidates(value, chosen):
        try:
            return plan.save(value, candidate)
        except MaterializerError as refusal:
            if not candidate.HAS_FALLBACK or isinstance(refusal, FinalRefusalError):
                raise
            reason = reason or str(refusal)
    from zenml.materializers.cloudpickle_materializer import CloudpickleMaterializer, warn_once

    stored = plan.save(value, CloudpickleMaterializer)
    warn_once(type(value), reason)
    return stored


def load(
    stored: StoredValue, *, artifact_store: ArtifactStore, data_type: type[Any] | None = None, trusted: bool
) -> Any:
    """Load a stored value, every digest checked.

    Args:
        stored: what `save` returned.
        artifact_store: where its files are.
        data_type: what a user's materializer gets as `data_type`; the value's own type if None. Formats that are read
            without trust do without it: finding the type may import a module.
        trusted: whether this store recorded the value itself. If not, only formats that run no code and
            import no types are read.
    """
    materializer = registry.of_record(stored.materializer, is_trusted=trusted)
    if not trusted and (stored.needs_trust or not materializer.IS_SAFE):
        raise ArtifactNotTrustedError(
            f"{_name(stored)} of type `{stored.type}` can only be loaded by running code or importing types, which"
            " is only done for artifacts that this store recorded itself. Load it from the store that recorded it."
        )
    is_inline = stored.inline is not None and issubclass(materializer, BlobMaterializer)
    reader = materializer("" if is_inline else artifact_store.fetch(stored))
    reader.is_trusted = trusted
    if is_inline and isinstance(reader, BlobMaterializer):
        return reader.from_bytes(verify_inline(stored))
    try:
        return reader.load(data_type or (registry.type_of(stored.type) if trusted else object))
    except FileNotFoundError as error:
        if materializer.SHORT_NAME is None or not str(error.filename).startswith(f"{reader.uri}/"):
            raise  # of a user's own code
        raise ArtifactDamagedError(
            f"{_name(stored)} is damaged: it has no file `{os.path.relpath(error.filename, reader.uri)}`, which the"
            f" materializer `{stored.materializer}` reads. Restore a backup of the store, or run the step again."
        ) from error


def associated_types(choice: Materializer | str) -> tuple[type, ...]:
    """Return the types a materializer says it is made for, given the class or its dotted path."""
    return (registry.resolve(choice) if isinstance(choice, str) else choice).ASSOCIATED_TYPES


class _Saving:
    """Where and how one value is being stored."""

    def __init__(
        self, artifact_store: ArtifactStore, key_hint: str, *, has_metadata: bool, has_visualizations: bool
    ) -> None:
        self.artifact_store = artifact_store
        self.key_hint = key_hint
        self.has_metadata = has_metadata
        self.has_visualizations = has_visualizations

    def save(self, value: Any, materializer: Materializer) -> StoredValue:
        """Store the value with this materializer and no other."""
        if materializer.SHORT_NAME is None:
            return self._save_folder(value, materializer, lambda writer: writer.save(value), needs_trust=True)
        try:
            return self._save_built_in(value, materializer)
        except (ZenMLError, OSError):
            raise
        except Exception as error:  # libraries raise anything at values they do not expect
            raise MaterializerError(
                f"A value of type `{label(type(value))}` cannot be stored as {materializer.SHORT_NAME}"
                f" ({type(error).__name__}: {error}). Choose another materializer."
            ) from error

    def _save_built_in(self, value: Any, materializer: Materializer) -> StoredValue:
        if not issubclass(materializer, BlobMaterializer):
            is_safe = materializer.IS_SAFE
            return self._save_folder(
                value, materializer, lambda writer: writer.save(value), needs_trust=not is_safe
            )
        size = materializer.estimated_size(value)
        if size is not None and size > INLINE_LIMIT:
            is_safe = materializer.IS_SAFE
            return self._save_folder(
                value, materializer, lambda writer: writer.save(value), needs_trust=not is_safe
            )
        data = materializer.to_bytes(value)
        needs_trust = materializer.needs_trust(data)
        if len(data) > INLINE_LIMIT:
            return self._save_folder(
                value, materializer, lambda writer: writer.write_blob(data), needs_trust=needs_trust
            )
        return StoredValue(
            type=label(type(value)),
            materializer=registry.name_in_records(materializer),
            digest=digest_bytes(data),
            size=len(data),
            inline=data,
            metadata=self._metadata(value, materializer, None),
            needs_trust=needs_trust,
            kind=str(materializer.ASSOCIATED_ARTIFACT_TYPE),
        )

    def _save_folder(
        self, value: Any, materializer: Materializer, write: Callable[[Any], None], *, needs_trust: bool
    ) -> StoredValue:
        staging = self.artifact_store.stage(self.key_hint)
        about = {"type": label(type(value)), "materializer": registry.name_in_records(materializer)}
        try:
            writer = materializer(staging.path, staging)
            write(writer)
            metadata = self._metadata(value, materializer, writer)
            files = self.artifact_store.publish(staging, about)
        except OSError as error:
            staging.abandon()
            error.filename = error.filename or staging.path  # a full disk is reported with its place
            raise
        except BaseException:
            staging.abandon()
            raise
        return StoredValue(
            type=about["type"],
            materializer=about["materializer"],
            digest=digest_files(files),
            size=sum(entry.size for entry in files),
            key=staging.key,
            files=files,
            metadata=metadata,
            needs_trust=needs_trust or writer.wrote_unsafe,
            kind=str(materializer.ASSOCIATED_ARTIFACT_TYPE),
            store_id=self.artifact_store.store_id,
        )

    def _metadata(
        self, value: Any, materializer: Materializer, writer: BaseMaterializer | None
    ) -> dict[str, Any]:
        return describe(
            value,
            writer or materializer(""),
            has_metadata=self.has_metadata,
            has_visualizations=self.has_visualizations,
            has_folder=writer is not None,
        )


def _choose(choice: MaterializerChoice, kind: type) -> Materializer:
    several = [choice] if isinstance(choice, (str, type)) else list(choice)
    if not several:
        raise ConfigurationError("The list of materializers is empty. Name one, or leave the option out.")
    fitting = [item for item in several if issubclass(kind, associated_types(item))]
    chosen = (fitting or several)[0]
    return registry.resolve(chosen) if isinstance(chosen, str) else chosen


def _candidates(value: Any, chosen: Materializer) -> Iterator[Materializer]:
    """Yield what to try before a pickle: the materializer of the type, then taking a container apart."""
    if chosen.SHORT_NAME != registry.FALLBACK:
        yield chosen
    if label(type(value)) in registry.CONTAINERS:
        if _is_state_dict(value):
            yield registry.built_in("torch-state")
        yield registry.built_in("composite")


def _is_state_dict(value: Any) -> bool:
    """Tell whether a mapping holds tensors only, by name; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return (
        torch is not None
        and isinstance(value, dict)
        and bool(value)
        and all(type(item) is torch.Tensor for item in value.values())
    )


def _by_annotation(value: Any, annotation: Any) -> Materializer | None:
    """Return a user's materializer for the declared type, such as an abstract class the value fits."""
    try:
        if not isinstance(annotation, type) or not isinstance(value, annotation):
            return None
    except TypeError:  # `Any` and most protocols are classes that have no instances
        return None
    found = registry.find(annotation)
    return found if found.SHORT_NAME is None else None


def _name(stored: StoredValue) -> str:
    return f"The artifact `{stored.key}`" if stored.key else "An artifact"
