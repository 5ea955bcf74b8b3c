"""Secrets at rest: nothing readable without the key, nothing accepted that was changed, no key lost."""

import base64
import os
import sys

import pytest
from store_samples import started_run

from zenml.errors import (
    ConfigurationError,
    MissingLibraryError,
    NotFoundError,
    SecretUnreadableError,
    StoreUnavailableError,
)
from zenml.records.run import Secret
from zenml.store import encryption

VALUES = {"TOKEN": "clear-text-value-1234", "USER": "anna-the-user"}


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(encryption.VARIABLE, raising=False)


def a_key():
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def key_file(store):
    return os.path.join(store.root, encryption.FILE)


def the(store, name):
    (found,) = store.select(Secret, name=name)
    return found


def stored_bytes(root):
    found = b""
    for folder, _, files in os.walk(root):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                found += file.read()
    return found


def test_a_secret_comes_back(store):
    store.secrets.create("api", VALUES)

    assert store.secrets.open(the(store, "api")).values == VALUES


def test_a_name_is_taken_once(store):
    store.secrets.create("api", VALUES)

    with pytest.raises(ConfigurationError, match=r"already a secret `api`.*zenml secret update api"):
        store.secrets.create("api", VALUES)


def test_values_and_name_can_be_changed(store):
    store.secrets.create("api", VALUES)
    store.secrets.create("other", VALUES)

    store.secrets.change(the(store, "api"), lambda values: {**values, "MORE": "x"}, name="new")

    assert store.secrets.open(the(store, "new")).values == {**VALUES, "MORE": "x"}
    with pytest.raises(ConfigurationError, match="already a secret `other`"):
        store.secrets.change(the(store, "new"), dict, name="other")


def test_a_secret_that_was_deleted_meanwhile_is_not_changed(store):
    secret = store.secrets.create("api", VALUES)
    store.delete(Secret, secret.id)

    with pytest.raises(NotFoundError, match="`api` was deleted"):
        store.secrets.change(secret, dict)


def test_a_fingerprint_changes_with_the_values_and_only_with_them(store):
    secret = store.secrets.create("api", VALUES)
    first = store.secrets.open(secret).fingerprint()

    same = store.secrets.change(secret, lambda values: dict(reversed(values.items())), name="renamed")
    other = store.secrets.change(secret, lambda values: {**values, "TOKEN": "another"})

    assert store.secrets.open(same).fingerprint() == first
    assert store.secrets.open(other).fingerprint() != first


def test_equal_values_of_two_secrets_have_nothing_in_common(store):
    one, other = store.secrets.create("one", VALUES), store.secrets.create("other", VALUES)

    assert one.body != other.body
    assert store.secrets.open(one).fingerprint() != store.secrets.open(other).fingerprint()


def test_opened_values_do_not_show_themselves(store):
    assert "clear-text" not in repr(store.secrets.open(store.secrets.create("api", VALUES)))


# On the disk


def test_neither_values_nor_keys_are_readable_in_any_file(sqlite_store):
    secret = sqlite_store.secrets.create("api", VALUES)
    sqlite_store.secrets.change(secret, lambda values: {**values, "LATER": "second-clear-text"})
    sqlite_store.secrets.rotate_key()

    found = stored_bytes(sqlite_store.root)  # with the log of the database, which is still open

    assert b"api" in found
    for text in (*VALUES, *VALUES.values(), "LATER", "second-clear-text"):
        assert text.encode() not in found


def test_the_key_file_is_for_its_owner_only_whatever_the_umask_says(sqlite_store):
    before = os.umask(0)
    try:
        sqlite_store.secrets.create("api", VALUES)
    finally:
        os.umask(before)
    assert os.stat(key_file(sqlite_store)).st_mode & 0o777 == 0o600

    os.chmod(key_file(sqlite_store), 0o644)
    sqlite_store.secrets.open(the(sqlite_store, "api"))

    assert os.stat(key_file(sqlite_store)).st_mode & 0o777 == 0o600


