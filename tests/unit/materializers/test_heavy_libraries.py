"""torch, Keras and XGBoost, where they are installed: predictions equal, weights as data."""

import os
from collections import OrderedDict

import numpy as np
import pytest

from zenml.errors import ArtifactNotTrustedError, MaterializerError
from zenml.materializers.storage import load

pytestmark = pytest.mark.heavy


@pytest.fixture
def torch():
    pytest.importorskip("safetensors")
    return pytest.importorskip("torch")


def test_tensors(there_and_back, torch):
    for value in (
        torch.arange(5),
        torch.tensor(float("nan")),
        torch.ones(3, 4, dtype=torch.bfloat16),
        torch.empty(0, 3),
        torch.rand(30, 20).t(),
        torch.nn.Parameter(torch.rand(3)),
        torch.rand(3, requires_grad=True),
    ):
        stored, back = there_and_back(value)
        assert stored.materializer == "torch-tensor"
        assert (type(back), back.dtype, back.shape) == (type(value), value.dtype, value.shape)
        assert back.requires_grad == value.requires_grad
        assert torch.equal(torch.nan_to_num(back), torch.nan_to_num(value))


def test_a_tensor_inside_a_computation_is_refused(there_and_back, torch):
    with pytest.raises(MaterializerError, match=r"detach\(\)"):
        there_and_back(torch.rand(3, requires_grad=True) * 2)


def test_state_dicts_are_one_file_without_code(there_and_back, torch):
    value = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict()
    for mapping in (value, dict(value)):
        stored, back = there_and_back(mapping)
        assert stored.materializer == "torch-state"
        assert type(back) is type(mapping)
        assert list(back) == list(mapping)
        assert all(torch.equal(back[name], mapping[name]) for name in mapping)
    assert isinstance(there_and_back(value)[1]._metadata, OrderedDict)


def test_a_module_keeps_shared_weights_and_needs_trust(there_and_back, torch):
    value = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    value[1].weight = value[0].weight
    value.register_buffer("scale", torch.ones(2), persistent=False)

    stored, back = there_and_back(value, trusted=True)

    features = torch.rand(2, 3)
    assert torch.equal(value(features), back(features))
    assert back[1].weight is back[0].weight
    with pytest.raises(ArtifactNotTrustedError):
        load(stored, artifact_store=there_and_back.store, trusted=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_keras(there_and_back):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    from zenml.materializers.tensorflow_materializer import TensorflowModelMaterializer

    value = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    value.compile("adam", "mse")
    features = np.random.default_rng(0).random((10, 3))
    value.fit(features, features[:, :1], verbose=0)

    stored, back = there_and_back(value, trusted=True)

    assert stored.needs_trust
    assert stored.materializer == TensorflowModelMaterializer.SHORT_NAME
    assert (value.predict(features, verbose=0) == back.predict(features, verbose=0)).all()
    assert there_and_back(value, trusted=True)[0].digest == stored.digest


def test_xgboost(there_and_back):
    xgboost = pytest.importorskip("xgboost")
    features = np.random.default_rng(0).random((40, 3))
    target = (features[:, 0] > 0.5).astype(int)
    for value in (xgboost.XGBClassifier(n_estimators=3), xgboost.XGBRegressor(n_estimators=3)):
        value.fit(features, target)
        stored, back = there_and_back(value)
        assert stored.materializer == "xgboost-sklearn"
        assert (back.predict(features) == value.predict(features)).all()
        _, booster = there_and_back(value.get_booster())
        matrix = xgboost.DMatrix(features)
        assert (booster.predict(matrix) == value.get_booster().predict(matrix)).all()
