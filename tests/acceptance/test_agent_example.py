"""The agent, as a user runs it: it works, pauses, is answered from the command line, and goes on."""

import json
import os
import shutil
import subprocess
import sys

import pytest

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "agent")
ANSWER = "The new oven has paid for itself after 5.1 years."


class Place:
    """A copy of the example, with a store beside it."""

    def __init__(self, root):
        self.folder = root / "agent"
        self.environment = {
            **os.environ,
            "ZENML_CONFIG_PATH": str(root / "store"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        shutil.copytree(EXAMPLE, self.folder, ignore=shutil.ignore_patterns("output", "__pycache__"))

    @property
    def published(self):
        return self.folder / "output" / "report.md"

    def zenml(self, *words):
        return subprocess.run(
            [sys.executable, "-m", "zenml", *words],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=True,
        )  # fmt: skip

    def start(self, **parameters):
        """Run the agent and return the run as it is then."""
        given = [word for name, value in parameters.items() for word in ("--param", f"{name}={value}")]
        self.zenml("pipeline", "run", "pipeline.py", "--quiet", *given)
        return self.show()

    def answer(self, **fields):
        self.zenml("run", "answer", "--json", json.dumps(fields))
        return self.show()

    def show(self):
        return json.loads(self.zenml("run", "show", "latest", "--json").stdout)

    def report(self):
        path = self.folder / "exported.md"
        self.zenml("artifact", "export", "report", str(path))
        return path.read_text("utf-8")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def executed(run):
    return [step["id"] for step in run["steps"] if step["status"] == "completed"]


def test_the_agent_pauses_is_answered_and_publishes(place):
    paused = place.start()

    assert paused["status"] == "paused"
    assert [wait["question"] for wait in paused["waits"]] == [f"{ANSWER} Publish the report?"]
    assert not place.published.exists()

    done = place.answer(publish=True, remark="Agreed with Ada.")

    assert done["id"] == paused["id"]
    assert done["status"] == "completed"
    assert set(executed(done)) - set(executed(paused)) == {"publish"}
    report = place.published.read_text("utf-8")
    assert f"**{ANSWER}**" in report
    assert "| calculate | saving per year = 6789 * 34 / 100 | 2308.26 |" in report
    assert report.endswith("\nAgreed with Ada.\n")


def test_a_refused_report_is_kept_and_not_published(place):
    place.start()

    done = place.answer(publish=False, remark="Ask for a second offer.")

    assert done["status"] == "completed"
    assert done["waits"][0]["answer"] == {"publish": False, "remark": "Ask for a second offer."}
    assert "publish" not in [step["id"] for step in done["steps"]]
    assert not place.published.exists()
    assert f"**{ANSWER}**" in place.report()


def test_another_question_uses_the_tools_no_second_time(place):
    place.start()

    other = place.start(question="What do we save?")

    assert other["waits"][0]["question"] == "The new oven saves 2,308 EUR a year. Publish the report?"
    assert {name.partition("_")[0] for name in executed(other)} == {"open", "think", "write"}


def test_a_changed_text_changes_the_answer(place):
    place.start()
    offer = place.folder / "library" / "offer.md"
    offer.write_text(offer.read_text("utf-8").replace("11800", "23600"), "utf-8")

    run = place.start()

    assert "after 10.2 years" in run["waits"][0]["question"]
    why = place.zenml("step", "why", "latest", "calculate_3").stdout
    assert (
        "ToolCall(tool='calculate', argument='years until it has paid for itself = 23600 / 2308.26')" in why
    )
    calculated = [step["status"] for step in run["steps"] if step["id"].startswith("calculate")]
    assert calculated == ["cached", "cached", "completed"]


def test_an_agent_that_finds_no_answer_in_time_asks_nobody(place):
    run = place.start(max_turns=2)

    assert run["status"] == "completed"
    assert run["waits"] == []
    assert "No answer within 2 turns." in place.report()


def test_what_no_text_tells_is_said(place):
    (place.folder / "library" / "offer.md").unlink()

    run = place.start()

    assert run["waits"][0]["question"].startswith("No text tells the price of the new oven.")


def test_the_readme_shows_the_report_as_it_is_published(place):
    with open(os.path.join(EXAMPLE, "README.md"), encoding="utf-8") as file:
        shown = [line.removeprefix(">").removeprefix(" ") for line in file if line.startswith(">")]
    place.start()
    place.answer(publish=True, remark="Agreed with Ada.")

    assert "".join(shown) == place.published.read_text("utf-8")
