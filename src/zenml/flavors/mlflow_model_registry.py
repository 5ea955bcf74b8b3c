r"""Keep versions of models in MLflow's registry, where those who serve models look for them.

Install: `pip install 'zenml-core[mlflow]'`

    zenml secret create mlflow --from-file mlflow.env  # token=…
    zenml model-registry register mlflow --flavor mlflow \
        --tracking_uri https://mlflow.example.com --tracking_token '{{mlflow.token}}'
    zenml stack register serving -r mlflow --set

    registry.register(ModelToRegister(name="churn", version="3", folder="exported/"))
    registry.set_stage("churn", "1", "production")
    mlflow.pyfunc.load_model("models:/churn@production")  # where the folder is a model that MLflow has saved

The folder is uploaded as it is to a run of its own, and the version points there. If MLflow has saved it (there is
a file `MLmodel`), MLflow can load it; any other folder can be downloaded. The tag `zenml.version` of a version
holds its number here.

Stages are aliases: MLflow has deprecated its own stages. `production` and `staging` belong to one version each, and
are what `models:/NAME@production` names. A version that gives way is archived, which is a tag, `zenml.stage`.

Tested with a real MLflow server on one machine.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from zenml.components.flavor import Flavor, Place
from zenml.components.model_registry import ModelRegistry, ModelToRegister, RegisteredVersion
from zenml.components.registry import missing_library
from zenml.errors import ComponentError, ConfigurationError
from zenml.flavors._mlflow_service import MlflowConnection, MlflowService, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALIASES = ("production", "staging")
STAGES = ("none", "staging", "production", "archived")
_METADATA = "zenml.metadata."
_FILES = "model"
"""The folder in the artifacts of the run."""
_LONGEST_TAG = 5000


class MlflowRegistryConfig(MlflowConnection, frozen=True, kw_only=True):
    """Where MLflow is."""

    experiment_name: Annotated[
        str, Meta(description="The experiment whose runs hold the files of versions.")
    ] = "zenml-models"


class MlflowModelRegistry(ModelRegistry):
    """Versions in MLflow's registry."""

    def __init__(self, config: MlflowRegistryConfig, place: Place) -> None:
        self._config = config
        self._service = MlflowService(config, name=place.name, folder=place.folder)

    def register(self, model: ModelToRegister) -> RegisteredVersion:
        """Upload the folder and make a version of it, unless there is one; bring what is said of it up to date."""
        with self._client(f"register version `{model.version}` of model `{model.name}`") as client:
            digest = _digest(model.folder)
            with surroundings.limited():
                found = _version(client, model)
                if found is None:
                    experiment = self._experiment(client)
            if found is None:
                source, run_id = _upload(client, experiment, model)
                with self._service.alone():  # the same version may have come from another process meanwhile
                    found = _version(client, model) or _create(client, model, source, run_id, digest)
            known = found.tags.get("zenml.digest", "")
            if digest and digest != known:
                raise ComponentError(
                    f"Version `{model.version}` of model `{model.name}` is in the registry `{self._service.name}` with other"
                    f" files (as `models:/{model.name}/{found.version}`). Register these as a further version, or delete"
                    " that one first."
                )
            with surroundings.limited():
                _describe(client, model, str(found.version))
                return _told(client, model.name, str(found.version))

    def versions(self, name: str) -> Sequence[RegisteredVersion]:
        """Return the versions of a model, the oldest first."""
        with self._client(f"list the versions of model `{name}`") as client, surroundings.limited():
            aliases = _aliases(client, name)
            found = sorted(_all(client, name), key=lambda one: int(one.version))
            return [_seen(one, aliases) for one in found]

    def set_stage(self, name: str, registry_version: str, stage: str) -> RegisteredVersion:
        """Move the alias of a stage to a version; the one that had it is archived."""
        if stage not in STAGES:
            listed = ", ".join(f"`{one}`" for one in STAGES)
            raise ConfigurationError(
                f"There is no stage `{stage}` for version `{registry_version}` of model `{name}`. Stages are: {listed}."
            )
        what = f"put version `{registry_version}` of model `{name}` into the stage `{stage}`"
        with self._client(what) as client, surroundings.limited():
            client.get_model_version(name, registry_version)  # before anything gives way to it
            before = _aliases(client, name)
            for alias in ALIASES:
                if alias != stage and before.get(alias) == registry_version:
                    client.delete_registered_model_alias(name, alias)
            if stage in ALIASES:
                client.set_registered_model_alias(name, stage, registry_version)
                displaced = before.get(stage, registry_version)
                if displaced != registry_version:
                    client.set_model_version_tag(name, displaced, "zenml.stage", "archived")
            client.set_model_version_tag(name, registry_version, "zenml.stage", stage)
            return _told(client, name, registry_version)

    def delete(self, name: str, registry_version: str) -> None:
        """Remove a version, and the run that holds its files if it was made for that."""
        with (
            self._client(f"delete version `{registry_version}` of model `{name}`") as client,
            surroundings.limited(),
        ):
            found = next((one for one in _all(client, name) if str(one.version) == registry_version), None)
            if found is None:
                return
            for alias, version in _aliases(client, name).items():
                if version == registry_version:
                    client.delete_registered_model_alias(name, alias)
            client.delete_model_version(name, registry_version)
            if found.run_id and "zenml.version" in found.tags:
                client.delete_run(found.run_id)

    def fetch(self, name: str, registry_version: str, folder: str) -> str:
        """Download the files of a version below a folder."""
        with self._client(f"fetch version `{registry_version}` of model `{name}`") as client:
            from mlflow.artifacts import download_artifacts

            with surroundings.limited():
                source = client.get_model_version_download_uri(name, registry_version)
            os.makedirs(folder, exist_ok=True)
            return str(
                download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=self._service.uri)
            )

    @contextmanager
    def _client(self, for_what: str) -> Iterator[Any]:
        """Give a client, with MLflow's variables as it needs them."""
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise missing_library(FLAVOR, error) from error
        surroundings.enter(self._service, None)
        try:
            with self._service.asked(for_what, "model registry"):
                self._service.begin()
                yield MlflowClient(self._service.uri, self._service.uri)
        finally:
            surroundings.leave()

    def _experiment(self, client: Any) -> str:
        from mlflow.exceptions import MlflowException

        name = self._config.experiment_name
        with self._service.alone():
            known = client.get_experiment_by_name(name)
            try:
                if known is None:
                    return str(client.create_experiment(name, artifact_location=self._service.artifacts))
            except MlflowException:
                known = client.get_experiment_by_name(name)  # another machine was faster
                if known is None:
                    raise
        return str(known.experiment_id)


