"""Beginning and ending to use the store of a team."""

from __future__ import annotations

import msgspec

from zenml.store import address as addresses
from zenml.store.database import Database
from zenml.store.location import default_root, home_of


class Connected(msgspec.Struct, frozen=True):
    """The store that is used now."""

    path: str
    """Its address, without a password."""
    files: str
    """The folder of artifacts and logs, which are not in the database."""


def connect_team(address: str, password: str = "") -> Connected:
    """Open the database at an address, make its tables if there are none, and keep the address if that works.

    Raises:
        ConfigurationError: that is no address.
        StoreUnavailableError: the server is not reached, or refuses us.
        StoreVersionError: the tables are of a newer version of this package.
    """
    address = addresses.check_address(address, "What was given")
    if password:
        address = addresses.with_password(address, password)
    home = home_of(default_root())
    store = Database(home, address=address)
    found = Connected(store.file.path, store.root)
    store.close()
    addresses.keep_address(home, address)
    return found


def disconnect_team() -> str | None:
    """Have the folder's own file be the store again; return the address that was in use, None if none was."""
    return addresses.forget_address(home_of(default_root()))
