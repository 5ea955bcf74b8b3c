"""A fresh store and an empty folder for each row."""

import pytest


@pytest.fixture(autouse=True)
def _fresh_store(tmp_path, monkeypatch):
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path / "store"))
    monkeypatch.setenv("ZENML_DURABILITY", "relaxed")
    monkeypatch.setenv("ZENML_QUIET", "1")
    for name in ("ZENML_DEBUG", "ZENML_ENFORCE_TYPE_ANNOTATIONS", "ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
