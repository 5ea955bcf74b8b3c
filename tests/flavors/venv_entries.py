"""What tests run in virtual environments."""

import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version


def report(_payload, send):
    """Say which packages are found here."""
    tiny = None
    if importlib.util.find_spec("tiny"):
        import tiny

        tiny = tiny.VERSION
    found = {
        "tiny": tiny,
        "prefix": sys.prefix,
        "has_pytest": importlib.util.find_spec("_pytest") is not None,
        "has_numpy": importlib.util.find_spec("numpy") is not None,
        "core": {name: _version(name) for name in ("cloudpickle", "msgspec")},
        "zenml": os.path.realpath(importlib.util.find_spec("zenml").origin),
        "python_on_path": subprocess.run(
            ["python", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
        ).stdout.strip(),
    }
    return json.dumps(found).encode()


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None
