"""Secrets in the database: their rows, which hold nothing that can be read without the key.

Keys are read inside the write transaction, so no two processes make a first key, and none
encrypts with a key that another one has just taken out of use.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

import msgspec

from zenml.errors import ConfigurationError, NotFoundError, SecretUnreadableError
from zenml.records import wire
from zenml.records.ids import microseconds_now, new_id
from zenml.records.run import Secret
from zenml.store import encryption
from zenml.store.schema import table_of
from zenml.store.sqlite import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.store.file import StoreFile, Transaction

_BY_ID = "SELECT {columns} FROM secrets WHERE id = :id"
_ALL = "SELECT {columns} FROM secrets ORDER BY name"
_HAS_NAME = "SELECT id FROM secrets WHERE name = :name"
_CHANGE = """
UPDATE secrets SET name = :name, key_id = :key_id, body = :body, updated_at = :updated_at WHERE id = :id
"""


class Opened(msgspec.Struct, frozen=True):
    """The decrypted content of a secret."""

    values: dict[str, str]
    salt: bytes
    """Of this secret alone, so that equal values of two secrets have nothing in common."""

    def __repr__(self) -> str:
        return f"<{len(self.values)} secret values>"

    def fingerprint(self) -> str:
        """Return what changes when a key or a value does, and tells nothing of them without the key."""
        return hmac.digest(self.salt, wire.encode(self.values), "sha256").hex()[:24]


class Secrets:
    """The secrets of one store."""

    def __init__(self, file: StoreFile, root: str) -> None:
        self._file = file
        self._root = root
        self._in_memory = (encryption.new_key(),) if root == MEMORY else ()

    def create(self, name: str, values: Mapping[str, str]) -> Secret:
        """Record a new secret.

        Raises:
            ConfigurationError: there is one of this name.
        """
        with self._file.write() as transaction:
            self._refuse_taken(transaction, name)
            now, key = microseconds_now(), self._key_to_write(transaction)
            secret = Secret(id=new_id(), name=name, key_id="", body=b"", created_at=now, updated_at=now)
            secret = _sealed(secret, Opened(dict(values), os.urandom(32)), key)
            table = table_of(Secret)
            transaction.run(table.insert, table.row(secret))
        return secret

    def open(self, secret: Secret) -> Opened:
        """Return the values of a secret.

        Raises:
            SecretUnreadableError: its key is not there, or its row was changed.
        """
        keys = self._keys()
        if secret.key_id not in keys:  # the key may have been changed since the row was read
            table = table_of(Secret)
            rows = self._file.read(_BY_ID.format(columns=", ".join(table.names)), {"id": secret.id})
            secret, keys = (table.record(rows[0]) if rows else secret), self._keys()
        return self._opened(secret, keys)

    def change(
        self,
        secret: Secret,
        change: Callable[[dict[str, str]], Mapping[str, str]],
        *,
        name: str | None = None,
    ) -> Secret:
        """Replace the values of a secret by what a function makes of them, and its name if one is given.

        Raises:
            NotFoundError: it was deleted meanwhile.
            ConfigurationError: the new name is taken.
        """
        with self._file.write() as transaction:
            table = table_of(Secret)
            rows = transaction.read(_BY_ID.format(columns=", ".join(table.names)), {"id": secret.id})
            if not rows:
                raise NotFoundError(f"Secret `{secret.name}` was deleted meanwhile.")
            current: Secret = table.record(rows[0])
            if name is not None and name != current.name:
                self._refuse_taken(transaction, name)
            opened = self._opened(current, self._keys())
            changed = Opened(dict(change(dict(opened.values))), opened.salt)
            current = msgspec.structs.replace(
                current, name=name or current.name, updated_at=microseconds_now()
            )
            current = _sealed(current, changed, self._key_to_write(transaction))
            transaction.run(_CHANGE, msgspec.structs.asdict(current))
        return current

    def rotate_key(self) -> int:
        """Encrypt every secret with a new key and forget the old ones; return how many secrets there are.

        The new key is the first of `ZENML_SECRETS_KEY` where that is set, else a random one. At any
        moment the key file holds every key that a row needs, so this may be killed at any moment.
        """
        chosen = encryption.keys_of_variable()
        with self._file.write() as transaction:
            table = table_of(Secret)
            rows = transaction.read(_ALL.format(columns=", ".join(table.names)))
            secrets: list[Secret] = [table.record(row) for row in rows]
            known = self._keys()
            opened = [self._opened(secret, known) for secret in secrets]
            key = chosen[0] if chosen else encryption.new_key()
            if not chosen and self._root != MEMORY:
                encryption.write_keys(self._root, (key, *encryption.keys_of_file(self._root)))
            for secret, values in zip(secrets, opened, strict=True):
                transaction.run(_CHANGE, msgspec.structs.asdict(_sealed(secret, values, key)))
        self._file.wait_durable()
        with self._file.write() as transaction:  # nobody encrypts meanwhile
            if self._root == MEMORY:
                self._in_memory = (key,)
            elif not transaction.read("SELECT 1 FROM secrets WHERE key_id <> ?", (encryption.key_id(key),)):
                encryption.write_keys(self._root, () if chosen else (key,))
        return len(secrets)

    def _keys(self) -> dict[str, bytes]:
        """Return all keys at hand by id, the one that encrypts first."""
        from_file = () if self._root == MEMORY else encryption.keys_of_file(self._root)
        keys = (*encryption.keys_of_variable(), *from_file, *self._in_memory)
        return {encryption.key_id(key): key for key in keys}

    def _key_to_write(self, transaction: Transaction) -> bytes:
        """Return the key that encrypts; made, on disk, before the first row that needs it."""
        keys = self._keys()
        if keys:
            return next(iter(keys.values()))
        count = transaction.read("SELECT count(*) FROM secrets")[0][0]
        if count:
            raise SecretUnreadableError(
                f"The key of the {count} secrets of this store is lost: there is no file "
                f"`{os.path.join(self._root, encryption.FILE)}`, and {encryption.VARIABLE} is not set. "
                "Restore the key, or delete the secrets and create them again."
            )
        key = encryption.new_key()
        encryption.write_keys(self._root, (key,))
        return key

    def _opened(self, secret: Secret, keys: Mapping[str, bytes]) -> Opened:
        key = keys.get(secret.key_id)
        if key is None:
            where = (
                "in memory" if self._root == MEMORY else f"in `{os.path.join(self._root, encryption.FILE)}`"
            )
            raise SecretUnreadableError(
                f"Secret `{secret.name}` was encrypted with key `{secret.key_id}`, which is neither {where} nor "
                f"in {encryption.VARIABLE}. Restore the key; without it, delete the secret and create it again."
            )
        plain = encryption.unseal(key, secret.body, _place(secret), f"Secret `{secret.name}`")
        return wire.decode(plain, Opened)

    def _refuse_taken(self, transaction: Transaction, name: str) -> None:
        if transaction.read(_HAS_NAME, {"name": name}):
            raise ConfigurationError(
                f"There is already a secret `{name}`. Change it with `zenml secret update {name}`, or choose "
                "another name."
            )


def _sealed(secret: Secret, opened: Opened, key: bytes) -> Secret:
    secret = msgspec.structs.replace(secret, key_id=encryption.key_id(key))
    body = encryption.seal(key, wire.encode(opened), _place(secret))
    return msgspec.structs.replace(secret, body=body)


def _place(secret: Secret) -> bytes:
    """Return what is bound to the values: decrypting them in another row, or under another name, fails."""
    return wire.encode(("zenml secret", secret.id, secret.name, secret.key_id))
