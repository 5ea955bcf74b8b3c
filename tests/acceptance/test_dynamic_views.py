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


FAMILY = """
    import time
    from zenml import pipeline, step, wait

    @step(enable_cache=False)
    def lengths() -> dict[str, int]:
        return {"rome": 4, "oslo": 0, "ouagadougou": 11}

    @step(enable_cache=False)
    def invert(x: int) -> float:
        time.sleep(0.3)
        return 1 / x

    @step(enable_cache=False)
    def total(xs: list[float]) -> float:
        return sum(xs)

    @pipeline(dynamic=True)
    def tally(n: int) -> float:
        return total(invert.map(x + 1 for x in range(n)))

    @pipeline(dynamic=True)
    def flow():
        invert.map(lengths(), id="cities", on_error="collect")
        total([tally.submit(2), tally.submit(3)])
        wait(question="Send it?")

    flow.with_options(run_name="family", max_parallelism=3)()
"""


@pytest.fixture
def family(tmp_path, environment):
    """What the terminal of a run with children shows that has paused."""
    path = tmp_path / "family.py"
    path.write_text(textwrap.dedent(FAMILY), "utf-8")
    return run_in_terminal([sys.executable, str(path)], environment, lines=60, columns=100)


def test_the_tree_of_a_run_with_children_names_their_runs_and_ends_with_how_to_answer(family):
    lines = [line for line in family.text.splitlines() if line]

    assert family.returncode == 0
    (top,) = [number for number, line in enumerate(lines) if re.match(r"\? Run family  ", line)]
    assert lines[:top] == ["Run `family` waits for an answer: Send it?", lines[top + 7]]
    assert re.match(r"✓ lengths", lines[top + 1])
    assert re.match(r"└─ ✗ cities +\d\.\d s  ✗━+ 3 of 3  1 failed  cities\['oslo'\]: ZeroDiv", lines[top + 2])
    assert re.fullmatch(r"✓ tally +\d\.\d s  run \w{8}: 3 completed", lines[top + 3])
    assert re.fullmatch(r"✓ tally_2 +\d\.\d s  run \w{8}: 4 completed", lines[top + 4])
    assert lines[top + 5].startswith("✓ total")
    assert lines[top + 6] == "Paused: 6 completed, 1 failed."
    assert re.fullmatch(r"Answer it: zenml run answer \w{8}", lines[top + 7])


@pytest.mark.usefixtures("family")
def test_a_paused_run_with_children_is_shown_with_their_steps_and_its_question(environment):
    shown = run_in_terminal(zenml("run", "show", "latest"), environment, columns=120)

    assert re.search(r"^Run +family$", shown.text, re.MULTILINE)
    assert re.search(r"^✓ tally +\d\.\d s  run \w{8}: 3 completed$", shown.text, re.MULTILINE)
    assert re.search(r"^✓ tally_2 +\d\.\d s  run \w{8}: 4 completed$", shown.text, re.MULTILINE)
    assert "3 elements: 2 completed, 1 failed" in shown.text
    *_, question, how = shown.text.splitlines()
    assert question == "Run `family` waits for an answer: Send it?"
    assert re.fullmatch(r"Answer it: zenml run answer \w{8}", how)


@pytest.mark.usefixtures("family")
def test_json_has_maps_children_and_questions(environment):
    def show(run):
        done = subprocess.run(
            zenml("run", "show", run, "--json"), env=environment, capture_output=True, timeout=60, check=True
        )
        return json.loads(done.stdout)

    shown = show("family")
    (cities,) = shown["maps"]
    first, second = shown["children"]

    assert cities["elements"] == ["cities['oslo']", "cities['ouagadougou']", "cities['rome']"]
    assert cities["counts"] == {"completed": 2, "failed": 1}
    assert sorted(one["counts"]["completed"] for one in (first, second)) == [3, 4]
    called = {step["id"]: step["child_run_id"] for step in shown["steps"] if step["child_run_id"]}
    assert sorted(called.values()) == sorted((first["id"], second["id"]))
    assert [(one["question"], one["status"]) for one in shown["waits"]] == [("Send it?", "open")]
    (inner,) = show(called["tally_2"])["maps"]
    assert inner == {
        "name": "invert",
        "counts": {"completed": 3},
        "elements": [f"invert[{n}]" for n in range(3)],
    }


@pytest.mark.usefixtures("family")
def test_watching_counts_the_steps_of_children_and_ends_with_the_question(environment):
    watched = run_in_terminal(zenml("run", "watch", "family"), environment, lines=60, columns=100)

    assert watched.returncode == 0
    assert re.search(r"^✓ tally +\d\.\d s  run \w{8}: 3 completed$", watched.text, re.MULTILINE)
    assert re.search(r"^✓ tally_2 +\d\.\d s  run \w{8}: 4 completed$", watched.text, re.MULTILINE)
    *_, question, how = watched.text.splitlines()
    assert question == "Run `family` waits for an answer: Send it?"
    assert re.fullmatch(r"Answer it: zenml run answer \w{8}", how)
