"""What the process of a step makes of what was sent to it."""

import sys
from types import SimpleNamespace

import pytest

from zenml.errors import ConfigurationError
from zenml.materializers import pickling
from zenml.worker.process import Parcel, _program


def parcel(python, *, live=b"", module=""):
    task = SimpleNamespace(definition=SimpleNamespace(name="train"))
    return Parcel(task, live, module, "loads", python=python)


def test_a_function_by_value_is_refused_in_another_version_of_python():
    live = pickling.dumps((len, "train", {}))

    with pytest.raises(ConfigurationError) as refused:
        _program(parcel((3, 9), live=live))

    assert "Step `train` cannot run in Python" in str(refused.value)
    assert "from Python 3.9" in str(refused.value)
    assert _program(parcel(sys.version_info[:2], live=live)).function is len


def test_a_function_that_is_imported_runs_in_any_version():
    import json

    assert _program(parcel((3, 9), module="json")).function is json.loads
