"""What a failed run tells a person: step, cause, their own code, the end of the log, and what to do."""

import contextlib
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


@step(enable_cache=False)
def invert(x: int) -> float:
    return 1 / x


@step(enable_cache=False)
def join(xs: list[float]) -> float:
    return sum(xs)


def panel_after(run_pipeline, kind):
    with pytest.raises(kind):
        run_pipeline()
    return failure_panel(Client().list_pipeline_runs(size=1).items[0]).splitlines()


def test_a_handled_failure_is_not_taken_for_the_one_of_the_run():
    @pipeline(dynamic=True)
    def flow():
        with contextlib.suppress(ZeroDivisionError):
            invert(0)
        fail(3)

    lines = panel_after(flow, ValueError)

    assert lines[0].startswith("Step `fail` of run")
    assert "Step `invert` failed too: ZeroDivisionError: division by zero" in lines


def test_a_run_whose_function_handled_every_failure_has_no_panel():
    @pipeline(dynamic=True)
    def flow():
        with contextlib.suppress(ZeroDivisionError):
            invert(0)

    run = flow()

    assert run.counts == {"failed": 1}
    assert failure_panel(run) == ""


def test_what_the_function_raised_itself_is_told_with_its_place():
    @pipeline(dynamic=True)
    def flow():
        with contextlib.suppress(ZeroDivisionError):
            invert(0)
        raise RuntimeError("nothing to train on")

    lines = panel_after(flow, RuntimeError)

    assert lines[0].startswith("The function of pipeline `flow` failed in run `flow")
    assert lines[0].endswith(": RuntimeError: nothing to train on")
    assert any('raise RuntimeError("nothing to train on")' in line for line in lines)
    assert "Step `invert` failed: ZeroDivisionError: division by zero" in lines


def test_several_failures_at_once_are_each_named():
    @pipeline(dynamic=True)
    def flow():
        calls = [invert.submit(0), fail.submit(4), invert.submit(1)]
        for call in calls:
            call.wait()
        join(calls)

    lines = panel_after(flow, ExceptionGroup)

    assert lines[0].endswith("ExceptionGroup: 2 steps failed that step `join` needs (2 sub-exceptions)")
    assert sorted(line for line in lines if line.startswith("Step `")) == [
        "Step `fail` failed: ValueError: invalid literal for int() with base 10: '4 is no number'",
        "Step `invert` failed: ZeroDivisionError: division by zero",
    ]


def test_a_failed_element_of_a_map_is_named_with_what_it_was_given():
    @pipeline(dynamic=True)
    def flow():
        invert.map([1, 0, 2], id="parts")

    lines = panel_after(flow, ZeroDivisionError)

    assert lines[0].startswith("Step `parts[1]` of run")
    assert lines[1] == "It is element 2 of 3 of map `parts`, with x = 0."


def test_a_failed_element_with_a_key_is_named_by_it():
    @pipeline(dynamic=True)
    def flow():
        invert.map({"rome": 1, "oslo": 0}, id="cities")

    lines = panel_after(flow, ZeroDivisionError)

    assert lines[0].startswith("Step `cities['oslo']` of run")
    assert lines[1] == "It is one of 2 elements of map `cities`, with x = 0."
