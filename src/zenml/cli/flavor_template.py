"""The template of a flavor: its files, with the methods that the interface of its type asks for."""

from __future__ import annotations

import builtins
import importlib
import inspect
import re
from typing import Any

from zenml.components.kinds import INTERFACES, words
from zenml.config.settings import COMPONENT_TYPES

_MODULE = '''"""{about}, with NAME OF THE SERVICE.

    pip install {package}
    zenml {command} register mine --flavor {name} --address https://example.com
    zenml stack register with-mine --{command} mine --set
"""

from __future__ import annotations

{imports}


class {class_name}Config(Configuration, frozen=True, kw_only=True):
    """What is configured; the descriptions are the help of `zenml {command} flavors {name}`."""

    address: Annotated[str, Meta(description="Where the service is.")]
    password: Annotated[SecretText | None, Meta(description="The password for it.")] = None


class {class_name}({interface}):
    """Import the library of the service inside the methods: listing flavors should need nothing installed."""

    def __init__(self, config: {class_name}Config, place: Place) -> None:
        self.config = config
        self.place = place

{methods}

FLAVOR = Flavor(
    type="{kind}",
    name="{name}",
    component={class_name},
    config={class_name}Config,
    requirements=(),
)
'''
_PROJECT = """[build-system]
requires = ["setuptools>=69"]
build-backend = "setuptools.build_meta"

[project]
name = "{package}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["zenml-core"]

[project.entry-points."zenml.flavors"]
"{kind}.{name}" = "{module}:FLAVOR"

[tool.setuptools]
py-modules = ["{module}"]
"""
_TEST = '''"""Does the flavor do what every {words} must?"""

import pytest
{test_imports}


@pytest.fixture
def make(tmp_path):
    """What makes a component of this flavor; start the service here, or point to one."""
    flavor = load_flavor("{kind}", "{name}")
    config = flavor.config(address="http://127.0.0.1:8000")
    return lambda: flavor.component(config, Place(name="{name}", folder=str(tmp_path)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check, make):
    check({argument})
'''
_TEST_WITH_SERVICE = '''"""Does the flavor do what every {words} must?"""

import pytest
{test_imports}


class Service({view}):
    """The service as the check sees it; the docstrings of `{view}` say what each method is for."""

    def __init__(self, folder):
        self.folder = str(folder)
{attributes}
    def {maker}(self):
        flavor = load_flavor("{kind}", "{name}")
        config = flavor.config(address="http://127.0.0.1:8000")
        return flavor.component(config, Place(name="{name}", folder=self.folder))

{view_methods}

@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(check, tmp_path):
    service = Service(tmp_path)
    check({argument})
'''
_VIEWS = {
    "alerter": ("AlerterService", "make", "service.make, service"),
    "experiment_tracker": ("TrackerProbe", "tracker", "service"),
}
"""By type whose check wants to see the service too: the class for it, the method that makes a component, what is checked."""
_ATTRIBUTES = {"alerter": '        self.name = "127.0.0.1:8000"\n'}


def files_of(kind: str, name: str) -> dict[str, str]:
    """Return the files of a package with a new flavor: paths below its folder, and what is in them."""
    values = {**_names(kind, name), **_of_interface(kind), **_of_check(kind)}
    module = values["module"]
    return {
        "pyproject.toml": _PROJECT.format(**values),
        f"{module}.py": _MODULE.format(**values),
        f"tests/test_{module}.py": (_TEST_WITH_SERVICE if kind in _VIEWS else _TEST).format(**values),
    }


def _names(kind: str, name: str) -> dict[str, str]:
    identifier, about = name.replace("-", "_"), COMPONENT_TYPES[kind]
    return {
        "about": f"{about[0].upper()}{about[1:]}",
        "package": f"{name}-{kind.replace('_', '-')}",
        "command": kind.replace("_", "-"),
        "name": name,
        "kind": kind,
        "words": words(kind),
        "module": f"{identifier}_{kind}",
        "class_name": "".join(part.capitalize() for part in f"{identifier}_{kind}".split("_")),
    }


def _of_interface(kind: str) -> dict[str, str]:
    """Return what the module takes from the interface of its type."""
    module, _, interface = INTERFACES[kind].partition(":")
    base = getattr(importlib.import_module(module), interface)
    methods = [_method(one) for one in vars(base).values() if getattr(one, "__isabstractmethod__", False)]
    return {
        "interface": interface,
        "methods": "\n\n".join(methods) + "\n",
        "imports": _imports(base, "\n".join(methods)),
    }


def _of_check(kind: str) -> dict[str, str]:
    """Return what the test takes from the conformance check of its type."""
    check = f"zenml.components.{INTERFACES[kind].rpartition(':')[0].rpartition('.')[2]}_check"
    view, maker, argument = _VIEWS.get(kind, ("", "", "make"))
    needed = ["CHECKS", view] if view else ["CHECKS"]
    if kind == "image_builder":
        needed, argument = ["CHECKS", "Subject"], 'lambda: Subject(make(), "localhost:5000/check")'
    imports = (
        f"from {check} import {', '.join(needed)}",
        "from zenml.components.flavor import Place",
        "from zenml.components.registry import load_flavor",
    )
    return {
        "test_imports": "\n".join(sorted(imports)),
        "view": view,
        "maker": maker,
        "argument": argument,
        "attributes": _ATTRIBUTES.get(kind, ""),
        "view_methods": _view_methods(check, view, maker) if view else "",
    }


def _view_methods(check: str, view: str, maker: str) -> str:
    """Return the methods of the view of a service that are to be filled in."""
    base = getattr(importlib.import_module(check), view)
    found = [
        f"    def {name}({', '.join(inspect.signature(one).parameters)}):\n        raise NotImplementedError\n"
        for name, one in vars(base).items()
        if getattr(one, "__isabstractmethod__", False) and name != maker
    ]
    return "\n".join(found)


def _method(function: Any) -> str:
    """Return a method to be filled in: signature and docstring of the interface."""
    lines = inspect.getsource(function).splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip().startswith("def "))
    first = inspect.cleandoc(function.__doc__ or "").partition("\n")[0]
    end = next(number for number, line in enumerate(lines[start:], start) if line.rstrip().endswith(":"))
    signature = "\n".join(lines[start : end + 1])
    return f'{signature}\n        """{first}"""\n        raise NotImplementedError'


def _imports(base: Any, methods: str) -> str:
    """Return the imports of a module with these methods: of the standard library, then of others."""
    needed = {
        "typing": {"Annotated"},
        "msgspec": {"Meta"},
        base.__module__: {base.__name__},
        "zenml.components.flavor": {"Configuration", "Flavor", "Place", "SecretText"},
    }
    words_used = set(re.findall(r"\w+", methods))
    for name, value in vars(importlib.import_module(base.__module__)).items():
        if name not in words_used or hasattr(builtins, name):
            continue
        is_alias = name in ("Any", "OnBytes", "OnEnd", "Callable")
        module = base.__module__ if name.startswith("On") else getattr(value, "__module__", None)
        if is_alias or isinstance(value, type):
            needed.setdefault(str(module), set()).add(name)
    groups: list[list[str]] = [[], []]
    for module, found in sorted(needed.items()):
        place = int(module == "msgspec" or module.startswith("zenml."))
        groups[place].append(f"from {module} import {', '.join(sorted(found, key=str.lower))}")
    return "\n\n".join("\n".join(lines) for lines in groups)
