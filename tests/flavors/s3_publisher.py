"""Publishes one artifact of several files, in a process that is to be killed meanwhile."""

import json
import sys

from zenml.components.artifact_store_check import put
from zenml.components.flavor import Place
from zenml.flavors.s3_artifact_store import FLAVOR, S3ArtifactStoreConfig

FILES = {"a": b"a" * 1000, "sub/b": b"b" * 1000, "big": bytes(20 << 20)}


def main():
    """Publish, and say so."""
    options = json.loads(sys.argv[1])
    folder = options.pop("folder")
    store = FLAVOR.component(S3ArtifactStoreConfig(**options), Place(name="lake", folder=folder))
    put(store, "attempt1/output", FILES)
    print("published", flush=True)


if __name__ == "__main__":
    main()
