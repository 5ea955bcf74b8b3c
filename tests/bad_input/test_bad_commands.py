"""The command line: commands, options, names, arguments; status 2 for a wrong line, 1 for what fails."""

import subprocess
import sys

import bad_samples
import pytest
from bad_rows import check_message

from zenml import save_artifact
from zenml.cli.main import main
from zenml.client import Client

FLOW = """
from zenml import pipeline, step

@step
def double(x: int) -> int:
    raise SystemExit("ran")

@pipeline
def train(rate: float, layers: list[int] = [1]):
    double(1)

@pipeline
def broken(rate: float = 1.0):
    double({}[rate])

@step
def alone() -> int:
    return 1
"""

LINES = {
    "an unknown command": (2, "rnu list", "`zenml rnu`", "`run`"),
    "an unknown command in a group": (2, "run lst", "`zenml run lst`", "`list`"),
    "an unknown option": (2, "run list --szie 3", "--szie", "--size"),
    "a run that is not there": (1, "run show nigthly", "`nigthly`", "`nightly`"),
    "a run left out": (2, "run show", "RUN"),
    "a run too many": (2, "run show a b", "b", "zenml run show"),
    "a step that is not there": (1, "step why nightly doubel", "`doubel`", "`double`"),
    "logs of a step that is not there": (1, "logs nightly laod", "`laod`", "`load`"),
    "logs of a run that is not there": (1, "logs nigthly", "`nigthly`", "`nightly`"),
    "fewer than no lines": (2, "logs nightly --tail -1", "--tail", "-1"),
    "a time that is none": (2, "logs nightly --since yesterday", "--since", "`yesterday`", "10m"),
    "an unknown status": (2, "run list --status faild", "--status", "faild", "failed"),
    "page zero": (2, "run list --page 0", "--page", "0"),
    "a sort by no field": (2, "run list --sort desc:naem", "`naem`", "`name`"),
    "a sort that is no order": (2, "run list --sort up:name", "`up:name`", "asc:FIELD"),
    "an artifact that is not there": (1, "artifact show custmers", "`custmers`", "`customers`"),
    "a version of an artifact that is a word": (1, "artifact load customers:latest", "customers", "latest"),
    "a comparison with a run that is not there": (1, "run diff nightly nigthly", "`nigthly`"),
    "an unknown section of a comparison": (2, "run diff nightly nightly --only step", "`step`", "code"),
    "a run to stop that is not there": (1, "run stop nigthly", "`nigthly`", "`nightly`"),
    "a run to delete that is not there": (1, "run delete nigthly --yes", "`nigthly`", "`nightly`"),
    "a time to wait that is a word": (2, "run wait nightly --timeout soon", "--timeout", "soon"),
    "a time to wait below zero": (2, "run wait nightly --timeout -1", "--timeout", "-1"),
    "a time to wait that is not a number": (2, "run wait nightly --timeout nan", "--timeout", "nan"),
    "nothing to invalidate": (2, "cache invalidate", "--all", "--step"),
    "an age that is none": (2, "cache invalidate --older-than soon", "`soon`", "30d"),
    "an age for the garbage that is none": (2, "gc --older-than soon", "--older-than"),
    "a tag of what is not there": (1, "tag add nigthly good", "nigthly", "nightly"),
    "tags left out": (2, "tag add nightly", "TAGS"),
    "a secret that is not there": (1, "secret get asw", "`asw`", "`aws`"),
    "a secret from a file that is not there": (2, "secret create gcp --from-file no.env", "--from-file", "no.env"),
    "a secret without a name": (2, "secret create", "NAME"),
    "an unknown shell": (2, "completion tcsh", "tcsh", "bash"),
    "a file that is not there": (1, "pipeline run flwo.py:train", "flwo.py", "`flow.py`"),
    "a module that is not there": (1, "pipeline run my.missing:train", "my", "module"),
    "a pipeline that is not there": (1, "pipeline run flow.py:trian", "`trian`", "`train`"),
    "a step for a pipeline": (1, "pipeline run flow.py:alone", "`alone`", "step"),
    "several pipelines in a file": (1, "pipeline run flow.py", "flow.py", "`flow.py:train`"),
    "a folder as a pipeline": (1, "pipeline run .", "`.`", "file.py:pipeline"),
    "an argument left out": (2, "pipeline run flow.py:train", "`train`", "`rate`", "--param rate=VALUE"),
    "an argument without a value": (2, "pipeline run flow.py:train --param rate", "--param rate=VALUE"),
    "an unknown argument": (2, "pipeline run flow.py:train --param rat=1", "`rat`", "`rate`"),
    "an argument of a wrong type": (2, "pipeline run flow.py:train --param rate=fast", "`rate`", "float", "fast"),
    "an argument that is no JSON": (2, "pipeline run flow.py:train --param rate=1 --param layers=[1,", "`layers`", "list[int]"),
    "an argument twice": (2, "pipeline run flow.py:train --param rate=1 --param rate=2", "rate", "twice"),
    "a configuration that is not there": (1, "pipeline run flow.py:train --param rate=1 --config rn.yaml", "`rn.yaml`", "does not exist"),
    "a configuration with a typo": (1, "pipeline run flow.py:train --param rate=1 --config bad.yaml", "bad.yaml:1", "`enable_cache`"),
    "a step to refresh that is not there": (1, "pipeline run flow.py:train --param rate=1 --refresh doubel", "`doubel`", "`double`"),
    "a pipeline that breaks": (1, "pipeline check flow.py:broken", "`broken`", "flow.py:14", "--verbose"),
    "a file that breaks": (1, "pipeline check bad_flow.py:train", "bad_flow.py:1", "--verbose"),
    "a file with an error of syntax": (1, "pipeline check syntax.py:train", "syntax.py:1", "SyntaxError"),
    "a template into a folder that is not there": (2, "pipeline config template flow.py:train --output no/such/run.yaml", "no/such"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "bad_flow.py").write_text("1 / 0\n")
    (tmp_path / "syntax.py").write_text("def train(:\n")
    (tmp_path / "bad.yaml").write_text("enable_cach: true\n")
    bad_samples.flow.with_options(run_name="nightly")()
    save_artifact([1, 2], "customers")
    Client().create_secret("aws", {"KEY": "hush-hush"})
    modules, path = set(sys.modules), list(sys.path)
    yield tmp_path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]
    sys.path[:] = path


@pytest.mark.parametrize(
    ("status", "line", "fragments"),
    [(one[0], one[1], one[2:]) for one in LINES.values()],
    ids=[name.replace(" ", "-") for name in LINES],
)
def test_a_wrong_command_line(status, line, fragments, folder, capsys):
    before = Client().list_pipeline_runs().total
    assert main(line.split()) == status
    told = capsys.readouterr()
    assert told.out == ""
    check_message(told.err.replace("\n\n", "\n"), fragments)
    assert "This should not happen" not in told.err
    assert "Error: " in told.err
    assert Client().list_pipeline_runs().total == before


def test_the_status_and_the_message_leave_the_process(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "zenml", "run", "show", "nightly"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "`nightly`" in ended.stderr
    assert "Traceback" not in ended.stderr