def test_a_store_without_secrets_has_no_key(sqlite_store):
    started_run(sqlite_store)

    assert not os.path.exists(key_file(sqlite_store))


# Changed rows


@pytest.mark.parametrize("position", [0, 12, -1], ids=["nonce", "content", "tag"])
def test_a_changed_row_is_refused(store, position):
    secret = store.secrets.create("api", VALUES)
    body = bytearray(secret.body)
    body[position] ^= 1
    store.update(Secret, secret.id, body=bytes(body))

    with pytest.raises(SecretUnreadableError, match="`api` was changed in the database") as caught:
        store.secrets.open(the(store, "api"))
    assert "clear-text" not in str(caught.value)


def test_a_truncated_row_is_refused(store):
    secret = store.secrets.create("api", VALUES)
    store.update(Secret, secret.id, body=b"short")

    with pytest.raises(SecretUnreadableError, match="was changed"):
        store.secrets.open(the(store, "api"))


def test_values_are_bound_to_their_name_and_their_row(store):
    store.secrets.create("harmless", {"TOKEN": "x"})
    store.secrets.create("powerful", VALUES)
    store.update(Secret, the(store, "harmless").id, body=the(store, "powerful").body)

    with pytest.raises(SecretUnreadableError, match="`harmless` was changed"):
        store.secrets.open(the(store, "harmless"))

    store.update(Secret, the(store, "powerful").id, name="renamed")

    with pytest.raises(SecretUnreadableError, match="`renamed` was changed"):
        store.secrets.open(the(store, "renamed"))


# Keys


def test_another_key_is_told_from_a_changed_row(sqlite_store):
    sqlite_store.secrets.create("api", VALUES)
    encryption.write_keys(sqlite_store.root, (encryption.new_key(),))

    with pytest.raises(
        SecretUnreadableError, match=r"`api` was encrypted with key `\w+`.*secrets\.key.*ZENML"
    ):
        sqlite_store.secrets.open(the(sqlite_store, "api"))


def test_a_lost_key_is_not_replaced_by_a_new_one(sqlite_store):
    sqlite_store.secrets.create("api", VALUES)
    os.unlink(key_file(sqlite_store))

    with pytest.raises(SecretUnreadableError, match="key of the 1 secrets of this store is lost"):
        sqlite_store.secrets.create("other", VALUES)

    assert not os.path.exists(key_file(sqlite_store))
    sqlite_store.delete(Secret, the(sqlite_store, "api").id)
    sqlite_store.secrets.create("other", VALUES)
    assert sqlite_store.secrets.open(the(sqlite_store, "other")).values == VALUES


def test_an_empty_or_damaged_key_file_is_named(sqlite_store):
    sqlite_store.secrets.create("api", VALUES)
    for content, message in (("", "is empty"), ("nonsense\n", "no key")):
        with open(key_file(sqlite_store), "w", encoding="ascii") as file:
            file.write(content)
        with pytest.raises((StoreUnavailableError, ConfigurationError), match=rf"secrets\.key.*{message}"):
            sqlite_store.secrets.open(the(sqlite_store, "api"))


def test_a_key_of_the_environment_is_on_no_disk(sqlite_store, monkeypatch):
    monkeypatch.setenv(encryption.VARIABLE, a_key())
    sqlite_store.secrets.create("api", VALUES)

    assert not os.path.exists(key_file(sqlite_store))
    assert sqlite_store.secrets.open(the(sqlite_store, "api")).values == VALUES

    monkeypatch.setenv(encryption.VARIABLE, a_key())
    with pytest.raises(SecretUnreadableError, match="was encrypted with key"):
        sqlite_store.secrets.open(the(sqlite_store, "api"))


def test_a_wrong_key_in_the_environment_is_explained_without_showing_it(sqlite_store, monkeypatch):
    monkeypatch.setenv(encryption.VARIABLE, "my-own-password")

    with pytest.raises(ConfigurationError, match=r"ZENML_SECRETS_KEY.*python -c") as caught:
        sqlite_store.secrets.create("api", VALUES)
    assert "my-own-password" not in str(caught.value)


