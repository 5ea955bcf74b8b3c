"""The tables of public names say what is there."""

import ast
import importlib
from pathlib import Path

import pytest

import zenml


@pytest.mark.parametrize("package", ["zenml", "zenml.config", "zenml.client", "zenml.testing"])
def test_table_list_and_imports_for_type_checkers_agree(package):
    module = importlib.import_module(package)
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imports = {
        alias.asname: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        for alias in node.names
    }

    assert imports == module._TABLE
    assert set(module.__all__) - {"__version__"} == set(module._TABLE)


@pytest.mark.parametrize("name", zenml.__all__)
def test_each_public_name_loads_and_says_what_it_is(name):
    value = getattr(zenml, name)

    assert name == "__version__" or value.__doc__
