"""ARCHITECTURE.md stays true: it names every folder, and everything it names exists."""

import importlib
import os
import re

import pytest

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
PACKAGE = os.path.join(ROOT, "src", "zenml")


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


TEXT = read("ARCHITECTURE.md")
CODE = re.findall(r"`([^`\n]+)`", TEXT)
PATHS = sorted({text for text in CODE if re.fullmatch(r"[\w./]+(/|\.(py|md|sql|toml))", text)})
OBJECTS = sorted({text for text in CODE if re.fullmatch(r"[\w/]+\.py:[\w.]+", text)})
LINKS = {
    name: [target for target in re.findall(r"\]\(([^)#]+)", read(name)) if "://" not in target]
    for name in ("ARCHITECTURE.md", "README.md", "CHANGELOG.md", "examples/digits/README.md")
}


def test_every_folder_of_the_package_is_named():
    folders = {
        entry.name
        for entry in os.scandir(PACKAGE)
        if entry.is_dir() and not entry.name.startswith(("_", "."))
    }

    missing = {folder for folder in folders if f"| `{folder}/` |" not in TEXT}

    assert missing == set()


@pytest.mark.parametrize("path", PATHS)
def test_every_named_path_exists(path):
    assert os.path.exists(os.path.join(ROOT, path)) or os.path.exists(os.path.join(PACKAGE, path))


@pytest.mark.parametrize("name", OBJECTS)
def test_every_named_function_and_class_exists(name):
    path, _, dotted = name.partition(":")
    found = importlib.import_module("zenml." + path.removesuffix(".py").replace("/", "."))

    for attribute in dotted.split("."):
        found = getattr(found, attribute)

    assert found is not None


def test_layers_stand_in_the_order_of_the_contract():
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    expected = [name.strip().removeprefix("zenml.") for layer in layers for name in layer.split("|")]

    rows = re.findall(r"^\| `(\w+)/` \|", TEXT, re.MULTILINE)

    assert [*rows, "errors", "fs"] == expected


@pytest.mark.parametrize("name", LINKS)
def test_links_between_documents_lead_somewhere(name):
    folder = os.path.join(ROOT, os.path.dirname(name))

    assert [target for target in LINKS[name] if not os.path.exists(os.path.join(folder, target))] == []
