"""Secrets by name: creating, reading, changing and deleting them.

`Client` inherits what is here. A value that is read is masked from then on in what this process
stores: logs, messages, tracebacks, metadata.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.context import masking
from zenml.errors import AmbiguousNameError, ConfigurationError, NotFoundError
from zenml.records.query import Page, Query, read_condition, read_page, read_sort
from zenml.records.run import Secret
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zenml.store.store import Store


class SecretValues(dict[str, str]):
    """Values by key, which do not show themselves."""

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: '***'" for key in self) + "}"

    __str__ = __repr__


class SecretView:
    """A secret. Its values are decrypted when they are asked for."""

    def __init__(self, record: Secret, store: Store) -> None:
        self.record = record
        self._store = store

    @property
    def id(self) -> str:
        """The id of the secret."""
        return self.record.id

    @property
    def name(self) -> str:
        """The name of the secret."""
        return self.record.name

    @property
    def created(self) -> datetime:
        """When it was created, UTC."""
        return datetime.fromtimestamp(self.record.created_at / 1e6, UTC)

    @property
    def updated(self) -> datetime:
        """When its values or its name changed last, UTC."""
        return datetime.fromtimestamp(self.record.updated_at / 1e6, UTC)

    @property
    def secret_values(self) -> SecretValues:
        """The values by key: plain text, under a `repr` that hides it.

        Raises:
            SecretUnreadableError: the key is not there, or the row was changed.
        """
        values = SecretValues(self._store.secrets.open(self.record).values)
        for value in values.values():
            masking.register_secret(value)
        return values

    values = secret_values

    def __repr__(self) -> str:
        return f"Secret(name={self.name!r}, id={self.id!r})"


class SecretsClient:
    """The part of a client that deals with secrets."""

    if TYPE_CHECKING:

        @property
        def store(self) -> Store:
            """The store this client speaks to."""

    def create_secret(self, name: str, values: Mapping[str, Any]) -> SecretView:
        """Record a new secret: texts by key, such as `{"AWS_ACCESS_KEY_ID": "…"}`.

        Raises:
            ConfigurationError: the name is taken, or name, keys or values cannot be used.
        """
        record = self.store.secrets.create(_read_name(name), _read_values(values, name))
        self.store.wait_durable()
        return SecretView(record, self.store)

    def get_secret(self, name_id_or_prefix: str) -> SecretView:
        """Return a secret by name, id, or a part of the id at either end.

        Raises:
            NotFoundError: there is none; the message lists close names.
        """
        return SecretView(find_secret(self.store, str(name_id_or_prefix)), self.store)

    def list_secrets(self, sort_by: str = "asc:name", page: int = 1, size: int = 20, **filters: Any) -> Page:
        """Return a page of secrets, without decrypting any; `name="startswith:aws"` for some of them."""
        sort, is_descending = read_sort(sort_by)
        page, size = read_page(page, size)
        conditions = tuple(
            read_condition(name, value) for name, value in filters.items() if value is not None
        )
        query = Query(conditions, sort, is_descending=is_descending, page=page, size=size)
        found = self.store.find(Secret, query)
        return msgspec.structs.replace(found, items=[SecretView(item, self.store) for item in found.items])

    def update_secret(
        self,
        name_id_or_prefix: str,
        values: Mapping[str, Any] | None = None,
        *,
        remove_values: Iterable[str] = (),
        new_name: str | None = None,
    ) -> SecretView:
        """Change a secret.

        Args:
            name_id_or_prefix: the secret.
            values: texts by key, added or put in the place of what is there.
            remove_values: keys to take away.
            new_name: another name; steps that ask for the old one no longer find it.

        Raises:
            NotFoundError: there is no such secret, or no such key to remove.
            ConfigurationError: the new name is taken, nothing would be left, or a value cannot be used.
        """
        record = find_secret(self.store, str(name_id_or_prefix))
        added, removed = _read_values(values or {}, record.name), tuple(remove_values)

        def change(current: dict[str, str]) -> dict[str, str]:
            for key in removed:
                if key not in current:
                    raise NotFoundError(
                        f"Secret `{record.name}` has no key `{key}`. {did_you_mean(key, current)}It has: "
                        f"{', '.join(f'`{one}`' for one in current) or 'none'}."
                    )
            return {**{key: value for key, value in current.items() if key not in removed}, **added}

        name = None if new_name is None else _read_name(new_name)
        changed = self.store.secrets.change(record, change, name=name)
        self.store.wait_durable()
        return SecretView(changed, self.store)

    def delete_secret(self, name_id_or_prefix: str) -> None:
        """Delete a secret; that needs no key.

        Raises:
            NotFoundError: there is no such secret.
        """
        self.store.delete(Secret, find_secret(self.store, str(name_id_or_prefix)).id)
        self.store.wait_durable()


def find_secret(store: Store, text: str) -> Secret:
    """Return a secret by name, id, or a part of the id at either end."""
    found = store.select(Secret, name=text) or store.select(Secret, id=text)
    if found:
        return found[0]
    known = store.select(Secret)  # of which nobody has thousands
    found = [one for one in known if len(text) >= 4 and (one.id.startswith(text) or one.id.endswith(text))]
    if len(found) > 1:
        listed = ", ".join(f"`{one.name}` ({one.id})" for one in found)
        raise AmbiguousNameError(f"`{text}` fits several secrets: {listed}. Give the name.")
    if not found:
        raise NotFoundError(
            f"There is no secret `{text}`. {did_you_mean(text, [one.name for one in known])}"
            f"`zenml secret list` shows them; `zenml secret create {text}` makes it."
        )
    return found[0]


def _read_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ConfigurationError(f"{name!r} is no name for a secret. Give it a text of printable characters.")
    return name


def _read_values(given: Any, name: str) -> dict[str, str]:
    """Return values as texts; numbers are written out. No message shows a value."""
    if not hasattr(given, "items"):
        raise ConfigurationError(
            f"`values` of secret `{name}` is a {type(given).__name__}; give it a mapping."
        )
    found = {}
    for key, value in given.items():
        if not isinstance(key, str) or not key:
            raise ConfigurationError(f"Secret `{name}` has the key {key!r}; a key is a text.")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ConfigurationError(
                f"`{key}` of secret `{name}` is a {type(value).__name__}; a value is a text. "
                "Encode other things as JSON or base64."
            )
        found[key] = str(value)
    return found
