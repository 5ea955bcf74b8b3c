"""The examples of the documentation are executed, and print what the pages show; links lead somewhere."""

import os
import re

import pytest

from page_services import DOCS, ROOT, check_page, read, run_pages

HOW_TO = os.path.join(DOCS, "how-to")
WITH_SERVICES = {"how-to/experiment-tracking.md", "how-to/model-registry.md"}  # executed in tests/services

LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
IN_PARTS = {
    "flavors",
    "examples",
}  # `flavors/index.md` lists the pages there, which have the examples in them
EXECUTED = ["first-steps.md", "migration.md", *(f"how-to/{name}" for name in sorted(os.listdir(HOW_TO)))]


@pytest.mark.parametrize("page", [page for page in EXECUTED if page not in WITH_SERVICES])
def test_examples_print_what_the_page_shows(page, tmp_path, request):
    check_page(os.path.join(DOCS, page), tmp_path, request)


@pytest.mark.parametrize("page", EXECUTED)
def test_a_page_has_an_example_and_shows_what_comes_out(page):
    text = read(os.path.join(DOCS, page))

    assert "```python" in text
    assert re.search(r"```console\n\$ .+\n(?!\$|```)", text)


def test_output_that_differs_is_found_and_replaced(tmp_path):
    text = '```python\n# a.py\nprint("new")\n```\n\n```console\n$ python a.py\nold\n```\n'

    done = run_pages.run_page(text, str(tmp_path), run_pages.environment_for(str(tmp_path)))

    assert done == text.replace("old", "new")


def test_a_file_that_no_command_names_has_to_succeed(tmp_path):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run_pages.run_page("```python\n1 / 0\n```\n", str(tmp_path), run_pages.environment_for(str(tmp_path)))


def test_the_index_names_every_page():
    index = read(os.path.join(DOCS, "README.md"))
    pages = [
        os.path.relpath(os.path.join(folder, name), DOCS)
        for folder, _, names in os.walk(DOCS)
        for name in names
        if name.endswith(".md") and name != "README.md" and os.path.basename(folder) not in IN_PARTS
    ]

    assert [page for page in pages if f"({page})" not in index] == []


def test_links_lead_somewhere():
    folders = [*os.walk(DOCS), (ROOT, [], ["README.md", "CHANGELOG.md", "ARCHITECTURE.md"])]
    pages = [
        os.path.join(folder, name) for folder, _, names in folders for name in names if name.endswith(".md")
    ]
    links = [(page, target) for page in pages for target in LINK.findall(read(page))]

    assert links
    assert [
        link for link in links if not os.path.exists(os.path.join(os.path.dirname(link[0]), link[1]))
    ] == []
