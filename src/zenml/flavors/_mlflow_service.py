"""Reach an MLflow server or a local folder: what the tracker and the model registry of MLflow share.

MLflow reads where it is and how it logs in from variables of the process and from a global. This
module sets them for as long as something is tracked, and puts back what was there before.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

from msgspec import Meta

from zenml.components.flavor import Configuration, SecretText
from zenml.errors import ComponentError, ConfigurationError, ZenMLError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEDY = (
    "Look whether the server runs and the `tracking_uri` and credentials of the component are right: {check}"
)
_URI = "MLFLOW_TRACKING_URI"
_GLOBALS = "mlflow.tracking._tracking_service.utils"
_TIMEOUT, _RETRIES = "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_MOST_WORDS = 400  # of an answer, which may be a whole page


class MlflowConnection(Configuration, frozen=True, kw_only=True):
    """Where MLflow is."""

    tracking_uri: Annotated[
        str | None,
        Meta(
            description="The address of the server; or a local folder, which gets an SQLite file. Without it: a folder"
            " that belongs to the component.",
            examples=["https://mlflow.example.com", "/data/mlflow", "sqlite:////data/mlflow.db"],
        ),
    ] = None
    tracking_username: Annotated[SecretText | None, Meta(description="The user, with a password.")] = None
    tracking_password: Annotated[SecretText | None, Meta(description="The password of the user.")] = None
    tracking_token: Annotated[
        SecretText | None, Meta(description="A bearer token, instead of a user and a password.")
    ] = None
    tracking_insecure_tls: Annotated[
        bool, Meta(description="Whether a certificate that nobody vouches for is accepted.")
    ] = False
    timeout: Annotated[
        int,
        Meta(
            description="Seconds within which the server answers when a step begins and ends.", ge=1, le=600
        ),
    ] = 10
    retries: Annotated[
        int,
        Meta(
            description="How often MLflow repeats what the step asks for; MLflow's own 7 take minutes.",
            ge=0,
            le=7,
        ),
    ] = 2

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigurationError: the address cannot be used, or the credentials contradict each other.
        """
        parts = urlsplit(self.tracking_uri or "")
        if parts.scheme not in {"", "http", "https", "file", "sqlite"}:
            raise ConfigurationError(
                f"`tracking_uri` begins with `{parts.scheme}:`. Give an http(s) address, a local folder or an `sqlite:///` file."
            )
        if "@" in parts.netloc:
            raise ConfigurationError(
                "`tracking_uri` holds a password. Give it as `tracking_username` and `tracking_password`."
            )
        if (self.tracking_username is None) != (self.tracking_password is None):
            raise ConfigurationError(
                "`tracking_username` and `tracking_password` go together. Give both, or neither."
            )
        if self.tracking_token is not None and self.tracking_password is not None:
            raise ConfigurationError("Give `tracking_token`, or a user and a password; not both.")