def test_a_rotation_changes_key_and_rows_and_no_fingerprint(store):
    before = store.secrets.create("api", VALUES)
    store.secrets.create("more", VALUES)
    fingerprint = store.secrets.open(before).fingerprint()

    assert store.secrets.rotate_key() == 2

    after = the(store, "api")
    assert after.key_id != before.key_id
    assert store.secrets.open(after).values == VALUES
    assert store.secrets.open(after).fingerprint() == fingerprint
    assert store.secrets.open(before).values == VALUES  # one who read the row before the rotation


def test_after_a_rotation_the_old_key_is_forgotten(sqlite_store):
    sqlite_store.secrets.create("api", VALUES)
    (old,) = encryption.keys_of_file(sqlite_store.root)

    sqlite_store.secrets.rotate_key()

    (new,) = encryption.keys_of_file(sqlite_store.root)
    assert new != old


def test_a_rotation_that_was_killed_before_its_commit_leaves_everything_readable(sqlite_store, monkeypatch):
    sqlite_store.secrets.create("api", VALUES)
    monkeypatch.setattr(encryption, "seal", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        sqlite_store.secrets.rotate_key()

    monkeypatch.undo()
    assert len(encryption.keys_of_file(sqlite_store.root)) == 2
    assert sqlite_store.secrets.open(the(sqlite_store, "api")).values == VALUES
    sqlite_store.secrets.rotate_key()
    assert len(encryption.keys_of_file(sqlite_store.root)) == 1
    assert sqlite_store.secrets.open(the(sqlite_store, "api")).values == VALUES


def test_a_rotation_moves_to_the_key_of_the_environment(sqlite_store, monkeypatch):
    sqlite_store.secrets.create("api", VALUES)
    monkeypatch.setenv(encryption.VARIABLE, a_key())

    sqlite_store.secrets.rotate_key()

    assert not os.path.exists(key_file(sqlite_store))
    assert sqlite_store.secrets.open(the(sqlite_store, "api")).values == VALUES


def test_a_rotation_with_an_unreadable_secret_changes_nothing(sqlite_store):
    good, bad = (sqlite_store.secrets.create(name, VALUES) for name in ("good", "bad"))
    sqlite_store.update(Secret, bad.id, body=bad.body[:-1] + bytes((bad.body[-1] ^ 1,)))

    with pytest.raises(SecretUnreadableError, match="`bad`"):
        sqlite_store.secrets.rotate_key()

    assert the(sqlite_store, "good") == good
    assert sqlite_store.secrets.open(good).values == VALUES


def test_processes_that_create_the_first_secret_at_once_share_one_key(shared_store, start_process, root):
    processes = [start_process("create_secret", root, f"secret-{number}") for number in range(4)]
    for process in processes:
        assert process.hear() == ["ready"]
    for process in processes:
        process.say()
    for process in processes:
        assert process.hear() == ["done"]

    store = shared_store
    secrets = store.select(Secret)
    assert len({secret.key_id for secret in secrets}) == 1
    assert [store.secrets.open(secret).values for secret in secrets] == [{"TOKEN": "value"}] * 4


def test_processes_that_rotate_the_key_at_once_lose_no_secret(shared_store, start_process, root):
    processes = [start_process("rotate_keys", root, 10) for _ in range(3)]
    for process in processes:
        assert process.hear() == ["ready"]
    for process in processes:
        process.say()
    for process in processes:
        assert process.hear() == ["done"]

    store = shared_store
    opened = [store.secrets.open(secret).values for secret in store.select(Secret)]
    assert opened == [{"TOKEN": "value"}] * 30
    assert len(encryption.keys_of_file(store.root)) == 1


def test_a_missing_library_is_named_with_its_installation(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)

    with pytest.raises(MissingLibraryError, match="pip install cryptography"):
        store.secrets.create("api", VALUES)
