"""Patterns of `.dockerignore` mean what they mean to Docker."""

import itertools

import pytest
from docker.utils.build import exclude_paths
from hypothesis import given
from hypothesis import strategies as st

from zenml.components.ignore_patterns import IgnorePatterns
from zenml.errors import ConfigurationError


@pytest.mark.parametrize(
    ("lines", "ignored", "kept"),
    [
        (["*.csv"], ["a.csv"], ["b/a.csv", "a.csvx"]),
        (["**/*.csv"], ["a.csv", "b/c/a.csv"], ["a.py"]),
        (["data"], ["data", "data/x/y"], ["b/data", "database"]),
        (["/data/"], ["data/x"], ["b/data"]),
        (["data/**"], ["data/x", "data/x/y"], ["data"]),
        (["a?.py"], ["ab.py"], ["a.py", "a/.py"]),
        (["[ab].py"], ["a.py"], ["c.py"]),
        (["data", "!data/keep.csv"], ["data/x"], ["data/keep.csv"]),
        (["!data/keep.csv", "data"], ["data/keep.csv"], ["x"]),
        (["*", "!src"], ["a", "b/c"], ["src/a.py"]),
        (["# data", "", "  ", "a.b$"], ["a.b$"], ["data", "axb$", "# data"]),
        ([r"\*.py"], ["*.py"], ["a.py"]),
        (["**"], ["a", "a/b"], []),
        (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b/c"], ["a/x"]),
    ],
)
def test_patterns(lines, ignored, kept):
    patterns = IgnorePatterns(lines)

    assert [path for path in ignored if not patterns.match(path)] == []
    assert [path for path in kept if patterns.match(path)] == []


def test_a_pattern_that_is_none_is_refused_with_its_line():
    with pytest.raises(ConfigurationError, match=r"^\.dockerignore:2: `\[z-a\]` is no pattern"):
        IgnorePatterns(["a", "[z-a]"])


FOLDERS = ["a", "b", "ab"]
FILES = ["f.py", "g"]
PARTS = st.sampled_from([*FOLDERS, *FILES, "*", "**", "?", "*.py", "[ab]"])
PATTERNS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A folder of folders, with some files in each."""
    root = tmp_path_factory.mktemp("tree")
    for depth in range(4):
        for parts in itertools.product(FOLDERS, repeat=depth):
            folder = root.joinpath(*parts)
            folder.mkdir(exist_ok=True)
            for name in FILES:
                (folder / name).touch()
    return root


@given(lines=st.lists(PATTERNS, max_size=3))
def test_they_are_as_in_the_library_of_docker(tree, lines):
    """Without exceptions, of which that library knows only those of whole folders."""
    ours = IgnorePatterns(lines)
    files = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}

    kept = {path for path in exclude_paths(str(tree), lines) if path in files}

    assert {path for path in files if not ours.match(path)} == kept
