"""What pip is to install, as lines that say the same wherever they are read."""

import pytest

from zenml.components.requirements import local_states, requirement_lines, split_constraints
from zenml.errors import ConfigurationError


def lines(given, folder=""):
    return requirement_lines(given, str(folder), "here")


@pytest.mark.parametrize("nothing", [None, "", [], ()])
def test_nothing_is_nothing(nothing):
    assert lines(nothing) == ()


def test_packages_are_in_order_without_comments_and_options_come_first():
    given = ["b  ==  1", "# only words", "a>=2  # why", "--pre", "", "A-c", "b == 1"]

    assert lines(given) == ("--pre", "A-c", "a>=2", "b == 1")


def test_an_address_keeps_what_looks_like_a_comment():
    assert lines(["a @ https://host/a.whl#sha256=1"]) == ("a @ https://host/a.whl#sha256=1",)


def test_files_that_are_named_take_the_place_of_their_names(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "all.txt").write_text("-r sub/more.txt\na==1 \\\n    --hash=sha256:00\n-c limits.txt\n")
    (tmp_path / "sub" / "more.txt").write_text("b\n./local\n-e ../project\n")
    (tmp_path / "limits.txt").write_text("numpy<2\n")

    found = lines("all.txt", tmp_path)

    assert split_constraints(found) == (
        (f"-e {tmp_path}/project", f"{tmp_path}/sub/local", "a==1 --hash=sha256:00", "b"),
        ("numpy<2",),
    )
    assert lines(list(found)) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "a\n-r gone.txt\n",
            r"all\.txt:2: the requirements file `.*/gone\.txt` cannot be read: No such file",
        ),
        ("-r all.txt", r"all\.txt:1: the file `.*/all\.txt` names itself"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(tmp_path, text, words):
    (tmp_path / "all.txt").write_text(text)

    with pytest.raises(ConfigurationError, match=words):
        lines("all.txt", tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "all.txt").write_bytes(b"\xff")

    with pytest.raises(ConfigurationError, match="it is not UTF-8 text"):
        lines("all.txt", tmp_path)


def test_what_local_projects_hold_counts(tmp_path):
    (tmp_path / "code.py").write_text("1")
    before = local_states([str(tmp_path)])

    (tmp_path / "code.py").write_text("22")

    assert local_states([str(tmp_path)]) != before
    assert local_states([f"-e {tmp_path}", "numpy"]) == ()
