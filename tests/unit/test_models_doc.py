"""The example of docs/models.md runs, and prints what the page shows."""

import os
import re
import shlex
import subprocess
import sys

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "models.md")


def block(language):
    with open(PAGE, encoding="utf-8") as file:
        (found,) = re.findall(rf"^```{language}\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    return found


def normalised(text):
    """Return output without what differs from run to run: ids and times."""
    text = re.sub(r"\([0-9a-f]{8}\)", "(ID)", text)
    text = re.sub(r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d_\d{6}", "TIME", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)


def printed(folder):
    """Run the lines of the page that begin with a prompt; return them and what they print."""
    (folder / "churn.py").write_text(block("python"), "utf-8")
    environment = {
        **os.environ,
        "ZENML_CONFIG_PATH": str(folder / "store"),
        "ZENML_QUIET": "1",
        "COLUMNS": "80",
    }
    text = ""
    for line in [line for line in block("console").splitlines() if line.startswith("$ ")]:
        program, *words = shlex.split(line[2:])
        command = [sys.executable, *(["-m", "zenml"] if program == "zenml" else []), *words]
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        text += f"{line}\n{done.stdout}"
    return text


def test_example_prints_what_the_page_shows(tmp_path):
    assert normalised(printed(tmp_path)) == normalised(block("console"))
