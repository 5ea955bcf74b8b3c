"""Tables fit the terminal, line up, and lose nothing when nobody looks."""

import click
import pytest

from zenml.cli.tables import display_width, fitted, shorten, table

ROWS = [("1", "a-very-long-name-of-a-run", "3.1 s"), ("22", "short", "12 min 01 s")]


def test_columns_line_up_under_their_headings():
    lines = table(("ID", "NAME", "TOOK"), ROWS, right=(2,))

    assert lines == [
        "ID  NAME                              TOOK",
        "1   a-very-long-name-of-a-run        3.1 s",
        "22  short                      12 min 01 s",
    ]


def test_only_columns_that_may_be_cut_are_cut_to_the_width():
    lines = table(("ID", "NAME", "TOOK"), ROWS, width=30, cut=(1,))

    assert lines[1] == "1   a-very-long-…  3.1 s"
    assert max(map(len, lines)) <= 30


def test_a_column_is_never_cut_to_nothing():
    lines = table((), [("a" * 30, "b" * 30)], width=10, cut=(0, 1))

    assert lines == ["aaaaaaa…  bbbbbbb…"]


def test_without_a_width_everything_is_shown():
    assert table((), [("x" * 500,)], cut=(0,)) == ["x" * 500]


def test_a_table_without_rows_and_headings_is_empty():
    assert table((), []) == []


def test_colour_does_not_count_as_width_and_headings_have_none():
    def paint(cell, text):
        return f"<{text}>" if cell == "failed" else text

    lines = table(("S", "N"), [("failed", "1"), ("ok", "2")], paint={0: paint})

    assert lines == ["S       N", "<failed>  1", "ok      2"]


def test_wide_and_combining_letters_count_as_the_terminal_counts_them():
    assert display_width("日本") == 4
    assert display_width("e\N{COMBINING ACUTE ACCENT}") == 1
    assert shorten("日本語", 5) == "日本…"
    assert shorten("abc", 3) == "abc"


@pytest.mark.parametrize("width", range(1, 12))
def test_painted_lines_are_cut_and_end_plain(width):
    line = f"ab{click.style('cd', fg='red')}日ef"

    (cut,) = fitted([line], width)

    plain = click.unstyle(cut)
    assert display_width(plain) <= width
    assert cut == line if width >= 8 else plain.endswith("…") and cut.endswith("\x1b[0m")


def test_lines_that_go_to_a_file_are_left_as_they_are():
    assert fitted(["a" * 200], None) == ["a" * 200]
