"""The pages of flavors say what the source says, and their examples print what the pages show."""

import os
import re

import pytest

from page_services import DOCS, check_page, load, read
from zenml.components.flavor import fields_of
from zenml.components.registry import BUILT_IN, load_flavor

make_flavor_pages = load("make_flavor_pages")
FOLDER = os.path.join(DOCS, "flavors")
PAGES = make_flavor_pages.pages()
NAMES = {make_flavor_pages.page_name(*key): key for key in BUILT_IN}
WITH_SERVICES = {
    "artifact-store-azure",
    "experiment-tracker-mlflow",
    "experiment-tracker-wandb",
    "model-registry-mlflow",
}
"""Executed in tests/services."""
NOT_EXECUTED = {"artifact-store-gcs"}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_source_says(name):
    assert read(os.path.join(FOLDER, name)) == PAGES[name], "run: python docs/make_reference.py"


def test_there_is_a_page_for_every_flavor_and_no_other():
    assert {name for name in os.listdir(FOLDER) if name.endswith(".md")} == set(PAGES)
    assert {name.removesuffix(".md") for name in os.listdir(os.path.join(FOLDER, "examples"))} == set(NAMES)


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITH_SERVICES - NOT_EXECUTED))
def test_the_example_prints_what_the_page_shows(name, tmp_path, request):
    check_page(os.path.join(FOLDER, "examples", f"{name}.md"), tmp_path, request)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_comes_out_or_that_it_was_not_executed(name):
    example = make_flavor_pages.example_of(name)

    is_executed = re.search(r"```console\n\$ .+\n", example) and "```python" in example
    assert bool(is_executed) != (name in NOT_EXECUTED)
    assert ("not executed" in example) == (name in NOT_EXECUTED)


@pytest.mark.parametrize("key", BUILT_IN, ids="-".join)
def test_a_flavor_says_how_it_was_tested_and_describes_every_field(key):
    flavor = load_flavor(*key)
    fields = [*fields_of(flavor.config), *(fields_of(flavor.settings) if flavor.settings else ())]

    assert len([part for part in flavor.docs.split("\n\n") if part.startswith(make_flavor_pages.TESTED)]) == 1
    assert [field.name for field in fields if not field.description] == []
