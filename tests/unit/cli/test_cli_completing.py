"""What a shell is offered, in click's terms and in a real bash."""

import os
import shutil
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from zenml import pipeline, step
from zenml.cli.completion_command import completion
from zenml.cli.main import cli
from zenml.records.ids import short


@step
def load() -> list[int]:
    return [1, 2]


@step
def train(data: list[int]) -> int:
    return sum(data)


@pipeline(tags=["gold"])
def flow():
    train(load())


@pytest.fixture
def run():
    return flow.with_options(run_name="first")()


def offered(*words):
    complete = ShellComplete(cli, {}, "zenml", "_ZENML_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ru"], ["run"]),
        (["run", "sho"], ["show"]),
        (["run", "show", "--js"], ["--json"]),
        (["run", "show", "fi"], ["first"]),
        (["run", "diff", "first", ""], ["first"]),
        (["logs", "first", ""], ["load", "train"]),
        (["step", "why", "first", "tr"], ["train"]),
        (["step", "why", "no-such", ""], []),
        (["artifact", "show", "flow::t"], ["flow::train::output"]),
        (["artifact", "show", "flow::train::output@"], ["flow::train::output@1"]),
        (["pipeline", "show", ""], ["flow"]),
        (["run", "list", "--pipeline", "f"], ["flow"]),
        (["run", "list", "--tag", ""], ["gold"]),
        (["run", "list", "--status", "com"], ["completed"]),
        (["tag", "add", "fi"], ["first"]),
        (["tag", "add", "--artifact", "flow::l"], ["flow::load::output"]),
        (["tag", "remove", "--pipeline", ""], ["flow"]),
    ],
    ids=" ".join,
)
def test_commands_options_and_names_are_offered(run, words, expected):
    assert offered(*words) == expected


def test_a_short_id_is_completed(run):
    assert offered("run", "show", short(run.id)[:5]) == [short(run.id)]


def test_completing_makes_no_store_and_never_fails(zenml_store):
    assert offered("run", "show", "") == []
    assert not zenml_store.exists()

    zenml_store.mkdir()
    (zenml_store / "store.db").write_bytes(b"no database" * 1000)
    assert offered("run", "show", "") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("zenml run show fi", ["first"]),
        ("zenml logs first ", ["load", "train"]),
        ("zenml artifact show flow::tr", ["train::output"]),
        ("zenml artifact show flow::train::output@", ["1"]),
    ],
)
def test_bash_completes_with_the_script(run, zenml, tmp_path, line, expected):
    bin_folder = os.path.dirname(sys.executable)
    script = zenml("completion", "bash").out + (
        f"\nCOMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}\n_zenml_completion zenml\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )

    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
    )

    assert (done.stdout.split("\n")[:-1], done.stderr) == (expected, "")


def test_there_is_a_script_for_each_shell(zenml):
    for shell in completion.params[0].type.choices:
        assert "_ZENML_COMPLETE" in zenml("completion", shell).out
