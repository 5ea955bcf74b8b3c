"""Keep artifacts in a bucket of Google Cloud Storage.

    pip install 'zenml-core[gcs]'

    zenml artifact-store register lake --flavor gcs --path gs://models/training --project my-project
    zenml stack register cloud -a lake --set

Credentials come from `token`, or from where Google's own tools find them: `GOOGLE_APPLICATION_CREDENTIALS`, the
machine's identity, or `gcloud auth application-default login`. They must be allowed to list, get, create and delete
objects. An artifact is there when its manifest is, which is written last with `ifGenerationMatch=0`.

Tested neither with the real service nor with an emulator. It shares everything with those of
S3 and Azure but how it connects.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from zenml.artifacts.bucket import PART
from zenml.artifacts.remote_store import RemoteArtifactStore
from zenml.components.flavor import Flavor, Place, SecretText
from zenml.components.remote_artifact_store import RemoteStoreConfig, open_remote_store, service_name
from zenml.errors import ConfigurationError

_SECONDS = 60


class GcsArtifactStoreConfig(RemoteStoreConfig, frozen=True, kw_only=True):
    """Which bucket, and who asks for it."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("gs", "gcs")

    project: Annotated[str | None, Meta(description="The project of the bucket.")] = None
    endpoint_url: Annotated[
        str | None, Meta(description="The address of a service other than Google's, such as an emulator.")
    ] = None
    token: Annotated[
        SecretText | None,
        Meta(
            description="The JSON text of a service account's key, or `anon`, `cloud` or the path of a key file."
        ),
    ] = None


def _open(config: GcsArtifactStoreConfig, place: Place) -> RemoteArtifactStore:
    return open_remote_store(
        config,
        place,
        flavor=lambda: FLAVOR,
        service=service_name("Google Cloud Storage", config.endpoint_url),
        connect=lambda: _connect(config),
        upload_options={"chunksize": PART},
    )


def _connect(config: GcsArtifactStoreConfig) -> Any:
    from gcsfs import GCSFileSystem

    options: dict[str, Any] = {
        "project": config.project,
        "endpoint_url": config.endpoint_url,
        "token": _token(config.token),
        "requests_timeout": _SECONDS,
        "use_listings_cache": False,
    }
    return GCSFileSystem(**{**options, **config.client_options})


def _token(text: str | None) -> Any:
    if text is None or not text.lstrip().startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"`token` of this artifact store begins like JSON and is none: {error}. Give the whole text of the key file."
        ) from error


FLAVOR = Flavor(
    type="artifact_store",
    name="gcs",
    component=_open,
    config=GcsArtifactStoreConfig,
    requirements=("gcsfs>=2026.1",),
    extra="gcs",
)