# Making a version


def _upload(client: Any, experiment: str, model: ModelToRegister) -> tuple[str, str]:
    """Put the files into a run of their own; return where they are, and its id."""
    tags = {"zenml.model": model.name, "zenml.version": model.version, "zenml.run": model.run_name}
    run = client.create_run(experiment, run_name=f"{model.name}:{model.version}", tags=tags)
    try:
        if model.folder is not None:
            client.log_artifacts(run.info.run_id, model.folder, _FILES)
        for name, value in model.metadata.items():
            if isinstance(value, int | float):
                client.log_metric(run.info.run_id, name, float(value))
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    client.set_terminated(run.info.run_id)
    return f"{run.info.artifact_uri}/{_FILES}", run.info.run_id


def _create(client: Any, model: ModelToRegister, source: str, run_id: str, digest: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {"zenml.version": model.version, "zenml.digest": digest}
    return client.create_model_version(model.name, source, run_id, tags=tags)


def _describe(client: Any, model: ModelToRegister, version: str) -> None:
    """Say of a version what is known of it now."""
    if model.description:
        client.update_model_version(model.name, version, model.description)
    facts = {
        "zenml.run": model.run_name,
        "zenml.source": model.source,
        "zenml.tags": ", ".join(model.tags),
        **{f"{_METADATA}{name}": json.dumps(value, default=str) for name, value in model.metadata.items()},
    }
    for name, value in facts.items():
        if value:
            client.set_model_version_tag(model.name, version, name, value[:_LONGEST_TAG])


def _digest(folder: str | None) -> str:
    """Return what the files of a folder come to; "" without one."""
    import hashlib

    if folder is None:
        return ""
    if not os.path.isdir(folder):
        raise ConfigurationError(
            f"The folder `{folder}` with the files of the model is not there. Name one that is."
        )
    total = hashlib.sha256()
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            whole = os.path.join(path, name)
            with open(whole, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{os.path.relpath(whole, folder)}\0{digest}\0".encode())
    return total.hexdigest()


# Looking at versions


def _all(client: Any, name: str) -> list[Any]:
    found: list[Any] = []
    token = None
    quoted = name.replace("'", "''")
    while True:
        page = client.search_model_versions(f"name='{quoted}'", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _version(client: Any, model: ModelToRegister) -> Any:
    """Return the version that was registered with a number of ours; None if there is none."""
    return next(
        (one for one in _all(client, model.name) if one.tags.get("zenml.version") == model.version), None
    )


def _aliases(client: Any, name: str) -> dict[str, str]:
    """Return the version of each alias."""
    from mlflow.exceptions import MlflowException

    try:
        return {alias: str(one) for alias, one in client.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}
        raise


def _told(client: Any, name: str, version: str) -> RegisteredVersion:
    return _seen(client.get_model_version(name, version), _aliases(client, name))


def _seen(found: Any, aliases: dict[str, str]) -> RegisteredVersion:
    version = str(found.version)
    own = [alias for alias in ALIASES if aliases.get(alias) == version]
    archived = "archived" if found.tags.get("zenml.stage") == "archived" else "none"
    return RegisteredVersion(
        name=found.name,
        registry_version=version,
        version=found.tags.get("zenml.version", ""),
        stage=own[0] if own else archived,
        uri=f"models:/{found.name}/{version}",
        description=found.description or "",
        metadata={
            key.removeprefix(_METADATA): _read(value)
            for key, value in found.tags.items()
            if key.startswith(_METADATA)
        },
    )


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # it was too long, or somebody else wrote it
        return text


FLAVOR = Flavor(
    type="model_registry",
    name="mlflow",
    component=MlflowModelRegistry,
    config=MlflowRegistryConfig,
    requirements=("mlflow>=3",),
    extra="mlflow",
)
