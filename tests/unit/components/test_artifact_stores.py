"""Artifact stores are reached by what a row names, opened once, and not looked at without need."""

import pytest

from zenml.components import artifact_stores
from zenml.components.artifact_store_check import put, read_all
from zenml.components.artifact_stores import ArtifactStores, ListedAddresses
from zenml.errors import ArtifactDamagedError, ComponentError
from zenml.records.stacks import PartAddress


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "beside")


def an_address(tmp_path, name, **config):
    config = config or {"path": str(tmp_path / name)}
    return PartAddress(
        id=f"{name}-of-{tmp_path.name}", flavor="local", name=name, config=config, folder=str(tmp_path)
    )


def replaced(stored, store_id):
    import msgspec

    return msgspec.structs.replace(stored, store_id=store_id)


def test_values_go_to_the_current_store_and_come_from_the_named_one(tmp_path, root):
    one, other = an_address(tmp_path, "one"), an_address(tmp_path, "other")
    in_one = ArtifactStores(root, ListedAddresses([other], one))
    stored = replaced(put(in_one, "attempt1/output", {"a": b"1"}), in_one.store_id)

    in_other = ArtifactStores(root, ListedAddresses([one], other))

    assert stored.store_id == one.id
    in_other.check(stored)
    assert read_all(in_other.fetch(stored)) == {"a": b"1"}
    assert list(in_one.keys()) == [stored.key]
    assert list(in_other.keys()) == []
    with pytest.raises(ArtifactDamagedError):
        in_other.check(replaced(stored, other.id))
    with pytest.raises(ArtifactDamagedError):
        in_other.check(replaced(stored, None))


def test_without_registered_stores_it_is_the_folder_beside_the_database(root):
    stores = ArtifactStores(root)

    stored = put(stores, "attempt1/output", {"a": b"1"})

    assert stores.store_id is None
    assert stores.fetch(stored).startswith(root)


def test_a_store_is_opened_once_in_a_process_and_anew_when_its_configuration_changes(tmp_path, root):
    one = an_address(tmp_path, "one")
    changed = an_address(tmp_path, "one", path=str(tmp_path / "moved"))

    first = ArtifactStores(root, ListedAddresses([one])).of(one.id)

    assert ArtifactStores(root, ListedAddresses([one])).of(one.id) is first
    assert ArtifactStores(root, ListedAddresses([changed])).of(one.id) is not first


def test_a_store_that_is_not_registered_is_named(root):
    with pytest.raises(ComponentError, match=r"`gone` is not registered any more.*Run the pipeline again"):
        ArtifactStores(root).of("gone")


def test_a_configuration_that_does_not_fit_is_told_without_its_values(tmp_path, root):
    wrong = an_address(tmp_path, "one", path="x", password="secret-4711")
    stores = ArtifactStores(root, ListedAddresses([wrong]))

    with pytest.raises(
        ComponentError, match=r"store `one` has a configuration that its flavor `local`"
    ) as caught:
        stores.of(wrong.id)
    assert "secret-4711" not in str(caught.value)


def test_an_address_is_shown_without_its_configuration(tmp_path):
    assert "secret-4711" not in repr(an_address(tmp_path, "one", password="secret-4711"))
    assert "secret-4711" not in f"{[an_address(tmp_path, 'one', password='secret-4711')]}"


def test_a_store_that_is_not_reached_is_asked_once_and_told_once(tmp_path, root, monkeypatch):
    one = an_address(tmp_path, "one")
    stored = replaced(
        put(ArtifactStores(root, ListedAddresses(current=one)), "attempt1/output", {"a": b"1"}), one.id
    )
    stores, told, asked = ArtifactStores(root, ListedAddresses([one])), [], []
    stores.tell = told.append

    def lost(stored):
        asked.append(stored)
        raise ComponentError("nobody answers")

    monkeypatch.setattr(stores.of(one.id), "check", lost)
    for _ in range(3):
        with pytest.raises(ComponentError):
            stores.check(stored)
    assert len(asked) == len(told) == 1
    assert "nobody answers" in told[0]

    monkeypatch.setattr(artifact_stores.time, "monotonic", lambda: 1e12)
    with pytest.raises(ComponentError):
        stores.check(stored)
    assert (len(asked), len(told)) == (2, 1), "it may be back after a while"
