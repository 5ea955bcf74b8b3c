"""Results: what only a step that ran can show; the error names the step."""

import pytest
from bad_rows import by_id, check_row, row

from zenml.errors import MaterializerError, TypeMismatchError


def returning(name, error, returns, body, *fragments, options=""):
    """Return a row in which the step `train` runs, and returns what it should not."""
    arrow = f" -> {returns}" if returns else ""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    code = f"@step{options}\ndef train(){arrow}:\n    RAN.append('train')\n{lines}\n\n"
    code += "@pipeline\ndef training():\n    keep(train())\n\ntraining()"
    return row(name, error, code, *fragments, ran="train")


RESULTS = [
    returning("a text for a number", TypeMismatchError, "int", "return 'one'", "`output`", "int", "'one'"),
    returning("None for a number", TypeMismatchError, "int", "return None", "`output`", "int", "None"),
    returning("no return for a number", TypeMismatchError, "int", "pass", "`output`", "int", "None"),
    returning("a fraction for a whole number", TypeMismatchError, "int", "return 1.5", "`output`", "int", "1.5"),
    returning("a text in a list of numbers", TypeMismatchError, "list[int]", "return ['a']", "`output`", "list[int]", "'a'"),
    returning("a frame for a number", TypeMismatchError, "int", "import pandas\nreturn pandas.DataFrame()", "`output`", "int", "DataFrame"),
    returning("a generator without a type", MaterializerError, "", "return (n for n in range(3))", "generator", "list"),
    returning("a lock without a type", MaterializerError, "", "return threading.Lock()", "lock", "Return the data"),
    returning("an open file without a type", MaterializerError, "", "file = open('flow.py')\nfile.close()\nreturn file", "TextIOWrapper", "content"),
    returning("a lock in a mapping", MaterializerError, "dict", "return {'a': threading.Lock()}", "lock"),
]  # fmt: skip
NONE = [
    row("a value where nothing was declared", TypeMismatchError, """
        @step
        def train() -> None:
            RAN.append("train")
            return 5

        @pipeline
        def training():
            train()

        training()
        """, "`train`", "-> None", "5", ran="train"),
    row("fewer values than outputs", TypeMismatchError, """
        @step
        def train() -> tuple[Annotated[int, "low"], Annotated[int, "high"]]:
            RAN.append("train")
            values = (1,)
            return values

        @pipeline
        def training():
            train()

        training()
        """, "`train`", "2 outputs", "`low`", "1 values", ran="train"),
    row("a single value for several outputs", TypeMismatchError, """
        @step
        def train() -> tuple[Annotated[int, "low"], Annotated[int, "high"]]:
            RAN.append("train")
            value = 5
            return value

        @pipeline
        def training():
            train()

        training()
        """, "`train`", "2 outputs", "`high`", "5", ran="train"),
    row("a wrong type among several outputs", TypeMismatchError, """
        @step
        def train() -> tuple[Annotated[int, "low"], Annotated[int, "high"]]:
            RAN.append("train")
            return 1, "two"

        @pipeline
        def training():
            train()

        training()
        """, "`train`", "`high`", "'two'", ran="train"),
    row("a value that does not fit the step that takes it", TypeMismatchError, """
        @step
        def train() -> Any:
            RAN.append("train")
            return "one"

        @pipeline
        def training():
            double(train())

        training()
        """, "`x`", "`double`", "'one'", ran="train"),
    row("a step alone that returns a wrong value", TypeMismatchError, """
        @step
        def train() -> int:
            RAN.append("train")
            return "one"

        train()
        """, "`train`", "`output`", "'one'", ran="train"),
]  # fmt: skip


@pytest.mark.parametrize(**by_id(RESULTS + NONE))
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_wrong_result(row, tmp_path):
    check_row(row, tmp_path)
