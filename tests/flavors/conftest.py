"""What tests of flavors share: environments, and stores in the fake of S3."""

import pytest

from moto_server import KEY, SECRET
from zenml.components.flavor import Place
from zenml.flavors.s3_artifact_store import FLAVOR, S3ArtifactStoreConfig
from zenml.flavors.venv_step_operator import VenvStepOperator, VenvStepOperatorConfig


@pytest.fixture(scope="session")
def venv_place(tmp_path_factory):
    """A folder of environments, shared by the tests that do not look into it."""
    return Place(name="tools", folder=str(tmp_path_factory.mktemp("venvs")))


@pytest.fixture
def make_operator(venv_packages, venv_place):
    """Make an operator that finds packages in that folder only; it is closed in the end."""
    made = []

    def make(place=venv_place, **config):
        config = {
            "find_links": (str(venv_packages),),
            "installer_args": ("--no-index", "--offline"),
            **config,
        }
        made.append(VenvStepOperator(VenvStepOperatorConfig(**config), place))
        return made[-1]

    yield make
    for one in made:
        one.close()


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
