"""The keys that encrypt secrets, and the encryption itself: AES-256-GCM.

    <root>/secrets.key        keys in base64, one a line: the first encrypts, all decrypt
    ZENML_SECRETS_KEY         the same with commas, in front of those of the file

What is encrypted is bound to the key and to the place it is stored in, so that a row that was
changed, or put in the place of another one, is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING

from zenml import fs
from zenml.errors import ConfigurationError, MissingLibraryError, SecretUnreadableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VARIABLE = "ZENML_SECRETS_KEY"
FILE = "secrets.key"
KEY_SIZE = 32
_NONCE_SIZE = 12
"""What GCM is made for; with random ones a key may encrypt four thousand million secrets."""


def new_key() -> bytes:
    """Return a new key of 32 random bytes."""
    return os.urandom(KEY_SIZE)


def key_id(key: bytes) -> str:
    """Return the name of a key, which tells nothing about it."""
    return hashlib.sha256(b"zenml secrets key\0" + key).hexdigest()[:16]


def keys_of_variable() -> tuple[bytes, ...]:
    """Return the keys that `ZENML_SECRETS_KEY` holds."""
    return tuple(
        _read_key(text, f"The environment variable {VARIABLE}")
        for text in os.environ.get(VARIABLE, "").split(",")
        if text.strip()
    )


def keys_of_file(root: str) -> tuple[bytes, ...]:
    """Return the keys of a store's key file; none if there is no such file."""
    path = os.path.join(root, FILE)
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
            lines = file.read().split()
    except FileNotFoundError:
        return ()
    if not lines:
        raise StoreUnavailableError(f"The key file `{path}` is empty. Restore it from a backup.")
    return tuple(_read_key(line, f"The key file `{path}`") for line in lines)


def write_keys(root: str, keys: Sequence[bytes]) -> None:
    """Replace a store's key file as a whole; it is on the disk when this returns. No keys: no file."""
    path = os.path.join(root, FILE)
    if keys:
        text = "".join(base64.urlsafe_b64encode(key).decode() + "\n" for key in keys)
        fs.write_whole(path, text.encode(), is_durable=True)
    elif os.path.exists(path):
        fs.remove(path)
    fs.sync_folder(root)


def seal(key: bytes, plain: bytes, place: bytes) -> bytes:
    """Return bytes encrypted for one place."""
    nonce = os.urandom(_NONCE_SIZE)
    return nonce + _cipher(key).encrypt(nonce, plain, place)


def unseal(key: bytes, body: bytes, place: bytes, what: str) -> bytes:
    """Return what was encrypted for a place.

    Raises:
        SecretUnreadableError: it was changed, or was encrypted for another place.
    """
    cipher = _cipher(key)
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(body[:_NONCE_SIZE], body[_NONCE_SIZE:], place)
    except (InvalidTag, ValueError):
        # Not as a cause: it says nothing more.
        raise SecretUnreadableError(
            f"{what} was changed in the database by something else than this package, and is not used. "
            "Delete it and give its values again."
        ) from None


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise MissingLibraryError(
            "Secrets are encrypted with the package `cryptography`, which is not installed. "
            "Install it: pip install cryptography"
        ) from error
    return AESGCM(key)


def _read_key(text: str, where: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text.strip())
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_SIZE:
        raise ConfigurationError(
            f"{where} holds something that is no key. A key is {KEY_SIZE} bytes in base64, as this prints: "
            'python -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
        )
    return key
