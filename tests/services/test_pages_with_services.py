"""The examples of pages that need a service print what the pages show."""

import os

import pytest

from page_services import DOCS, check_page

PAGES = (
    "how-to/experiment-tracking",
    "how-to/model-registry",
    "flavors/examples/artifact-store-azure",
    "flavors/examples/experiment-tracker-mlflow",
    "flavors/examples/experiment-tracker-wandb",
    "flavors/examples/model-registry-mlflow",
)


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_shows(page, tmp_path, request):
    check_page(os.path.join(DOCS, f"{page}.md"), tmp_path, request)
