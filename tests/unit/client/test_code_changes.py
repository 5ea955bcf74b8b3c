"""Which part of a step's code changed, by name, with its values or its lines."""

import msgspec
import pytest

from zenml.client.code_changes import code_changes, label_of
from zenml.records.plan import CodePart, Source, StepDefinition, StepOptions


def definition(*parts):
    code = "|".join(f"{part.name}:{part.digest}" for part in parts)
    return StepDefinition("train", Source("flow", "train"), StepOptions(), (), code, code_parts=parts)


def function(name, digest, file="/project/features.py", line=12):
    return CodePart(name, "function", digest, file, line)


TEXTS = {
    "f1": b"def clean(x):\n    return x\n",
    "f2": b"def clean(x):\n    return -x\n",
    "same1": b"def clean(x):\n    return x\n",
}


def texts(before, after):
    return [change.text for change in code_changes(definition(*before), definition(*after), TEXTS.get)]


def test_a_changed_function_is_named_with_its_place_and_a_diff():
    before, after = definition(function("features.clean", "f1")), definition(function("features.clean", "f2"))

    (change,) = code_changes(before, after, TEXTS.get)

    assert change.text == "`clean()` in features.py:12 changed"
    assert (change.kind, change.name, change.file, change.line) == (
        "code",
        "features.clean",
        "/project/features.py",
        12,
    )
    assert change.diff.splitlines()[2:] == [
        "@@ -1,2 +1,2 @@",
        " def clean(x):",
        "-    return x",
        "+    return -x",
    ]


def test_without_stored_source_there_is_no_diff():
    before, after = definition(function("features.clean", "x")), definition(function("features.clean", "y"))

    assert code_changes(before, after, TEXTS.get)[0].diff is None


def test_equal_code_has_no_changes():
    assert texts([function("a.f", "f1")], [function("a.f", "f1")]) == []


@pytest.mark.parametrize(
    ("kind", "name", "before", "after", "text"),
    [
        ("constant", "features.THRESHOLD", "THRESHOLD = 0.5", "THRESHOLD = 0.7", "`THRESHOLD` = 0.5 → 0.7"),
        ("constant", "features.KEY", "KEY = <hidden>", "KEY = <hidden>", "`KEY` changed"),
        ("constant", "features.TABLE", None, None, "`TABLE` changed"),
        ("default", "flow.train.rate", "rate = 0.1", "rate = 0.2", "default of `train(rate)` = 0.1 → 0.2"),
        ("package", "numpy", "numpy 1.26", "numpy 2.0", "numpy 1.26 → 2.0"),
        ("package", "python", "python 3.11", "python 3.12", "python 3.11 → 3.12"),
    ],
)
def test_values_and_versions_are_shown_before_and_after(kind, name, before, after, text):
    assert texts([CodePart(name, kind, "1", text=before)], [CodePart(name, kind, "2", text=after)]) == [text]


def test_added_and_removed_parts_are_named():
    before = [function("features.old", "1"), CodePart("pandas", "package", "3", text="pandas 2.1")]

    assert texts(before, [function("features.new", "2", line=3)]) == [
        "`new()` in features.py:3 is used now",
        "`old()` in features.py:12 is no longer used",
        "package pandas 2.1 is no longer used",
    ]


def test_a_module_that_runs_as_main_is_the_same_module():
    before = [
        function("__main__.train", "1", "/project/flow.py"),
        function("__main__.help", "5", "/project/flow.py"),
    ]
    after = [function("flow.train", "2", "/project/flow.py"), function("flow.help", "5", "/project/flow.py")]

    assert texts(before, after) == ["`train()` in flow.py:12 changed"]


def test_what_was_renamed_but_not_changed_is_no_change():
    before = [function("a.old_name", "1"), function("a.f", "7")]

    assert texts(before, [function("a.new_name", "1"), function("a.f", "8")]) == [
        "`f()` in features.py:12 changed"
    ]


def test_another_python_does_not_list_functions_whose_lines_are_the_same():
    before = [CodePart("python", "package", "p1", text="python 3.11"), function("features.clean", "f1")]
    after = [CodePart("python", "package", "p2", text="python 3.12"), function("features.clean", "same1")]

    assert texts(before, after) == ["python 3.11 → 3.12"]


def test_a_change_between_parts_is_said_where_no_part_changed():
    before = definition(function("a.f", "1"))
    after = msgspec.structs.replace(before, code="other")

    assert "refer to each other" in code_changes(before, after, TEXTS.get)[0].text


@pytest.mark.parametrize(
    ("part", "label"),
    [
        (CodePart("features.Model.fit", "function", "", "/x/features.py", 1), "Model.fit"),
        (CodePart("package.features.clean", "function", "", "/x/package/features.py", 1), "clean"),
        (CodePart("__main__.clean", "function", "", "/x/run_me.py", 1), "clean"),
        (CodePart("features.THRESHOLD", "constant", ""), "THRESHOLD"),
    ],
)
def test_a_label_leaves_out_the_module(part, label):
    assert label_of(part) == label
