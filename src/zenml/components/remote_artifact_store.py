"""What artifact stores in storage services have in common: their address, and the cache on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from zenml.artifacts.bucket import Bucket
from zenml.artifacts.remote_store import RemoteArtifactStore
from zenml.components.flavor import Configuration, Flavor, Place
from zenml.components.registry import missing_library
from zenml.config.resource_settings import bytes_of
from zenml.errors import ConfigurationError

CacheSize = Annotated[
    str,
    Meta(
        description="How much of this machine's disk copies of artifacts may take; those used longest ago go first.",
        examples=["20GB", "500MiB"],
    ),
]
ClientOptions = Annotated[
    dict[str, Any],
    Meta(description="Further arguments of the class of fsspec that connects; they win over all others."),
]


class RemoteStoreConfig(Configuration, frozen=True, kw_only=True):
    """Where the artifacts are: `path` begins with one of the schemes."""

    SCHEMES: ClassVar[tuple[str, ...]] = ()

    path: Annotated[
        str, Meta(description="Scheme, bucket, and a prefix in it: what is below belongs to the store.")
    ]
    cache_size: CacheSize = "20GB"
    client_options: ClientOptions = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an address that is none, and a size that is none."""
        scheme, separator, place = self.path.partition("://")
        first = self.SCHEMES[0]
        if not separator or scheme not in self.SCHEMES:
            raise ConfigurationError(
                f"The path of this artifact store is `{first}://bucket/prefix`, and `{self.path}` is none."
                f" Begin it with {' or '.join(f'`{one}://`' for one in self.SCHEMES)}."
            )
        bucket, *folders = place.rstrip("/").split("/")
        if not bucket or any(letter in bucket for letter in "@?# \\"):
            raise ConfigurationError(
                f"`{self.path}` names no bucket. Write `{first}://bucket/prefix`; an address and credentials of the"
                " service have fields of their own."
            )
        if {"", ".", ".."} & set(folders) or any(letter in place for letter in "?#*[]\\"):
            raise ConfigurationError(
                f"`{self.path}` has a prefix that not every service takes. Use plain names between single slashes."
            )
        if bytes_of(self.cache_size) is None:
            raise ConfigurationError(
                f"`{self.cache_size}` is no size of a cache. Write a number with a unit, such as `20GB`."
            )


def open_remote_store(
    config: RemoteStoreConfig,
    place: Place,
    *,
    flavor: Callable[[], Flavor],
    service: str,
    connect: Callable[[], Any],
    upload_options: dict[str, Any],
) -> RemoteArtifactStore:
    """Return the store of a configuration; `connect` makes the file system, when it is used first."""

    def connected() -> Any:
        try:
            return connect()
        except ImportError as error:
            raise missing_library(flavor(), error) from error

    bucket = Bucket(config.path, connected, service=service, upload_options=upload_options)
    size = bytes_of(config.cache_size) or 0
    return RemoteArtifactStore(bucket, os.path.join(place.folder, "artifacts"), size)


def service_name(name: str, endpoint: str | None) -> str:
    """Return what to call a service in messages: its name, with its address without credentials if one was given."""
    if not endpoint:
        return name
    scheme, separator, rest = endpoint.partition("://")
    host = (rest if separator else scheme).partition("/")[0].rpartition("@")[2]
    return f"{name} at `{f'{scheme}://' if separator else ''}{host}`"
