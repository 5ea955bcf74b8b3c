"""The README's example runs, and prints what the README shows."""

import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")


def blocks(language):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        return re.findall(rf"^```{language}\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


def normalised(text):
    """Return output without what differs from run to run: times of day and durations."""
    text = re.sub(r"-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d_\d{6}", "-TIME", text)
    return re.sub(r"\b\d+(\.\d+)? (ms|s)\b", "DURATION", text)


def test_example_prints_what_the_readme_shows(tmp_path):
    (code,) = blocks("python")
    (shown,) = blocks("console")
    (tmp_path / "average.py").write_text(code, "utf-8")
    environment = {**os.environ, "ZENML_CONFIG_PATH": str(tmp_path / "store"), "PYTHONUNBUFFERED": "1"}

    printed = ""
    for line in [line for line in shown.splitlines() if line.startswith("$ ")]:
        assert line == "$ python average.py"
        done = subprocess.run(
            [sys.executable, "average.py"],
            cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        printed += f"{line}\n{done.stdout}"

    assert normalised(printed) == normalised(shown)


def test_example_is_short():
    (code,) = blocks("python")

    assert len([line for line in code.splitlines() if line.strip()]) <= 16


def test_every_picture_is_there_in_both_colours():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        shown = set(re.findall(r"docs/pictures/([a-z-]+)-(?:dark|light)\.svg", file.read()))
    drawn = [name for name in os.listdir(os.path.join(ROOT, "docs", "pictures")) if name.endswith(".svg")]

    assert sorted(drawn) == sorted(f"{name}-{colours}.svg" for name in shown for colours in ("dark", "light"))
