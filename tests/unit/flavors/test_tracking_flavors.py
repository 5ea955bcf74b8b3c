"""What the flavors of MLflow and W&B say of themselves, without their libraries."""

import importlib.util
import subprocess
import sys

import msgspec
import pytest

from zenml.components.experiment_tracker_check import make_step
from zenml.components.flavor import Place, fields_of
from zenml.components.model_registry import ModelToRegister
from zenml.components.registry import load_flavor, open_component
from zenml.errors import ConfigurationError, MissingLibraryError
from zenml.flavors._mlflow_service import MlflowService
from zenml.flavors.mlflow_experiment_tracker import MlflowTrackerConfig, MlflowTrackerSettings
from zenml.flavors.wandb_experiment_tracker import WandbTrackerConfig, WandbTrackerSettings

KINDS = [("experiment_tracker", "mlflow"), ("experiment_tracker", "wandb"), ("model_registry", "mlflow")]
PLACE = Place(name="mine", folder="/kept")


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_a_flavor_says_what_it_is_and_describes_every_field(kind, name):
    flavor = load_flavor(kind, name)

    assert (flavor.type, flavor.name, flavor.extra) == (kind, name, name)
    assert f"zenml {kind.replace('_', '-')} register" in flavor.docs
    assert flavor.install in flavor.docs
    classes = [flavor.config, flavor.settings] if flavor.settings else [flavor.config]
    assert [field.name for one in classes for field in fields_of(one) if not field.description] == []


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_a_flavor_is_read_and_opened_without_its_library(kind, name):
    code = (
        "import sys; from zenml.components.registry import *; from zenml.components.flavor import *;"
        f"flavor = load_flavor({kind!r}, {name!r}); fields_of(flavor.config);"
        "open_component(flavor, flavor.config(), Place(name='mine', folder='/kept'));"
        "sys.exit(' '.join({'mlflow', 'wandb', 'requests', 'numpy', 'pandas'} & set(sys.modules)) or 0)"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_a_missing_library_is_named_with_the_command_that_installs_it(kind, name):
    if importlib.util.find_spec(name) is not None:
        pytest.skip(f"{name} is installed")
    flavor = load_flavor(kind, name)
    component = open_component(flavor, flavor.config(), PLACE)
    begin, given = (
        (component.register, ModelToRegister(name="churn", version="1"))
        if kind == "model_registry"
        else (component.start, make_step())
    )

    with pytest.raises(MissingLibraryError) as caught:
        begin(given)

    assert f"needs `{name}`" in str(caught.value)
    assert f"pip install 'zenml-core[{name}]'" in str(caught.value)


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_credentials_are_secrets(kind, name):
    fields = {field.name: field.is_secret for field in fields_of(load_flavor(kind, name).config)}

    secrets = {one for one, is_secret in fields.items() if is_secret}
    expected = (
        {"tracking_username", "tracking_password", "tracking_token"} if name == "mlflow" else {"api_key"}
    )
    assert secrets == expected


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"tracking_uri": "ftp://host"}, "begins with `ftp:`"),
        ({"tracking_uri": "https://ada:pass@host"}, "holds a password"),
        ({"tracking_username": "ada"}, "go together"),
        ({"tracking_password": "x"}, "go together"),
        ({"tracking_username": "ada", "tracking_password": "x", "tracking_token": "y"}, "not both"),
        ({"timeout": 0}, "timeout"),
        ({"retries": 8}, "retries"),
        ({"tracking_url": "https://host"}, "tracking_url"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(given, problem):
    with pytest.raises(msgspec.ValidationError, match=problem):
        msgspec.convert(given, MlflowTrackerConfig)


def test_a_password_in_an_address_is_refused_without_showing_it():
    with pytest.raises(ConfigurationError) as caught:
        MlflowTrackerConfig(tracking_uri="https://ada:opensesame@host")

    assert "opensesame" not in str(caught.value)


def test_a_password_in_the_address_of_wandb_is_refused():
    with pytest.raises(msgspec.ValidationError, match="holds a password"):
        msgspec.convert({"base_url": "https://ada:x@host"}, WandbTrackerConfig)


@pytest.mark.parametrize(
    ("address", "uri", "artifacts"),
    [
        ("https://host/", "https://host", None),
        ("/data/my flow", "sqlite:////data/my%20flow/mlflow.db", "/data/my flow/artifacts"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db", None),
        ("file:///data", "file:///data", None),
        (None, "sqlite:////kept/mlflow/mlflow.db", "/kept/mlflow/artifacts"),
    ],
)
def test_what_an_address_is_to_mlflow(address, uri, artifacts):
    service = MlflowService(MlflowTrackerConfig(tracking_uri=address), name="mine", folder="/kept")

    assert (service.uri, service.artifacts) == (uri, artifacts)


def test_settings_are_read_from_what_a_step_says():
    said = {"experiment_name": "churn", "nested": True, "tags": {"team": "a", "wave": 3}, "autolog": True}
    settings = msgspec.convert(said, MlflowTrackerSettings)

    assert settings == MlflowTrackerSettings(
        experiment_name="churn", nested=True, tags={"team": "a", "wave": 3}, autolog=True
    )
    given = msgspec.convert({"tags": ["a"], "settings": {"console": "off"}}, WandbTrackerSettings)
    assert given == WandbTrackerSettings(tags=("a",), settings={"console": "off"})
