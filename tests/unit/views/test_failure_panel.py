"""What a failed run tells a person: step, cause, their own code, the end of the log, and what to do."""

import os

import pytest

from zenml import pipeline, step
from zenml.client import Client
from zenml.views.failure_panel import failure_panel, last_lines, user_lines

pytestmark = pytest.mark.usefixtures("zenml_store")


@step(enable_cache=False)
def fail(number: int) -> int:
    for line in range(12):
        print(f"line {line}")
    return int(f"{number} is no number")


@pipeline
def failing():
    fail(1)
    fail(2)


def panel_of(run_pipeline):
    with pytest.raises(ValueError, match="invalid literal"):
        run_pipeline()
    return failure_panel(Client().list_pipeline_runs(size=1).items[0])


def test_the_panel_holds_all_that_is_needed_to_repair_it():
    panel = panel_of(failing)

    assert "failed: ValueError: invalid literal" in panel.splitlines()[0]
    assert "test_failure_panel.py" in panel
    assert "step_runner.py" not in panel
    assert "Last lines of its log:\n  line 2\n" in panel
    assert "failed too: ValueError" in panel
    assert "zenml logs" in panel


def test_a_run_that_succeeded_has_no_panel():
    @step
    def fine() -> int:
        return 1

    @pipeline
    def good():
        fine()

    assert failure_panel(good()) == ""


def test_frames_of_libraries_are_folded():
    library = f"{os.sep}venv{os.sep}site-packages{os.sep}pandas{os.sep}"
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "/project/flow.py", line 3, in load\n    frame["x"]\n    ~~~~~^^^^^\n'
        f'  File "{library}frame.py", line 1, in __getitem__\n    a\n'
        f'  File "{library}index.py", line 2, in get\n    b\n'
        f'  File "{os.__file__}", line 9, in fspath\n    c\n'
        '  File "/project/flow.py", line 9, in callback\n    d\n'
        "KeyError: 'x'\n"
    )

    assert user_lines(traceback) == [
        "Traceback (most recent call last):",
        '  File "/project/flow.py", line 3, in load',
        '    frame["x"]',
        "    ~~~~~^^^^^",
        "  … 2 frames in pandas",
        "  … 1 frame in the standard library",
        '  File "/project/flow.py", line 9, in callback',
        "    d",
        "KeyError: 'x'",
    ]


def test_the_end_of_a_huge_log_is_read_alone(tmp_path):
    path = tmp_path / "huge.log"
    path.write_bytes(b"x" * 80 + b"\n" + b"y" * 200_000 + b"\nlast \xff\n")

    lines = last_lines(str(path), 2)

    assert lines[-1] == "last \\xff"
    assert len(lines[0]) < 70_000
    assert last_lines(str(tmp_path / "missing")) == []
