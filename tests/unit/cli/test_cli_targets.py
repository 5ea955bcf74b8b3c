"""From what a person types to a pipeline, and errors that say what there is instead."""

import sys

import pytest

from zenml.cli.targets import find_pipeline
from zenml.errors import ConfigurationError, DeclarationError, NotFoundError

ONE = """
from zenml import pipeline, step

@step
def load() -> int:
    return 1

@pipeline
def train():
    load()

if __name__ == "__main__":
    raise RuntimeError("run as a script")
"""
TWO = ONE.replace("if __name__", "@pipeline(name='other_name')\ndef other():\n    load()\n\nif __name__")


@pytest.fixture
def write(tmp_path):
    def write(path, text=ONE):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    return write


@pytest.mark.parametrize(
    "target",
    ["flow_a.py", "flow_a.py:train", "./flow_a.py:train", "flow_a:train", "flow_a.train", "flow_a"],
)
def test_every_form_leads_to_the_pipeline(write, target):
    write("flow_a.py")

    found = find_pipeline(target)

    assert found.name == "train"
    assert found.function.__module__ == "flow_a"


@pytest.mark.parametrize("target", ["flows/package_a/flow.py:train", "flows/package_a/flow.py"])
def test_a_file_of_a_package_is_that_module_of_the_package(write, target):
    write("flows/package_a/__init__.py", "")
    write("flows/package_a/parts.py", "VALUE = 1")
    write("flows/package_a/flow.py", "from .parts import VALUE\n" + ONE)

    assert find_pipeline(target).function.__module__ == "package_a.flow"


@pytest.mark.parametrize("target", ["package_b.flow:train", "package_b.flow.train", "package_b.flow"])
def test_a_module_of_a_package_is_found_from_the_current_folder(write, target):
    write("package_b/__init__.py", "")
    write("package_b/flow.py")

    assert find_pipeline(target).function.__module__ == "package_b.flow"


def test_neighbours_of_a_file_can_be_imported(write):
    write("folder_c/helper_c.py", "VALUE = 1")
    write("folder_c/flow_c.py", "import helper_c\n" + ONE)

    assert find_pipeline("folder_c/flow_c.py").name == "train"


def test_a_pipeline_is_found_by_its_own_name_too(write):
    write("flow_d.py", TWO)

    assert find_pipeline("flow_d.py:other_name").name == "other_name"
    assert find_pipeline("flow_d.py:other").name == "other_name"


def test_an_imported_pipeline_does_not_make_the_choice_unclear(write):
    write("flow_e.py")
    write("flow_f.py", "from flow_e import train as imported\n" + ONE)

    assert find_pipeline("flow_f.py").function.__module__ == "flow_f"


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [
        (
            "flow_g.py",
            ConfigurationError,
            "holds 2 pipelines. Name one of them: `flow_g.py:train`, `flow_g.py:other`",
        ),
        ("flow_g.py:trian", NotFoundError, "Did you mean `train`?"),
        ("flow_g.py:qqq", NotFoundError, "There is: `train`, `other`."),
        ("flow_g:load", NotFoundError, "It is a step; call it in a pipeline."),
        ("flow_g:sys", NotFoundError, "There is no pipeline `sys`"),
        ("flow_q.py", NotFoundError, "Did you mean `flow_g.py`"),
        ("nowhere/flow_g.py", NotFoundError, "There is no folder"),
        ("flow_missing:train", NotFoundError, "There is no module `flow_missing`"),
        ("flow_missing.train", NotFoundError, "There is no module `flow_missing`"),
        ("empty_g.py", NotFoundError, "Decorate a function with `@pipeline`."),
        ("broken_g.py", DeclarationError, "ZeroDivisionError: division by zero (broken_g.py:2)"),
        ("syntax_g.py", DeclarationError, "(syntax_g.py:1)"),
        ("needs_g.py", DeclarationError, "No module named 'not_installed_g'"),
        ("ends_g.py", DeclarationError, 'put what runs below `if __name__ == "__main__":`'),
        ("types.py", ConfigurationError, "Rename the file."),
    ],
)
def test_errors_say_what_there_is_and_what_to_do(write, target, kind, message):
    write("flow_g.py", TWO)
    write("empty_g.py", "")
    write("broken_g.py", "x = 0\n1 / x")
    write("syntax_g.py", "def :")
    write("needs_g.py", "import not_installed_g")
    write("ends_g.py", "raise SystemExit(3)")
    write("types.py")

    with pytest.raises(kind) as caught:
        find_pipeline(target)

    assert message in str(caught.value)


def test_the_folder_of_the_file_comes_first_on_the_path(write, tmp_path):
    write("folder_h/flow_h.py")

    find_pipeline("folder_h/flow_h.py")

    assert sys.path[0] == str(tmp_path / "folder_h")
