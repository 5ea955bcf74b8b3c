"""The address of a team's store: where it is kept, and how it is shown.

    ZENML_STORE_URL                 wins over what `zenml connect` has kept
    <root>/team-store               the address, without a password
    <root>/team-store.password      the password, for its owner only

A password can also come from PGPASSWORD or ~/.pgpass, as for every program that uses PostgreSQL.
"""

from __future__ import annotations

import os

from zenml import fs
from zenml.errors import ConfigurationError

VARIABLE = "ZENML_STORE_URL"
FILE = "team-store"
SCHEMES = ("postgresql://", "postgres://")


def address_of(root: str) -> str | None:
    """Return the address of the database of a store, with its password if that is kept; None for its own file."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return check_address(chosen, f"The environment variable {VARIABLE}")
    if root == ":memory:":
        return None
    path = os.path.join(root, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            kept = file.read().strip()
    except (
        FileNotFoundError,
        NotADirectoryError,
    ):  # whoever opens the store says what is wrong with its folder
        return None
    kept = check_address(kept, f"The file `{path}`")
    try:
        with open(f"{path}.password", encoding="utf-8") as file:
            return with_password(kept, file.read())
    except FileNotFoundError:
        return kept


def check_address(text: str, where: str) -> str:
    """Return an address that looks like one, with what is special in its password escaped.

    Raises:
        ConfigurationError: the text is none.
    """
    if not text.startswith(SCHEMES) or not text.partition("://")[2].strip("/"):
        raise ConfigurationError(
            f"{where} is no address of a team store: `{without_password(text)}`. Write "
            "postgresql://USER@HOST/DATABASE."
        )
    if "password=" in text.partition("?")[2]:
        raise ConfigurationError(
            f"{where} has the password behind a question mark, where it would be shown. Write "
            "postgresql://USER:PASSWORD@HOST/DATABASE, or give it with PGPASSWORD."
        )
    secret = password_of(text)
    return with_password(without_password(text), secret) if secret else text


def keep_address(root: str, address: str) -> None:
    """Have the store of a folder be the one at an address, from now on and in every process."""
    path, password = os.path.join(root, FILE), password_of(address)
    fs.make_folder(root)
    if password:
        fs.write_whole(f"{path}.password", password.encode(), is_durable=True)
    elif os.path.exists(f"{path}.password"):
        fs.remove(f"{path}.password")
    fs.write_whole(path, f"{without_password(address)}\n".encode(), is_durable=True)


def forget_address(root: str) -> str | None:
    """Have a folder's own file be its store again; return the address that was kept, if there was one."""
    path = os.path.join(root, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            kept = file.read().strip()
        fs.remove(path)
    except FileNotFoundError:
        return None
    if os.path.exists(f"{path}.password"):
        fs.remove(f"{path}.password")
    return kept


def password_of(address: str) -> str:
    """Return the password in an address, "" if there is none."""
    from urllib.parse import unquote

    return unquote(_parts(address)[2])


def without_password(address: str) -> str:
    """Return an address as it may be shown."""
    before, user, password, after = _parts(address)
    return f"{before}{user}{after}" if password else address


def with_password(address: str, password: str) -> str:
    """Return an address with a password, where it has none and a user to whom it belongs."""
    from urllib.parse import quote

    before, user, known, after = _parts(address)
    return f"{before}{user}:{quote(password, safe='')}{after}" if user and not known else address


def _parts(address: str) -> tuple[str, str, str, str]:
    """Split an address at its user and password; the last part begins with the `@`."""
    scheme, separator, rest = address.partition("://")
    before_options = rest.partition("?")[0]
    said, at, host = before_options.rpartition("@")
    user, _, password = said.partition(":")
    return scheme + separator, user, password, at + host + rest[len(before_options) :]
