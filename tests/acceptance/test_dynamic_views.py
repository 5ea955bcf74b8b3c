"""A dynamic run as people see it: on its own terminal, from another one, and afterwards."""

import json
import os
import re
import subprocess
import sys
import textwrap

import pytest
from pseudo_terminal import run_in_terminal

FLOW = """
    import sys, threading, time
    from zenml import pipeline, step

    gate = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), gate.set()), daemon=True).start()

    @step(enable_cache=False)
    def load() -> int:
        return 24

    @step(enable_cache=False)
    def fit(x: int) -> int:
        time.sleep(0.1)
        if x == 3:
            raise ValueError("no convergence")
        if x in (20, 21) and "wait" in sys.argv:
            print("waiting", flush=True)
            gate.wait(60)
        return x

    @step(enable_cache=False)
    def best(xs: list[int]) -> int:
        return max(xs)

    @pipeline(dynamic=True)
    def flow():
        fits = fit.map(range(load().load()))
        good = [one for one in fits if one.exception() is None]
        best(good)

    flow.with_options(run_name="dynamic", max_parallelism=2)()
"""


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
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(FLOW), "utf-8")
    return [sys.executable, str(path)]


@pytest.fixture
def waiting(script, environment):
    """A run of which two elements, all that may run at once, do not end before a line is written to it."""
    with subprocess.Popen(
        [*script, "wait"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout.readline() == b"waiting\n"
        yield running
        if running.poll() is None:
            running.communicate(b"\n", timeout=60)


def zenml(*words):
    return [sys.executable, "-m", "zenml", *words]


def test_the_tree_of_a_dynamic_run_has_one_row_for_a_map(script, environment):
    shown = run_in_terminal(script, environment, lines=60)

    assert shown.returncode == 0
    assert re.search(r"\d+ steps: .*2 running.*, .*\d+ waiting", shown.raw)
    tail = shown.text.splitlines()[-6:]
    assert re.fullmatch(r"✓ Run dynamic  \d\.\d s", tail[0])
    assert tail[1].startswith("✓ load")
    assert re.match(r"✗ fit +\d\.\d s  ━+✗━+ 24 of 24  1 failed  fit\[3\]: ValueEr", tail[2])
    assert tail[3].startswith("└─ ✓ best")
    assert tail[4] == "Finished: 25 completed, 1 failed (handled)."


def test_another_process_sees_what_waits(waiting, environment):
    for _ in range(30):  # what waits is told once a second
        shown = subprocess.run(
            zenml("run", "show", "dynamic", "--json"),
            env=environment,
            capture_output=True,
            timeout=60,
            check=True,
        )
        (fit,) = json.loads(shown.stdout)["maps"]
        if sum(fit["counts"].values()) == 24:
            break

    assert sum(fit["counts"].values()) == 24
    assert fit["counts"]["waiting"] == 24 - len(fit["elements"]) > 0
    assert fit["counts"]["running"] >= 1


def test_watching_shows_the_map_and_its_end(waiting, environment):
    watched = run_in_terminal(
        zenml("run", "watch", "dynamic"),
        environment,
        lines=60,
        then=[("of 24", lambda: (waiting.stdin.write(b"\n"), waiting.stdin.flush()))],
    )

    assert watched.returncode == 0
    assert re.search(r"✗ fit .* 24 of 24  1 failed", watched.text)
    assert "Finished: 25 completed, 1 failed (handled)." in watched.text


def test_a_run_is_shown_folded_on_a_terminal_and_says_how_to_unfold_it(script, environment):
    subprocess.run(script, env=environment, capture_output=True, timeout=60, check=True)

    shown = run_in_terminal(zenml("run", "show", "dynamic"), environment, columns=120)

    assert "24 elements: 23 completed, 1 failed (handled)" in shown.text
    assert re.search(r"^ +━+✗━+$", shown.text, re.MULTILINE)
    assert "✗ fit[3]" in shown.text
    assert "fit[4]  " not in shown.text
    assert re.search(r"One by one: zenml run show \w{8} --unfold fit", shown.text)
