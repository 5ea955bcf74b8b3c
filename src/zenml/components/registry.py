"""The table of flavors: where the value that describes each is, by dotted name.

Nothing is imported before it is used. What is installed elsewhere announces itself through
the entry point group `zenml.flavors`, as `TYPE.NAME = package.module:FLAVOR`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.flavor import Flavor, Place
from zenml.components.kinds import words
from zenml.errors import ComponentError, ConfigurationError, MissingLibraryError, NotFoundError
from zenml.records.stacks import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from zenml.artifacts.artifact_store import ArtifactStore
    from zenml.records.stacks import PartAddress

BUILT_IN: dict[tuple[str, str], str] = {
    ("orchestrator", "local"): "zenml.flavors.local_orchestrator",
    ("artifact_store", "local"): "zenml.flavors.local_artifact_store",
    ("alerter", "webhook"): "zenml.flavors.webhook_alerter",
    ("alerter", "email"): "zenml.flavors.email_alerter",
    ("alerter", "slack"): "zenml.flavors.slack_alerter",
    ("alerter", "command"): "zenml.flavors.command_alerter",
    ("alerter", "apprise"): "zenml.flavors.apprise_alerter",
    ("step_operator", "venv"): "zenml.flavors.venv_step_operator",
    ("artifact_store", "s3"): "zenml.flavors.s3_artifact_store",
    ("artifact_store", "azure"): "zenml.flavors.azure_artifact_store",
    ("artifact_store", "gcs"): "zenml.flavors.gcs_artifact_store",
    ("experiment_tracker", "mlflow"): "zenml.flavors.mlflow_experiment_tracker",
    ("experiment_tracker", "wandb"): "zenml.flavors.wandb_experiment_tracker",
    ("image_builder", "docker"): "zenml.flavors.docker_image_builder",
    ("model_registry", "mlflow"): "zenml.flavors.mlflow_model_registry",
}
"""By type and name: the module whose `FLAVOR` describes it."""

ENTRY_POINTS = "zenml.flavors"


def load_flavor(kind: str, name: str) -> Flavor:
    """Return a flavor, its module imported now.

    Raises:
        NotFoundError: there is none; the message lists those there are.
        ConfigurationError: what an entry point names is no flavor, or cannot be imported.
    """
    module = BUILT_IN.get((kind, name))
    if module is not None:
        flavor: Flavor = importlib.import_module(module).FLAVOR
        return flavor
    for entry in _entry_points():
        if entry.name == f"{kind}.{name}":
            return _loaded(entry, kind, name)
    import difflib

    known = flavor_names(kind)
    close = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    listed = ", ".join(f"`{one}`" for one in known) or "none"
    raise NotFoundError(
        f"There is no flavor `{name}` of type `{kind}`. {hint}Known are: {listed}. "
        "Install the package that provides it, or correct the name."
    )


def flavor_names(kind: str) -> tuple[str, ...]:
    """Return the names of all flavors of a type, those of this distribution first."""
    own = [name for other, name in BUILT_IN if other == kind]
    elsewhere = [
        entry.name.partition(".")[2] for entry in _entry_points() if entry.name.startswith(f"{kind}.")
    ]
    return tuple(dict.fromkeys((*own, *sorted(elsewhere))))


def open_component(flavor: Flavor, config: Any, place: Place) -> Any:
    """Return a component of a flavor, as its constructor makes it.

    Raises:
        MissingLibraryError: a library that it needs is not installed.
    """
    try:
        return flavor.component(config, place)
    except MissingLibraryError:
        raise
    except ImportError as error:
        raise missing_library(flavor, error) from error


def open_address(kind: str, address: PartAddress) -> Any:
    """Return a component by its address, in whatever process of this machine.

    Raises:
        ComponentError: its flavor does not take its configuration any more.
        MissingLibraryError: a library that it needs is not installed.
    """
    flavor = load_flavor(kind, address.flavor)
    try:
        config = msgspec.convert(address.config, flavor.config)
    except msgspec.ValidationError as error:
        raise ComponentError(
            f"The {words(kind)} `{address.name}` has a configuration that its flavor `{address.flavor}` does not take:"
            f" {error}. Change it, or use the version of zenml-core that it was made with."
        ) from error
    return open_component(flavor, config, Place(name=address.name, folder=address.folder))


def missing_library(flavor: Flavor, error: ImportError) -> MissingLibraryError:
    """Return what to say when a library that a flavor needs is not installed."""
    return MissingLibraryError(
        f"The {words(flavor.type)} flavor `{flavor.name}` needs `{error.name}`, which is not installed. "
        f"Install it: {flavor.install or f'pip install {error.name}'}"
    )


def local_artifact_store(path: str) -> ArtifactStore:
    """Return the store of the artifacts in a folder of this machine."""
    flavor = load_flavor("artifact_store", "local")
    store: ArtifactStore = flavor.component(flavor.config(path=path), Place(name=DEFAULT, folder=path))
    return store


def _loaded(entry: EntryPoint, kind: str, name: str) -> Flavor:
    from_where = (
        f"The entry point `{entry.name} = {entry.value}` of {entry.dist.name if entry.dist else 'a package'}"
    )
    try:
        flavor = entry.load()
    except Exception as error:  # the border to another package's code
        raise ConfigurationError(
            f"{from_where} cannot be loaded: {type(error).__name__}: {error}. Install or update that package."
        ) from error
    if not isinstance(flavor, Flavor) or (flavor.type, flavor.name) != (kind, name):
        raise ConfigurationError(
            f"{from_where} must name a `Flavor` of type `{kind}` with the name `{name}`, and is {flavor!r:.80}."
        )
    return flavor


def _entry_points() -> Iterator[EntryPoint]:
    from importlib.metadata import entry_points

    yield from entry_points(group=ENTRY_POINTS)
