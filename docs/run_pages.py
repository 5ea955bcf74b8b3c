"""Run the examples of a page of documentation, and write what its commands print into it.

    python docs/run_pages.py docs/how-to/caching.md …

A Python or YAML block whose first line is a comment with a file name (`# flow.py`) is that file; a
Python block without one goes on with the last such file. Lines of a `console` block that begin with `$ ` are commands,
executed in the order of the page, with the files as the page has shown them up to there. What follows them is their
output: times, durations, ids and the order of lines may differ, and a line `…` stands for any lines. A Python file that no
command names is executed at the end, and has to succeed. The ports 8080 and 8025 of a page are free ones where it is
executed, and whoever executes it may have further words of it stand for others, such as the addresses of services.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections import Counter

BLOCK = re.compile(r"^```(python|yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w./-]+\.(?:py|yaml))\n")
SECONDS = 120
PORTS = ("8080", "8025")


def run_page(text, folder, environment, stands_for=None):
    """Run the examples of a page in `folder`; return the page with the output that differs replaced.

    `stands_for` says by words of the page what is meant by them here.
    """
    ports = {port: free_port() for port in PORTS if port in text}
    page = _Page(folder, environment, {**ports, **(stands_for or {})})
    done = BLOCK.sub(page.block, text)
    for name in page.unused:
        page.run(f"python {name}", must_succeed=True)
    return done


class _Page:
    def __init__(self, folder, environment, stands_for):
        self.folder, self.environment = folder, environment
        self.stands_for = stands_for
        self.file = "page.py"
        self.unused = []

    def block(self, match):
        language, body = match.groups()
        if language == "console":
            return match.group().replace(body, self.commands(body))
        named = FILE.match(body)
        if named or language == "python":
            self.write(body, named)
        return match.group()

    def write(self, body, named):
        self.file = named[1] if named else self.file
        path = os.path.join(self.folder, self.file)
        with open(path, "w" if named else "a", encoding="utf-8") as file:
            file.write(self.meant(body))
        if path.endswith(".py") and self.file not in self.unused:
            self.unused.append(self.file)

    def commands(self, body):
        made = []
        for part in re.split(r"^(?=\$ )", body, flags=re.MULTILINE):
            if part:
                line, _, shown = part.partition("\n")
                printed = self.run(line.removeprefix("$ "))
                made.append(f"{line}\n{shown if fits(shown, printed) else printed}")
        return "".join(made)

    def run(self, command, *, must_succeed=False):
        self.unused = [
            name
            for name in self.unused
            if not re.search(rf"\b{re.escape(name.removesuffix('.py'))}\b", command)
        ]
        done = subprocess.run(
            ["sh", "-c", self.meant(command)], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        if must_succeed and done.returncode:
            raise AssertionError(f"$ {command}\n{done.stdout}")
        printed = done.stdout.replace(os.path.realpath(self.folder), "/home/anna/work")
        for shown, meant in self.stands_for.items():
            printed = printed.replace(meant, shown)
        return printed

    def meant(self, text):
        for shown, meant in self.stands_for.items():
            text = text.replace(shown, meant)
        return text


def fits(shown, printed):
    """Return whether a page shows the lines that were printed, but for times, ids, order, and what `…` leaves out."""
    wanted, found = (Counter(normalised(text).splitlines()) for text in (shown, printed))
    leaves_out = wanted.pop("…", 0) > 0
    return wanted <= found if leaves_out else wanted == found


def normalised(text):
    """Return output without what differs from run to run."""
    text = re.sub(r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d_\d{6}", "TIME", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(\+\d\d:\d\d|Z)?", "TIME", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"\b(?=[a-f]*\d)[0-9a-f]{8,64}\b", "ID", text)
    text = re.sub(r"\b\d+(\.\d+)? (ms|s|µs|min)\b", "DURATION", text)
    text = re.sub(r"\b\d+ (seconds?|minutes?) ago\b|just now", "AGO", text)
    text = re.sub(r"\b\d+(\.\d+)? (bytes|kB|KB|KiB|B)\b", "SIZE", text)
    text = re.sub(r"\b\d+(\.\d+)? MB (at most)|\bmemory \d+(\.\d+)? [MG]B", "MEMORY", text)
    text = re.sub(r"\bmay use \d+\b", "may use CPUS", text)
    text = re.sub(
        r"kept by a (watchdog|cgroup)|by a watchdog|by the kernel, which kept its cgroup below the cap",
        "GUARD",
        text,
    )
    text = re.sub(r"[─━-]{4,}", "RULE", text)
    return re.sub(r" +", " ", text)


def free_port():
    """Return a port of this machine that nobody listens on, as text."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def environment_for(folder):
    """Return the environment of a user whose store is in `folder`, with this Python first on the path."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    return {
        **inherited,
        "ZENML_CONFIG_PATH": os.path.join(folder, "store"),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), inherited["PATH"]]),
        "COLUMNS": "100",
        "PYTHONUNBUFFERED": "1",
    }


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "work"))
            done = run_page(text, os.path.join(folder, "work"), environment_for(folder))
        if done != text:
            with open(path, "w", encoding="utf-8") as file:
                file.write(done)
            print(f"{path}: written")


if __name__ == "__main__":
    main()
