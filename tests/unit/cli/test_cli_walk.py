"""What a newcomer meets: exit statuses, questions, close names, tables that fit."""

import io
import json

import click
import pytest

from zenml import pipeline, step
from zenml.cli.main import cli
from zenml.client.client import Client
from zenml.components import registry
from zenml.records.ids import short

WIDTH = 80
LONG = "a_name_that_somebody_chose_to_be_rather_long_and_to_say_everything"


@step(name=f"{LONG}_load")
def load() -> list[int]:
    return [1, 2]


@step
def fail(data: list[int]) -> int:
    raise ValueError("a message that says at length what is wrong with the data " * 4)


@pipeline(name=LONG)
def flow():
    fail(load())


@pytest.fixture
def run():
    with pytest.raises(ValueError, match="at length"):
        flow.with_options(run_name="first")()
    return Client().get_pipeline_run("first")


@pytest.fixture
def _narrow(monkeypatch):
    for module in (
        "run_list",
        "run_commands",
        "pipeline_commands",
        "pipeline_show",
        "artifact_commands",
        "tag_commands",
    ):
        monkeypatch.setattr(f"zenml.cli.{module}.terminal_width", lambda: WIDTH)


@pytest.mark.usefixtures("_narrow")
@pytest.mark.parametrize(
    "words",
    [
        ["run", "list"],
        ["pipeline", "list"],
        ["pipeline", "show", LONG],
        ["artifact", "list"],
        ["artifact", "show", f"{LONG}::{LONG}_load::output"],
        ["tag", "list"],
    ],
    ids=" ".join,
)
def test_tables_fit_80_columns(zenml, run, words):
    zenml("tag", "add", "first", "tag" * 40)

    lines = click.unstyle(zenml(*words).out).splitlines()

    assert lines
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("Pipeline ")] == []


@pytest.mark.usefixtures("_narrow")
def test_the_tree_of_a_run_fits_and_the_whole_cause_stands_below(zenml, run):
    text = click.unstyle(zenml("run", "show", "first").out)

    assert all(len(line) <= WIDTH for line in text.splitlines() if line.lstrip().startswith(("✓", "✗")))
    assert "a message that says at length what is wrong with the data " * 4 in text


@pytest.mark.parametrize("group", ["run", "pipeline", "artifact", "tag", "step"])
def test_no_line_of_a_help_is_cut(zenml, group):
    lines = zenml(group, "--help").out.splitlines()

    assert all(len(line) <= WIDTH and not line.endswith("...") for line in lines if "[ARGS]" not in line)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "list", "--sort", "nme"],
        ["run", "list", "--sort", "up:name"],
        ["run", "list", "--page", "0"],
        ["artifact", "list", "--size", "0"],
        ["artifact", "list", "--sort", "nme"],
        ["pipeline", "list", "--sort", "nme"],
    ],
    ids=" ".join,
)
def test_an_impossible_value_of_an_option_is_a_wrong_command_line(zenml, run, words):
    result = zenml(*words)

    assert (result.status, result.out) == (2, "")
    assert "Usage: zenml" in result.err


def test_a_wrong_id_lists_close_ids(zenml, run):
    right = short(run.id)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")

    assert f"`{right}`" in zenml("run", "show", wrong).err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["step", "why", "first", "fial"], "`fail`"),
        (["logs", "first", "fial"], "`fail`"),
        (["run", "lst"], "`list`"),
        (["run", "list", "--tga"], "--tag"),
        (["run", "diff", "first", "frist"], "`first`"),
    ],
    ids=" ".join,
)
def test_close_names_are_suggested(zenml, run, words, hint):
    result = zenml(*words)

    assert result.status in (1, 2)
    assert hint in result.err


@pytest.mark.parametrize(
    ("answer", "said"), [("n\n", "Nothing was deleted."), ("", "There is nobody to ask. Give `--yes`")]
)
def test_deleting_asks_first(zenml, run, monkeypatch, answer, said):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))

    result = zenml("run", "delete", "first")

    assert (result.status, said in result.err) == (1, True)
    assert json.loads(zenml("run", "list", "--json").out)["total"] == 1


def test_ctrl_c_at_the_question_has_status_130(zenml, run, monkeypatch):
    def pressed(*words, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.readline", pressed, raising=False)
    monkeypatch.setattr("builtins.input", pressed)
    monkeypatch.setattr("click.termui.visible_prompt_func", pressed)

    assert zenml("run", "delete", "first").status == 130
    assert json.loads(zenml("run", "list", "--json").out)["total"] == 1


def test_doctor_reports_every_part(zenml, run):
    found = json.loads(zenml("doctor", "--json").out)

    assert [check["name"] for check in found["checks"]][:4] == ["version", "python", "disk", "stack"]
    assert {"store", "database", "schema", "lock", "runs", "leases"} <= {
        one["name"] for one in found["checks"]
    }
    assert "orchestrator `default`" in next(one["text"] for one in found["checks"] if one["name"] == "stack")


def test_doctor_finds_a_part_that_cannot_be_loaded(zenml, monkeypatch):
    monkeypatch.setitem(registry.BUILT_IN, ("orchestrator", "local"), "no.such")

    result = zenml("doctor")

    assert result.status == 1
    assert "orchestrator `default` cannot be loaded: ModuleNotFoundError" in result.out


def test_groups_list_what_is_used_most_first():
    context = click.Context(cli)
    assert cli.get_command(context, "run").list_commands(context)[:2] == ["list", "show"]
