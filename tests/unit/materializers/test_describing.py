"""What is told of values: small, correct, and never a reason to fail."""

import json
import warnings

import msgspec
import numpy as np
import pandas as pd
import pytest

from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.describing import FACTS_LIMIT
from zenml.materializers.storage import load, save


class Odd(BaseMaterializer):
    SKIP_REGISTRATION = True

    def save(self, data):
        self.artifact_store.open("empty", "w").close()

    def load(self, data_type):
        return 1

    def extract_metadata(self, data):
        raise ZeroDivisionError("mine")

    def save_visualizations(self, data):
        raise OSError("no display")


class Wordy(Odd):
    SKIP_REGISTRATION = True

    def extract_metadata(self, data):
        return {"long": "x" * 100_000, "many": list(range(100_000)), "lone": "\ud800", "small": 1}

    def save_visualizations(self, data):
        return {}


def test_an_error_while_describing_is_noted_and_the_value_is_stored(tmp_path):
    store = LocalArtifactStore(str(tmp_path / "a"))

    stored = save(1, artifact_store=store, key_hint="a/b", materializer=Odd)

    assert "ZeroDivisionError: mine" in stored.metadata["metadata_note"]
    assert "no display" in stored.metadata["visualizations_note"]
    assert load(stored, artifact_store=store, trusted=True) == 1


def test_facts_are_cut_to_size_with_a_note(tmp_path):
    store = LocalArtifactStore(str(tmp_path / "a"))

    stored = save(1, artifact_store=store, key_hint="a/b", materializer=Wordy)

    assert len(msgspec.json.encode(stored.metadata)) <= FACTS_LIMIT
    assert stored.metadata["small"] == 1
    assert "truncated" in stored.metadata


@pytest.mark.parametrize(
    "value",
    [
        np.array([np.nan, np.inf, -0.0]),
        np.array([np.nan]),
        np.array([], "f8"),
        np.array([2**63], "u8"),
        np.array(["a"]),
        np.zeros((3, 0)),
        np.array([1 + 1j]),
        np.full(9, 1e308),
        pd.DataFrame({"a": [None, 1.5], "b": pd.Categorical(["x", "y"]), "c": ["<b>", "\ud7ff"]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({f"c{n}": [1] for n in range(200)}),
        pd.DataFrame(index=range(3)),
        pd.DataFrame(),
        pd.array([1, None], dtype="Int64").to_numpy(),
        pd.Series([1, None], dtype="Int64"),
        pd.MultiIndex.from_tuples([(1, "a")]),
    ],
)
def test_no_value_has_facts_that_fail(there_and_back, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*stored as a pickle")
        stored, _ = there_and_back(value, trusted=True)
    assert not [name for name in stored.metadata if name.endswith("_note")]


def test_figures_of_arrays(there_and_back):
    stored, _ = there_and_back(np.array([1.0, np.nan, 3.0]))
    assert {name: stored.metadata[name] for name in ("min", "max", "mean", "std", "nan_count")} == {
        "min": 1.0,
        "max": 3.0,
        "mean": 2.0,
        "std": 1.0,
        "nan_count": 1,
    }


class Numbers(Odd):
    SKIP_REGISTRATION = True

    def extract_metadata(self, data):
        return data

    def save_visualizations(self, data):
        return {}


def test_facts_keep_infinities_and_what_is_no_number_as_text(tmp_path):
    store = LocalArtifactStore(str(tmp_path / "a"))
    facts = {
        "loss": float("inf"),
        "pair": (1, [float("-inf"), {"deep": float("nan")}]),
        "scalar": np.float32("nan"),
        "plain": np.float64(0.5),
        "count": np.int64(3),
        "keys": {1: 2},
    }

    stored = save(facts, artifact_store=store, key_hint="a/b", materializer=Numbers)

    assert stored.metadata == {
        "loss": "inf",
        "pair": [1, ["-inf", {"deep": "nan"}]],
        "scalar": "nan",
        "plain": 0.5,
        "count": 3,
        "keys": {"1": 2},
    }
    # Strictly: Python's own reader takes `NaN`, which is no JSON.
    text = json.dumps(stored.metadata, allow_nan=False)
    assert json.loads(text) == msgspec.json.decode(msgspec.json.encode(stored.metadata)) == stored.metadata


@pytest.mark.parametrize("library", ["numpy", "pandas", "polars"])
def test_figures_of_infinities_are_kept(there_and_back, library):
    numbers = np.array([1.0, np.inf, -np.inf])
    value = numbers if library == "numpy" else pytest.importorskip(library).DataFrame({"a": numbers})
    stored, _ = there_and_back(value)
    figures = stored.metadata if library == "numpy" else stored.metadata["columns"][0]
    assert (figures["min"], figures["max"], figures["mean"]) == ("-inf", "inf", "nan")
