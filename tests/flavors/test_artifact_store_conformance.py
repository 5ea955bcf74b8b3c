"""Each artifact store does what every one must do."""

import itertools

import pytest

from zenml.artifacts.bucket import Bucket
from zenml.artifacts.remote_store import RemoteArtifactStore
from zenml.components import artifact_store_check
from zenml.components.artifact_store_check import CHECKS
from zenml.components.flavor import Place
from zenml.flavors.local_artifact_store import FLAVOR, LocalArtifactStoreConfig

every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@every_check
def test_local_store_conforms(check, tmp_path):
    config = LocalArtifactStoreConfig(path=str(tmp_path / "artifacts"))
    check(lambda: FLAVOR.component(config, Place(name="disk", folder=str(tmp_path))))


@every_check
def test_s3_store_conforms_on_one_machine(check, open_s3):
    check(open_s3)


BETWEEN_MACHINES = (
    artifact_store_check.comes_back_as_it_was_written,
    artifact_store_check.keeps_odd_names,
    artifact_store_check.keeps_a_big_file,
    artifact_store_check.keeps_many_files,
    artifact_store_check.refuses_to_publish_again,
    artifact_store_check.lets_one_of_two_publishers_win,
    artifact_store_check.deletes_once_and_for_all,
    artifact_store_check.finds_content_that_differs_from_its_row,
)


@pytest.mark.parametrize("check", BETWEEN_MACHINES, ids=lambda check: check.__name__)
def test_s3_store_conforms_between_machines(check, open_s3):
    """Without a shared cache, so that everything comes from the bucket."""
    numbers = itertools.count()
    check(lambda: open_s3(f"machine {next(numbers)}"))


@every_check
def test_any_file_system_of_fsspec_conforms(check, tmp_path):
    """The class behind the flavors needs of a file system only what fsspec defines."""
    from fsspec.implementations.memory import MemoryFileSystem

    class Memory(MemoryFileSystem):
        store, pseudo_dirs = {}, [""]

    files = Memory()
    files.makedirs("bucket")

    def make():
        bucket = Bucket("memory://bucket/prefix", lambda: files, service="memory")
        return RemoteArtifactStore(bucket, str(tmp_path), 10**9)

    check(make)
