"""docs/configuration.md is true: its file is one, and its commands and options exist."""

import os
import re

from zenml.config.option_table import ALIASES, BY_NAME
from zenml.config.run_file import read_run_file

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "configuration.md")


def test_the_example_is_a_sound_file(tmp_path):
    with open(PAGE, encoding="utf-8") as page:
        (text,) = re.findall(r"```yaml\n(.*?)```", page.read(), re.DOTALL)
    path = tmp_path / "run.yaml"
    path.write_text(text)

    file = read_run_file(path)

    file.raise_problems()
    assert file.options["steps"]["train"]["output_materializers"] == {
        "model": "my_materializers.ModelMaterializer"
    }


def test_the_options_that_it_names_exist():
    with open(PAGE, encoding="utf-8") as page:
        named = set(
            re.findall(r"`(\w+_(?:name|cache|source|reuse)|settings|extra|environment)`", page.read())
        )

    assert named
    assert named <= BY_NAME.keys() | ALIASES.keys()
