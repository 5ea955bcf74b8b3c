"""A run on a terminal, seen as a person sees it: the tree, what steps print, and nothing left behind."""

import os
import re
import subprocess
import sys
import textwrap

import pytest
from pseudo_terminal import run_in_terminal

SLOW = """
    import sys, time
    from zenml import pipeline, step

    @step(enable_cache=False)
    def load() -> int:
        for number in range(30):
            print(f"out {number}")
            print(f"err {number}", file=sys.stderr)
        time.sleep(0.6)
        return 1

    @step(enable_cache=False)
    def fit(x: int, y: int) -> int:
        time.sleep(0.2)
        if x == 3 and "fail" in sys.argv:
            raise ValueError("no convergence")
        return x

    @step(enable_cache=False)
    def best(xs: list[int]) -> int:
        return max(xs)

    @pipeline
    def flow():
        y = load()
        best([fit(x, y) for x in range(6)])

    flow.with_options(run_name="slow")()
"""
QUICK = """
    import sys, threading
    from zenml import pipeline, step

    @step(enable_cache=False)
    def quick() -> int:
        return 1

    @pipeline
    def flow():
        quick()

    flow.with_options(run_name="quick")()
    print("rich loaded:", "rich" in sys.modules)
"""
ASKING = """
    import time
    from zenml import pipeline, step

    @step(enable_cache=False)
    def ask() -> str:
        time.sleep(0.8)
        print("please: ", end="")
        found = input("your name? ")
        time.sleep(0.3)
        print("hello", found)
        return found

    @pipeline
    def flow():
        ask()

    flow.with_options(run_name="asking")()
"""
CODE = re.compile(r"\x1b\[")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def environment(tmp_path):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ZENML_", "NO_COLOR", "FORCE_COLOR"))
    }
    return {
        **kept,
        "ZENML_CONFIG_PATH": str(tmp_path / "store"),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def script(tmp_path):
    def write(text, *arguments):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text), "utf-8")
        return [sys.executable, str(path), *arguments]

    return write


def test_the_tree_stays_on_the_terminal(script, environment):
    shown = run_in_terminal(script(SLOW), environment, lines=80)

    assert shown.returncode == 0
    tail = shown.text.splitlines()[-6:]
    assert re.fullmatch(r"✓ Run slow  \d\.\d s", tail[0])
    assert re.match(r"✓ load +0\.\d s", tail[1])
    assert re.match(r"✓ fit … fit_6 +0\.\d s  6 of 6$", tail[2])
    assert "✓ best" in tail[3]
    assert tail[4:] == [
        "Finished: 8 completed.",
        next(line for line in tail if line.startswith("See: zenml run show ")),
    ]


def test_nothing_is_drawn_twice(script, environment):
    shown = run_in_terminal(script(SLOW), environment, lines=80)

    assert shown.text.count("Run slow") == 1
    assert "\x1b" not in shown.text


@pytest.mark.parametrize("lines", [12, 80])
def test_what_steps_print_is_whole_and_in_order(lines, script, environment):
    shown = run_in_terminal(script(SLOW), environment, lines=lines)

    printed = re.findall(r"^(?:\x1b\[\S*[A-Za-z])*((?:out|err) \d+)\r?$", shown.raw, re.MULTILINE)
    assert printed == [f"{stream} {number}" for number in range(30) for stream in ("out", "err")]


def test_a_failure_is_shown_once_with_its_element_and_remedy(script, environment):
    shown = run_in_terminal(script(SLOW, "fail"), environment, lines=150)

    assert shown.returncode == 1
    assert shown.text.count("It is call 4 of 6 of step `fit`, with x = 3.") == 1
    assert "1 failed" in shown.text
    assert "Repair it." in shown.text


def test_piped_output_has_no_codes(script, environment):
    done = subprocess.run(
        script(SLOW), env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    assert not CODE.search(done.stdout + done.stderr)
    assert "Run `slow` finished in" in done.stderr


@pytest.mark.parametrize("name", ["NO_COLOR", "ZENML_LOGGING_COLORS_DISABLED"])
def test_colours_can_be_switched_off(name, script, environment):
    shown = run_in_terminal(script(SLOW), {**environment, name: "1"}, lines=80)

    assert "✓ Run slow" in shown.text
    assert not COLOUR.search(shown.raw)


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}], ids=["dumb", "ascii"])
def test_a_terminal_that_cannot_draw_gets_lines(more, script, environment):
    shown = run_in_terminal(script(SLOW), {**environment, **more}, lines=150)

    assert not CODE.search(shown.raw)
    assert "Run `slow` finished in" in shown.text


def test_quiet_is_quiet(script, environment):
    shown = run_in_terminal(script(SLOW), {**environment, "ZENML_QUIET": "1"}, lines=150)

    assert "Run" not in shown.text


def test_ctrl_c_leaves_the_terminal_as_it_was(script, environment):
    shown = run_in_terminal(script(SLOW), environment, lines=150, interrupt_at="Run slow")

    assert shown.returncode != 0
    assert not shown.screen.cursor.hidden
    assert shown.screen.cursor.x == 0
    assert "■ load" in shown.text
    assert "Stopped" in shown.text


def test_a_question_is_asked_without_the_tree(script, environment):
    shown = run_in_terminal(script(ASKING), environment, answer=("your name? ", "Ada\n"))

    assert "please: your name? Ada" in shown.text
    assert "hello Ada" in shown.text
    assert "✓ Run asking" in shown.text


def test_a_short_run_loads_nothing_for_drawing(script, environment):
    shown = run_in_terminal(script(QUICK), environment)

    assert "rich loaded: False" in shown.text
    assert "Run `quick` finished in" in shown.text
    assert not CODE.search(shown.raw)


def test_watching_follows_a_run_to_its_end(script, environment):
    running = subprocess.Popen(script(SLOW), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stderr.readline().startswith(b"Run `slow` started")

    watched = run_in_terminal([sys.executable, "-m", "zenml", "run", "watch", "slow"], environment, lines=80)

    running.communicate(timeout=60)
    assert watched.returncode == 0
    assert "✓ Run slow" in watched.text
    assert "Finished: 8 completed." in watched.text


def test_watching_a_failure_ends_with_its_panel_and_status_1(script, environment):
    running = subprocess.Popen(
        script(SLOW, "fail"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stderr.readline().startswith(b"Run `slow` started")

    watched = run_in_terminal([sys.executable, "-m", "zenml", "run", "watch", "slow"], environment, lines=80)

    running.communicate(timeout=60)
    assert watched.returncode == 1
    assert "✗ Run slow" in watched.text
    assert re.search(r"✗ fit … fit_6 .* 6 of 6  1 failed  fit_4: ValueError: no convergence", watched.text)
    assert watched.text.count("It is call 4 of 6 of step `fit`, with x = 3.") == 1
    assert watched.text.count("Repair it.") == 1
