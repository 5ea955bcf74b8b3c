"""The main example, as a user runs it: first, again, and after an edit of one helper."""

import base64
import os
import re
import shutil
import subprocess
import sys

import pytest

from zenml.client import Client
from zenml.store.database import Database

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "digits")
STEPS = {
    "load_images", "split", "train_linear", "train_svm", "train_forest", "evaluate_linear", "evaluate_svm",
    "evaluate_forest", "choose_best", "draw", "write_report",
}  # fmt: skip
ROW = re.compile(
    r"^(logistic regression|support vectors|random forest) +([\d.]+) +([\d.]+) +([\d.]+)( +best)?$",
    re.MULTILINE,
)


class Place:
    """A folder with a store, and copies of the example that share it."""

    def __init__(self, root):
        self.root = root
        self.store = root / "store"

    def copy(self, name):
        return shutil.copytree(
            EXAMPLE, self.root / name, ignore=shutil.ignore_patterns("output", "__pycache__")
        )

    def run(self, folder):
        environment = {**os.environ, "ZENML_CONFIG_PATH": str(self.store), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "pipeline.py"],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr.lower(), done.stderr
        return done.stdout

    def executed(self):
        """Return which steps the newest run executed; all others must have been cached."""
        store = Database(str(self.store))
        try:
            steps = Client(store).list_pipeline_runs().items[0].steps
            assert set(steps) == STEPS
            assert {step.status.value for step in steps.values()} <= {"completed", "cached"}
            return {name for name, step in steps.items() if step.status == "completed"}
        finally:
            store.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def folder(place):
    return place.copy("digits")


@pytest.fixture(scope="module")
def first(place, folder):
    """Return what the first run printed, and which steps it executed."""
    return place.run(folder), place.executed()


def test_first_run_executes_every_step_and_prints_a_row_for_each_model(first):
    printed, executed = first

    rows = {name: float(accuracy) for name, accuracy, *_ in ROW.findall(printed)}
    best = [row[0] for row in ROW.findall(printed) if row[-1]]

    assert executed == STEPS
    assert len(rows) == 3
    assert len(best) == 1
    assert rows[best[0]] == max(rows.values()) > 0.95


def test_first_run_says_where_to_look_next(first):
    printed, _ = first

    assert re.search(r"zenml run show [0-9a-f]{8}$", printed, re.MULTILINE)
    assert re.search(r"zenml step why [0-9a-f]{8} train_forest$", printed, re.MULTILINE)
    assert "output/report.html" in printed


@pytest.mark.usefixtures("first")
def test_report_holds_the_picture(folder):
    page = (folder / "output" / "report.html").read_text("utf-8")
    picture = (folder / "output" / "confusion.png").read_bytes()

    embedded = [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page)]

    assert picture.startswith(b"\x89PNG")
    assert embedded[0] == picture
    assert len(embedded) == 2


def test_second_run_is_answered_by_the_cache(place, folder, first):
    again = place.run(folder)

    assert place.executed() == set()
    assert re.search(rf"^all {len(STEPS)} steps cached in \d+ ms$", again, re.MULTILINE)
    assert ROW.findall(again) == ROW.findall(first[0])


@pytest.mark.usefixtures("first")
def test_an_edited_helper_runs_exactly_the_steps_that_depend_on_it(place):
    copy = place.copy("edited")  # elsewhere on purpose: where the files lie does not count
    features = copy / "features.py"
    text = features.read_text("utf-8")
    edited = text.replace(
        "return np.hstack([pixels(images), ink_by_row, ink_by_column])", "return pixels(images)"
    )
    features.write_text("# A comment changes nothing.\n" + edited, "utf-8")

    place.run(copy)

    assert edited != text
    # `draw` takes the readings of the best model, which is still the same one.
    assert place.executed() == {"train_forest", "evaluate_forest", "choose_best", "write_report"}
