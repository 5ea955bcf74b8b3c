"""The search, as a user runs it: it ends as soon as a candidate is good enough, and the second time at once."""

import os
import re
import subprocess
import sys

import pytest

from zenml.client import Client
from zenml.store.database import Database

pytest.importorskip("sklearn")

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "search", "pipeline.py")
CALL = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline import search; search(candidates=4, good_enough=%s)"


@pytest.fixture
def run(tmp_path):
    store = str(tmp_path / "store")

    def run(good_enough):
        """Run a small search; return what it printed, and the run."""
        done = subprocess.run(
            [sys.executable, "-c", CALL % good_enough, os.path.dirname(EXAMPLE)],
            env={**os.environ, "ZENML_CONFIG_PATH": store, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        opened = Database(store)
        try:
            view = Client(opened).list_pipeline_runs().items[0]
            return done.stdout, {name: step.status.value for name, step in view.steps.items()}
        finally:
            opened.close()

    return run


def test_the_better_half_goes_on_and_the_second_search_computes_nothing(run):
    printed, steps = run(2)  # never good enough

    learnt = [name for name in steps if "_round_" in name]
    assert [len([one for one in learnt if one.endswith(f"_{number}")]) for number in (1, 2, 3, 4)] == [
        4,
        2,
        1,
        1,
    ]
    assert set(steps.values()) == {"completed"}
    assert re.search(r"^Round 1: candidate_\d leads with [\d.]+%; 2 of 4 go on\.$", printed, re.MULTILINE)

    again, steps = run(2)

    assert again == printed
    assert set(steps.values()) == {"cached"}


def test_a_search_ends_when_a_candidate_is_good_enough(run):
    printed, steps = run(0.1)

    assert re.search(r"^Round \d: candidate_\d is good enough", printed, re.MULTILINE)
    assert "best: {'hidden_layer_sizes'" in printed.lower()
    assert len([name for name in steps if name.endswith("_round_4")]) == 0
