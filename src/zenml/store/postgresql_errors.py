"""What an error of a PostgreSQL server means: is it over soon, is the connection lost, what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.errors import StoreUnavailableError
from zenml.store.address import password_of

if TYPE_CHECKING:
    import psycopg

_LOST = ("08", "57P0", "25P03")
"""How the codes of errors begin after which there is no connection: failures, shutdowns, silence."""
_REPEATABLE = ("40001", "40P01")
"""A serialization failure, a deadlock: the server has undone the transaction, which may work now."""
_SOON_OVER = ("starting up", "shutting down", "recovery", "too many clients", "remaining connection slots")
_FINAL = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "no password supplied",
    "invalid",
)
_HINTS = {
    "authentication failed": "Give the password with PGPASSWORD, in ~/.pgpass, or to `zenml connect`.",
    "no password supplied": "Give the password with PGPASSWORD, in ~/.pgpass, or to `zenml connect`.",
    "does not exist": "Make the database with `createdb`, or correct the address.",
    "no pg_hba.conf entry": "The server does not let this host in: add it to the pg_hba.conf of the server.",
    "permission denied": "Give the user the right to make tables: GRANT CREATE, USAGE ON SCHEMA public TO ...",
    "lock timeout": "Another process has been writing for a minute; see what it does: select * from pg_stat_activity",
    "NUL": "PostgreSQL holds no text with a zero character: take it out of the name or message.",
}


class ConnectionLostError(Exception):
    """The server is not reached, or has hung up; what was asked may be asked again."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def is_lost(error: BaseException, connection: psycopg.Connection[Any]) -> bool:
    """Tell whether an error means that the connection is gone, so that its transaction is undone."""
    import psycopg

    if not isinstance(error, psycopg.Error):
        return False
    return connection.closed or connection.broken or (error.sqlstate or "").startswith(_LOST)


def is_repeatable(error: BaseException, connection: psycopg.Connection[Any]) -> bool:
    """Tell whether a transaction was undone by an error that says nothing against it."""
    return is_lost(error, connection) or getattr(error, "sqlstate", None) in _REPEATABLE


def is_passing(error: BaseException, *, was_reached: bool) -> bool:
    """Tell whether a server that cannot be reached now may be soon: it was before, or says so."""
    text = str(error)
    if any(part in text for part in _SOON_OVER):
        return True
    return was_reached and not any(part in text for part in _FINAL)


def explain(error: BaseException, path: str, address: str) -> StoreUnavailableError:
    """Return an error of the server as one of ours; a password is never in it."""
    text = " ".join(str(error).split()) or type(error).__name__
    secret = password_of(address)
    if secret:
        text = text.replace(secret, "***")
    hint = next((hint for part, hint in _HINTS.items() if part in text), "")
    if not hint and getattr(error, "sqlstate", None) is None:
        hint = "Check that the server runs and that this host reaches it: zenml doctor"
    return StoreUnavailableError(f"The store `{path}` cannot be used: {text.rstrip('.')}. {hint}".rstrip())
