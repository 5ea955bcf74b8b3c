"""Make the pictures of the README: run a pipeline in a pseudo terminal, and draw what a terminal then shows.

python docs/pictures/make.py
"""

import codecs
import fcntl
import html
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import textwrap
import time
from pathlib import Path

import pyte

HERE = Path(__file__).parent
PIPELINE = textwrap.dedent("""
    import sys, time
    from zenml import pipeline, step

    @step
    def load_rows() -> list[int]:
        print("read 12,000 rows from sales.csv")
        return [1, 2, 3]

    @step(enable_cache=False)
    def clean(rows: list[int]) -> list[int]:
        time.sleep(1.2)
        print("dropped 14 rows without a price")
        return rows

    @step(enable_cache=False)
    def train(depth: int, rows: list[int]) -> float:
        time.sleep(0.25 + depth * 0.02)
        if depth == 9 and "fail" in sys.argv:
            raise ValueError("no convergence after 100 rounds")
        return depth / 20

    @step(enable_cache=False)
    def explain(rows: list[int]) -> str:
        time.sleep(2)
        return "price, season"

    @step(enable_cache=False)
    def choose(scores: list[float], why: str) -> float:
        time.sleep(0.2)
        return max(scores)

    @pipeline
    def forecast():
        rows = load_rows()
        tidy = clean(rows)
        choose([train(depth, tidy) for depth in range(12)], explain(rows))

    try:
        forecast.with_options(run_name=sys.argv[1], max_parallelism=4)()
    except ValueError:
        pass
""")
COLOURS = {
    "default": "#d6d6d6", "red": "#ff6b68", "green": "#5fbf5f", "brown": "#d7b34d",
    "cyan": "#4fb8cc", "blue": "#6c9ef8", "magenta": "#c586c0", "white": "#ffffff", "black": "#000000",
}  # fmt: skip
CELL, LINE, MARGIN = 8.43, 19, 14


def screen_of(command, columns, lines, environment, *, until=None):
    """Run a command in a pseudo terminal; return the screen at its end, or `until` seconds after its start."""
    screen = pyte.Screen(columns, lines)
    stream = pyte.Stream(screen)
    decode = codecs.getincrementaldecoder("utf-8")().decode
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.execve(command[0], command, {**os.environ, **environment})
    end = time.monotonic() + (until or 60)
    snapshot = None
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.02)
        if snapshot is None and until and time.monotonic() > end:
            snapshot = svg_of(screen)
        try:
            data = os.read(terminal, 65536) if ready else b"\0"
        except OSError:
            break
        if not data:
            break
        stream.feed(decode(data.strip(b"\0")))
    os.waitpid(child, 0)
    os.close(terminal)
    return snapshot or svg_of(screen)


def svg_of(screen):
    """Return a screen as SVG: a text for each run of cells that look alike."""
    last = max((row for row, text in enumerate(screen.display) if text.strip()), default=0)
    texts = []
    for row in range(last + 1):
        for column, text, colour, is_bold in spans(screen, row):
            weight = ' font-weight="bold"' if is_bold else ""
            texts.append(
                f'<text x="{MARGIN + column * CELL:.1f}" y="{MARGIN + 14 + row * LINE}" '
                f'fill="{COLOURS[colour]}"{weight} textLength="{len(text) * CELL:.1f}">{html.escape(text)}</text>'
            )
    width, height = screen.columns * CELL + 2 * MARGIN, (last + 1) * LINE + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#1b1e24"/>\n' + "\n".join(texts) + "\n</svg>\n"
    )


def spans(screen, row):
    """Yield column, text, colour and weight of each run of cells of a row."""
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    column = 0
    while column < len(cells):
        end = column
        while end < len(cells) and (cells[end].fg, cells[end].bold) == (cells[column].fg, cells[column].bold):
            end += 1
        whole = "".join(cell.data for cell in cells[column:end])
        for word in re.finditer(r"\S+(?: \S+)*", whole):
            yield column + word.start(), word.group(), cells[column].fg, cells[column].bold
        column = end


def main():
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "forecast.py"
        script.write_text(PIPELINE, "utf-8")
        environment = {"ZENML_CONFIG_PATH": f"{folder}/store", "TERM": "xterm-256color", "NO_COLOR": ""}
        for name, columns, more, until in (
            ("finished", 80, (), None),
            ("running", 80, (), 2.2),
            ("running-wide", 200, (), 2.2),
            ("failed", 80, ("fail",), None),
        ):
            command = [sys.executable, str(script), f"forecast-{name}", *more]
            picture = screen_of(command, columns, 40, environment, until=until)
            (HERE / f"{name}.svg").write_text(picture, "utf-8")
            print(f"docs/pictures/{name}.svg  {len(picture.encode()) / 1024:.0f} KB")


if __name__ == "__main__":
    main()
