r"""Keep artifacts in a container of Azure Blob Storage.

    pip install 'zenml-core[azure]'

    zenml secret create azure --from-file azure.env    # key=…
    zenml artifact-store register lake --flavor azure --path az://models/training \
        --account_name mycompany --account_key '{{azure.key}}'
    zenml stack register cloud -a lake --set

Without a key, a connection string or a token, credentials come from where Azure's own tools find them: the
environment, the machine's identity, or `az login`. They must be allowed to list, read, write and delete blobs.
An artifact is there when its manifest is, which is written last and only if there is none.

Tested with Azurite, Microsoft's stand-in for the service; never with Azure itself.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from zenml.artifacts.bucket import PART, PARTS_AT_ONCE
from zenml.artifacts.remote_store import RemoteArtifactStore
from zenml.components.flavor import Flavor, Place, SecretText
from zenml.components.remote_artifact_store import RemoteStoreConfig, open_remote_store, service_name

_SECONDS_TO_CONNECT = 10
_SECONDS_TO_READ = 60


class AzureArtifactStoreConfig(RemoteStoreConfig, frozen=True, kw_only=True):
    """Which container, and who asks for it."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("az", "abfs", "abfss")

    account_name: Annotated[str | None, Meta(description="The storage account.")] = None
    account_host: Annotated[
        str | None, Meta(description="Host and port of a service other than `ACCOUNT.blob.core.windows.net`.")
    ] = None
    account_key: Annotated[SecretText | None, Meta(description="A key of the storage account.")] = None
    sas_token: Annotated[SecretText | None, Meta(description="A shared access signature.")] = None
    connection_string: Annotated[
        SecretText | None, Meta(description="All of the above in one, as the portal shows it.")
    ] = None


def _open(config: AzureArtifactStoreConfig, place: Place) -> RemoteArtifactStore:
    return open_remote_store(
        config,
        place,
        flavor=lambda: FLAVOR,
        service=service_name("Azure Blob Storage", config.account_host),
        connect=lambda: _connect(config),
        upload_options={"max_concurrency": PARTS_AT_ONCE},
    )


def _connect(config: AzureArtifactStoreConfig) -> Any:
    from adlfs import AzureBlobFileSystem

    options: dict[str, Any] = {
        "account_name": config.account_name,
        "account_host": config.account_host,
        "account_key": config.account_key,
        "sas_token": config.sas_token,
        "connection_string": config.connection_string,
        "connection_timeout": _SECONDS_TO_CONNECT,
        "read_timeout": _SECONDS_TO_READ,
        "blocksize": PART,
        "max_concurrency": PARTS_AT_ONCE,
        "anon": False,
        "use_listings_cache": False,
    }
    files = AzureBlobFileSystem(**{**options, **config.client_options})
    _be_brief(files)
    return files


def _be_brief(files: Any) -> None:
    """Let the client try a request twice, so that a lost part does not begin a large file anew.

    By itself it would wait for two minutes before it gives up, in each of the tries that the store makes of whole
    files. What sets that is no argument of adlfs; where a later release has it elsewhere, only the time differs.
    """
    policy = getattr(getattr(files.service_client, "_config", None), "retry_policy", None)
    for name in ("total_retries", "connect_retries", "read_retries", "status_retries", "initial_backoff"):
        if hasattr(policy, name):
            setattr(policy, name, 1)


FLAVOR = Flavor(
    type="artifact_store",
    name="azure",
    component=_open,
    config=AzureArtifactStoreConfig,
    requirements=("adlfs>=2026.1",),
    extra="azure",
)
