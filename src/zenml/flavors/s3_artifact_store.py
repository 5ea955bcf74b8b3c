r"""Keep artifacts in a bucket of Amazon S3, or of a service that speaks its language.

    pip install 'zenml-core[s3]'

    zenml secret create aws --from-file aws.env        # key=AKIA…, secret=…
    zenml artifact-store register lake --flavor s3 --path s3://models/training \
        --key '{{aws.key}}' --secret '{{aws.secret}}' --region eu-central-1
    zenml stack register cloud -a lake --set

Without `key` and `secret`, credentials come from where AWS's own tools find them: the environment, `~/.aws`,
or the machine's role. They must be allowed to list, get, put and remove objects of the bucket. An artifact is
there when its manifest is, which is written last with `If-None-Match: *`. With a service that ignores this
condition two publishers of one key are both told that they have won, and the artifacts of both can be read.

Parts of uploads that were killed are not seen in the bucket and cost storage: let the bucket's
lifecycle rule `AbortIncompleteMultipartUpload` remove them after a day.

Tested with moto, a fake of S3, through lost connections and kills; never with Amazon's own.
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
_TRIES_PER_PART = 3
"""Of one request, so that a dropped part does not begin a large file anew; whole files are tried again beyond that."""


class S3ArtifactStoreConfig(RemoteStoreConfig, frozen=True, kw_only=True):
    """Which bucket, and who asks for it."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("s3",)

    endpoint_url: Annotated[
        str | None,
        Meta(description="The address of a service other than Amazon's.", examples=["http://localhost:9000"]),
    ] = None
    region: Annotated[
        str | None, Meta(description="The region of the bucket.", examples=["eu-central-1"])
    ] = None
    key: Annotated[SecretText | None, Meta(description="The access key id.")] = None
    secret: Annotated[SecretText | None, Meta(description="The secret access key.")] = None
    token: Annotated[SecretText | None, Meta(description="The session token of temporary credentials.")] = (
        None
    )


def _open(config: S3ArtifactStoreConfig, place: Place) -> RemoteArtifactStore:
    return open_remote_store(
        config,
        place,
        flavor=lambda: FLAVOR,
        service=service_name("S3", config.endpoint_url),
        connect=lambda: _connect(config),
        upload_options={"chunksize": PART, "max_concurrency": PARTS_AT_ONCE},
    )


def _connect(config: S3ArtifactStoreConfig) -> Any:
    from s3fs import S3FileSystem

    client = {"region_name": config.region} if config.region else {}
    options: dict[str, Any] = {
        "endpoint_url": config.endpoint_url,
        "key": config.key,
        "secret": config.secret,
        "token": config.token,
        "client_kwargs": client,
        "config_kwargs": {
            "connect_timeout": _SECONDS_TO_CONNECT,
            "read_timeout": _SECONDS_TO_READ,
            "retries": {"max_attempts": 0},  # s3fs and the store try again; three layers would multiply
        },
        "use_listings_cache": False,
    }
    files = S3FileSystem(**{**options, **config.client_options})
    files.retries = _TRIES_PER_PART
    return files


FLAVOR = Flavor(
    type="artifact_store",
    name="s3",
    component=_open,
    config=S3ArtifactStoreConfig,
    requirements=("s3fs>=2026.1",),
    extra="s3",
)