class MlflowService:
    """An MLflow that a component is configured for.

    Attributes:
        uri: what MLflow calls its tracking uri.
        is_remote: whether there is a server, and so pages to look at.
        artifacts: where new experiments keep files; None where the server decides.
    """

    def __init__(self, config: MlflowConnection, *, name: str, folder: str) -> None:
        self.config = config
        self.name = name
        self.folder = folder
        address = config.tracking_uri or os.path.join(folder, "mlflow")
        self.is_remote = address.startswith(("http://", "https://"))
        self.artifacts: str | None = None
        self._local_folder: str | None = None
        if "://" not in address and not address.startswith(("file:", "sqlite:")):
            self._local_folder = os.path.abspath(os.path.expanduser(address))
            self.artifacts = os.path.join(self._local_folder, "artifacts")
            address = f"sqlite:///{quote(self._local_folder)}/mlflow.db"
        self.uri = address.rstrip("/") if self.is_remote else address

    def environment(self) -> dict[str, str | None]:
        """Return the variables by which MLflow finds the service; None for one that must not be there."""
        config = self.config
        return {
            _URI: self.uri,
            "MLFLOW_TRACKING_USERNAME": config.tracking_username,
            "MLFLOW_TRACKING_PASSWORD": config.tracking_password,
            "MLFLOW_TRACKING_TOKEN": config.tracking_token,
            "MLFLOW_TRACKING_INSECURE_TLS": "true" if config.tracking_insecure_tls else None,
            "MLFLOW_RUN_ID": None,
            "MLFLOW_EXPERIMENT_NAME": None,
            "MLFLOW_EXPERIMENT_ID": None,
        }

    def begin(self) -> None:
        """Make the folder of a local MLflow."""
        if self._local_folder is not None:
            os.makedirs(self._local_folder, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the other processes of this machine that use the component out for a moment."""
        import fcntl

        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "lock"), "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # given back with the file
            yield

    @contextmanager
    def asked(self, for_what: str, kind: str) -> Iterator[None]:
        """Turn whatever MLflow and its libraries raise into an error that says what to do.

        Raises:
            ComponentError: the service is not reached, or refuses.
        """
        try:
            yield
        except (ZenMLError, ImportError):
            raise
        except Exception as error:  # MLflow lets errors of requests, SQLAlchemy and others through
            check = f"`curl {self.uri}/health`." if self.is_remote else f"`{self.uri}`."
            raise ComponentError(
                f"MLflow could not {for_what}: {self._words(error)} This is the {kind} `{self.name}` at {self.uri}. "
                + _REMEDY.format(check=check)
            ) from self._harmless(error)

    def _words(self, error: Exception) -> str:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        text = self._masked(text)  # before it is cut: half a password is not found
        return f"{text[:_MOST_WORDS]} …" if len(text) > _MOST_WORDS else text.rstrip(".") + "."

    def _masked(self, text: str) -> str:
        config = self.config
        for secret in (config.tracking_password, config.tracking_token, config.tracking_username):
            if secret:
                text = text.replace(secret, "***")
        return text

    def _harmless(self, error: Exception) -> Exception | None:
        """Return the cause to keep; None for one whose text shows a credential."""
        return error if self._masked(str(error)) == str(error) else None


class _Surroundings:
    """What MLflow finds in this process: one service at a time, for as many threads as want it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._key: tuple[dict[str, str | None], str | None] = ({}, None)
        self._config: MlflowConnection | None = None
        self._users = 0
        self._hurried = 0
        self._has_autologging = False
        self._experiment: Any = None
        self._uri: Any = None
        self._before: dict[str, str] = {}
        self._autologging: dict[str, dict[str, Any]] = {}

    def enter(self, service: MlflowService, experiment: str | None, *, has_autologging: bool = False) -> None:
        """Have MLflow use a service, and an experiment if one is named, from now on.

        Raises:
            ComponentError: the process uses another one just now; or it shall autolog, for which it must be free:
                MLflow knows one training per process, and deadlocks with imports of other threads while it patches.
        """
        key = (service.environment(), experiment or self._key[1])
        with self._lock:
            if experiment and self._users and (has_autologging or self._has_autologging):
                raise ComponentError(
                    "MLflow is to autolog a step, and tracks another step in the same process at the same time, whose"
                    ' values it would mix up. Let steps that autolog run in processes of their own: `@step(runtime="isolated")`.'
                )
            is_first_experiment = self._key == (key[0], None)
            if self._users and key != self._key and not is_first_experiment:
                raise ComponentError(
                    f"MLflow is at work elsewhere in this process (experiment `{self._key[1]}` at {self._key[0][_URI]}),"
                    f" so it cannot be in experiment `{key[1]}` at {service.uri}: it has one place per process."
                    ' Let tracked steps run in processes of their own: `@step(runtime="isolated")`.'
                )
            if not self._users:
                self._key = (service.environment(), experiment)
                self._has_autologging = has_autologging
                self._begin(service)
            self._key = (self._key[0], self._key[1] or experiment)
            self._users += 1

    def leave(self) -> None:
        """Give up; the last one puts back what was there before."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._end()

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Let nothing that is asked for take long, as long as any thread wants that."""
        with self._lock:
            self._hurried += 1
            self._set_limits()
        try:
            yield
        finally:
            with self._lock:
                self._hurried -= 1
                self._set_limits()

    def set_experiment(self, identifier: str) -> None:
        """Have the runs that a step begins itself land in an experiment, and those of its subprocesses."""
        _apply({"MLFLOW_EXPERIMENT_ID": identifier})

    def _set_limits(self) -> None:
        if self._config is None:
            return
        usual = {_TIMEOUT: self._before.get(_TIMEOUT), _RETRIES: str(self._config.retries)}
        brief: dict[str, str | None] = {_TIMEOUT: str(self._config.timeout), _RETRIES: "1"}
        _apply(brief if self._hurried else usual)

    def _begin(self, service: MlflowService) -> None:
        import mlflow
        from mlflow.tracking import fluent
        from mlflow.utils import autologging_utils

        self._config = service.config
        self._before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
        self._uri = getattr(sys.modules.get(_GLOBALS), "_tracking_uri", None)
        self._autologging = {
            name: dict(config) for name, config in autologging_utils.AUTOLOGGING_INTEGRATIONS.items()
        }
        # There is no public way to tell, nor to go back to, "none was set".
        self._experiment = getattr(fluent, "_active_experiment_id", None)
        fluent._active_experiment_id = None
        mlflow.set_tracking_uri(None)
        _apply(service.environment())
        mlflow.set_tracking_uri(service.uri)

    def _end(self) -> None:
        import mlflow
        from mlflow.tracking import fluent
        from mlflow.utils import autologging_utils

        self._config = None
        self._key = ({}, None)
        now = autologging_utils.AUTOLOGGING_INTEGRATIONS
        if now != self._autologging:
            # Libraries that are imported later would still be patched; what is configured comes back exactly.
            mlflow.autolog(disable=True)
            now.clear()
            now.update(self._autologging)
        fluent._active_experiment_id = self._experiment
        mlflow.set_tracking_uri(self._uri)
        _apply({name: None for name in list(os.environ) if name.startswith("MLFLOW_")} | dict(self._before))


surroundings = _Surroundings()
"""Of this process."""


def _apply(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
