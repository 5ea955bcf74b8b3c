"""Artifact stores in the fake of S3."""

import pytest

from moto_server import KEY, SECRET
from zenml.components.flavor import Place
from zenml.flavors.s3_artifact_store import FLAVOR, S3ArtifactStoreConfig


@pytest.fixture
def open_s3(moto, tmp_path):
    """Opens the store of this test: `open_s3("machine", cache_size="1MB")`."""
    bucket = moto.new_bucket()

    def opened(machine="here", endpoint_url=moto.url, **options):
        settings = {"path": f"s3://{bucket}/team/artifacts", "key": KEY, "secret": SECRET, **options}
        config = S3ArtifactStoreConfig(endpoint_url=endpoint_url, **settings)
        return FLAVOR.component(config, Place(name="lake", folder=str(tmp_path / machine)))

    opened.bucket = bucket
    return opened
