"""Where the store lives on this machine, and the folder that holds it.

    <root>/store.db           the database
    <root>/store.lock         taken by every writer, before the database's own lock
    <root>/store.key          signs what this store records
    <root>/secrets.key        encrypts its secrets, once there are any
    <root>/artifacts/         files of artifacts
    <root>/logs/              logs of steps and runs
    <root>/leases/            one locked file per living process that owns runs
    <root>/teams/<id>/        the same folders for the store of a team, whose database is on a server

Everything is readable by its owner only, whatever the umask says.
"""

from __future__ import annotations

import os

from zenml import fs
from zenml.errors import StoreUnavailableError

NETWORK_FILE_SYSTEMS = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "lustre", "gpfs", "beegfs", "ceph", "afs", "glusterfs")
)
"""File systems on which SQLite's shared memory or locks do not hold between hosts."""

TEAMS = "teams"


def default_root() -> str:
    """Return the folder of the active store: `ZENML_CONFIG_PATH`, or one below the user's data folder."""
    chosen = os.environ.get("ZENML_CONFIG_PATH")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "zenml-core")


def team_folder(root: str, identifier: str) -> str:
    """Return the folder of what the store of a team has on this machine.

    It is one of its own: what nothing refers to is collected, and nothing in a team's database refers
    to what the store of this machine has, nor the other way round.
    """
    return os.path.join(home_of(root), TEAMS, identifier)


def home_of(root: str) -> str:
    """Return the folder that people chose, given the folder of a store: of a team's, the one that it lies in."""
    above = os.path.dirname(root)
    return os.path.dirname(above) if os.path.basename(above) == TEAMS else root


def prepare_root(root: str) -> None:
    """Create the folder of a store, for its owner only, or explain why it cannot be used."""
    home = home_of(root)
    above = () if home == root else (home, os.path.dirname(root))
    try:
        for folder in (*above, root, *(os.path.join(root, name) for name in ("artifacts", "logs", "leases"))):
            if not os.path.isdir(folder):
                fs.make_folder(folder)
        for folder in (*above, root):
            if os.stat(folder).st_mode & 0o077:
                os.chmod(folder, 0o700)
    except OSError as error:
        raise StoreUnavailableError(
            f"The store folder `{root}` cannot be created or opened: {error.strerror}. "
            "Set ZENML_CONFIG_PATH to a folder that you may write."
        ) from error
    if home == root:
        refuse_network_file_system(root)


def artifact_folder(root: str) -> str:
    """Return the folder of a store's artifacts; a store in memory has one that is made when it is needed."""
    if root != ":memory:":
        return f"{root}/artifacts"
    import tempfile

    return os.path.join(tempfile.gettempdir(), f"zenml-{os.urandom(12).hex()}")


def remove_folder(path: str) -> None:
    """Remove a folder with all that is in it, if it is there."""
    if os.path.isdir(path):
        import shutil

        shutil.rmtree(path, ignore_errors=True)


def refuse_lost_database(root: str, path: str) -> None:
    """Raise when a store's folder is there and its database is not: a new one would hide the loss."""
    if not os.path.exists(os.path.join(root, "store.key")):
        return  # a fresh store: the key is made after the database
    if not os.path.exists(path) or not os.path.getsize(path):
        raise StoreUnavailableError(
            f"The store `{root}` has lost its database: `{path}` is missing or empty. Restore it from a backup; "
            "to begin anew, delete the whole folder or choose another one with ZENML_CONFIG_PATH."
        )


def refuse_network_file_system(root: str) -> None:
    """Raise when the folder lies on a file system that cannot hold an SQLite store."""
    kind = _file_system_of(root)
    is_network = kind in NETWORK_FILE_SYSTEMS or (kind.startswith("fuse.") and kind != "fuse.overlayfs")
    if is_network and os.environ.get("ZENML_ALLOW_NETWORK_STORE") != "1":
        raise StoreUnavailableError(
            f"The store folder `{root}` lies on a network file system ({kind}), where a database shared by "
            "several hosts gets damaged. Set ZENML_CONFIG_PATH to a local folder; if only this host will "
            "ever use it, set ZENML_ALLOW_NETWORK_STORE=1."
        )


def _file_system_of(path: str) -> str:
    """Return the type of the file system that holds `path`, or "" where the kernel does not tell."""
    path = os.path.realpath(path)
    best, kind = "", ""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                left, _, right = line.partition(" - ")
                point = left.split(" ")[4].replace("\\040", " ")
                is_parent = path == point or path.startswith(point.rstrip("/") + "/")
                if is_parent and len(point) >= len(best):
                    best, kind = point, right.split(" ")[0]
    except (OSError, IndexError):
        return ""
    return kind


def read_key(root: str) -> bytes:
    """Return the store's signing key of 32 bytes, made on first use.

    Several processes may open a fresh store at once: the first to link its key in place wins.
    """
    path = os.path.join(root, "store.key")
    try:
        return _read_file(path)
    except FileNotFoundError:
        pass
    draft = fs.write_draft(path, os.urandom(32), is_durable=True)
    try:
        fs.link(draft, path)
    except FileExistsError:
        pass
    finally:
        fs.remove(draft)
    return _read_file(path)


def _read_file(path: str) -> bytes:
    key = fs.read_whole(path)
    if len(key) != 32:
        raise StoreUnavailableError(
            f"The store's signing key `{path}` is damaged ({len(key)} bytes instead of 32). "
            "Restore it from a backup; without it, pickled artifacts of this store are refused."
        )
    return key
