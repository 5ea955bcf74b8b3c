"""The artifact store in Azure Blob Storage, tried with Azurite."""

import itertools
import os

import azurite_service
import pytest

from zenml.artifacts.bucket import Patience
from zenml.components import artifact_store_check as checks
from zenml.components.flavor import Place
from zenml.errors import ArtifactDamagedError, ComponentError
from zenml.flavors.azure_artifact_store import FLAVOR, AzureArtifactStoreConfig


@pytest.fixture
def open_azure(azurite, tmp_path):
    """Opens the store of this test on a machine."""
    container = azurite.new_container()

    def opened(machine="here", **options):
        settings = {
            "path": f"az://{container}/team/artifacts",
            "connection_string": azurite.connection_string,
            **options,
        }
        return FLAVOR.component(
            AzureArtifactStoreConfig(**settings), Place(name="lake", folder=str(tmp_path / machine))
        )

    opened.container = container
    return opened


@pytest.fixture
def container(azurite, open_azure):
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_connection_string(azurite.connection_string, open_azure.container) as client:
        yield client


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_azure_store_conforms_on_one_machine(check, open_azure):
    check(open_azure)


BETWEEN_MACHINES = (
    checks.comes_back_as_it_was_written,
    checks.keeps_odd_names,
    checks.keeps_a_big_file,
    checks.keeps_many_files,
    checks.refuses_to_publish_again,
    checks.lets_one_of_two_publishers_win,
    checks.deletes_once_and_for_all,
    checks.finds_content_that_differs_from_its_row,
)


@pytest.mark.parametrize("check", BETWEEN_MACHINES, ids=lambda check: check.__name__)
def test_azure_store_conforms_between_machines(check, open_azure):
    numbers = itertools.count()
    check(lambda: open_azure(f"machine {next(numbers)}"))


def test_damage_is_named(open_azure, container):
    content = os.urandom(1000)
    stored = checks.put(open_azure("writer"), "attempt1/output", {"a": content})
    name = next(name for name in container.list_blob_names() if name.endswith("/a"))

    container.upload_blob(name, bytes(1000), overwrite=True)
    with pytest.raises(ArtifactDamagedError, match="content has changed"):
        open_azure().fetch(stored)
    container.delete_blob(name)
    with pytest.raises(ArtifactDamagedError, match="it is missing"):
        open_azure().check(stored)


def test_a_missing_container_is_named(open_azure):
    store = open_azure(path="az://no-such-container/x")

    for call in (lambda: checks.put(store, "attempt1/output", {"a": b"1"}), lambda: list(store.keys())):
        with pytest.raises(ComponentError, match=r"no bucket `no-such-container`.*Create the bucket"):
            call()


def test_refused_credentials_are_told_without_showing_them(open_azure, azurite):
    wrong = azurite.connection_string.replace(azurite_service.ACCOUNT_KEY, "d3Jvbmc=")

    with pytest.raises(ComponentError, match=r"refuses to put `az://.*failed to authenticate") as caught:
        checks.put(open_azure(connection_string=wrong), "attempt1/output", {"a": b"1"})
    assert "d3Jvbmc=" not in str(caught.value)


def test_a_service_that_is_gone_is_named(open_azure, azurite, monkeypatch):
    monkeypatch.setattr(Patience, "waits", lambda self: iter([0.0]))
    nowhere = azurite.connection_string.replace(str(azurite.port), "1")

    with pytest.raises(
        ComponentError, match=r"Azure Blob Storage cannot be reached.*az://container.*network"
    ):
        checks.put(open_azure(connection_string=nowhere), "attempt1/output", {"a": b"1"})
