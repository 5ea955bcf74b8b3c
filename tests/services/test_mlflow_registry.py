"""The model registry of MLflow against a real server, and in a local folder."""

import os

import pytest
from keeper import free_port

from zenml.components.flavor import Place
from zenml.components.model_registry_check import CHECKS, make_model, write_files
from zenml.errors import ComponentError, ConfigurationError
from zenml.flavors.mlflow_model_registry import MlflowModelRegistry, MlflowRegistryConfig


def factory(uri, folder):
    config, place = MlflowRegistryConfig(tracking_uri=uri), Place(name="mlflow", folder=str(folder))
    return lambda: MlflowModelRegistry(config, place)


@pytest.fixture(params=["server", "folder"])
def make(request, tmp_path):
    if request.param == "server":
        return factory(request.getfixturevalue("mlflow_server").address, tmp_path)
    return factory(str(tmp_path / "registry"), tmp_path)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_registry_conforms(check, make):
    check(make)


def test_a_model_that_mlflow_saved_is_loaded_by_its_stage(mlflow_server, tmp_path, monkeypatch):
    import mlflow
    from sklearn.linear_model import LinearRegression

    folder = str(tmp_path / "saved")
    line = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    mlflow.sklearn.save_model(line, folder, pip_requirements=["scikit-learn"])
    registry, model = factory(mlflow_server.address, tmp_path)(), make_model(folder=folder)

    version = registry.register(model)
    registry.set_stage(model.name, version.registry_version, "production")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.address)
    loaded = mlflow.pyfunc.load_model(f"models:/{model.name}@production")

    assert loaded.predict([[3.0]])[0] == pytest.approx(6.0)


def test_a_version_of_somebody_else_is_listed_too(mlflow_server, tmp_path):
    from mlflow import MlflowClient

    registry, model = factory(mlflow_server.address, tmp_path)(), make_model()
    client = MlflowClient(mlflow_server.address)
    client.create_registered_model(model.name)
    run = client.create_run("0")
    client.create_model_version(model.name, f"{run.info.artifact_uri}/model", run.info.run_id)

    registry.register(model)

    assert [one.version for one in registry.versions(model.name)] == ["", "1"]
    registry.delete(model.name, "1")
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"  # it is not ours


def test_a_folder_that_is_not_there(make):
    with pytest.raises(ConfigurationError, match="nowhere"):
        make().register(make_model(folder="/nowhere"))


def test_a_server_that_is_not_there(tmp_path):
    folder = write_files(str(tmp_path / "files"), {"a": b"1"})
    registry = factory(f"http://127.0.0.1:{free_port()}", tmp_path)()

    for ask in (lambda: registry.register(make_model(folder=folder)), lambda: registry.versions("x")):
        with pytest.raises(ComponentError, match="model registry `mlflow`"):
            ask()
    assert "MLFLOW_TRACKING_URI" not in os.environ
