"""A fresh store for each test, and the command line without a process."""

import sys

import pytest

from zenml.cli.main import main


class Result:
    """What a command printed, and its exit status."""

    def __init__(self, status, captured):
        self.status = status
        self.out = captured.out
        self.err = captured.err


@pytest.fixture(autouse=True)
def _fresh_store(zenml_store, tmp_path, monkeypatch):
    monkeypatch.delenv("ZENML_DEBUG", raising=False)
    monkeypatch.delenv("ZENML_QUIET", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _same_modules_and_path():
    """Take back what importing a pipeline leaves in this process."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if "site-packages" not in file and "zenml" not in name.partition(".")[0]:
            del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def zenml(capsys):
    """Run a command line; return its status and what it printed."""

    def run(*args):
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        return Result(status, capsys.readouterr())

    return run
