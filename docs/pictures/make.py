"""Make the pictures of the README: run a pipeline in a pseudo terminal, and draw what a terminal then shows.

make pictures
"""

import codecs
import fcntl
import html
import os
import pty
import re
import select
import struct
import subprocess
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
    from zenml import pipeline, step, track

    @step
    def load_rows() -> list[int]:
        print("read 12,000 rows from sales.csv")
        return [1, 2, 3]

    @step(enable_cache=False)
    def clean(rows: list[int]) -> list[int]:
        for _ in track(range(24), description="weeks"):
            time.sleep(0.05)
        print("dropped 14 rows without a price")
        return rows

    @step(enable_cache=False)
    def train(depth: int, rows: list[int]) -> float:
        for _ in track(range(10)):
            time.sleep(0.03 + depth * 0.003)
        if depth == 9 and "fail" in sys.argv:
            raise ValueError("no convergence after 100 rounds")
        return depth / 20

    @step(enable_cache=False)
    def explain(rows: list[int]) -> str:
        for _ in track(range(40), description="features"):
            time.sleep(0.055)
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
        sys.exit(1)
""")
DYNAMIC = textwrap.dedent("""
    import time
    from zenml import pipeline, step, wait

    @step(enable_cache=False)
    def find_shops() -> dict[str, int]:
        time.sleep(0.3)
        return {f"shop {number:02}": number for number in range(40)}

    @step(enable_cache=False)
    def fit(rows: int) -> float:
        time.sleep(0.12)
        if rows == 7:
            raise ValueError("no rows")
        return rows / 40

    @step(enable_cache=False)
    def total(scores: list[float]) -> float:
        time.sleep(0.1)
        return sum(scores)

    @step(enable_cache=False)
    def check(score: float, part: int) -> float:
        time.sleep(0.2)
        return score

    @pipeline(dynamic=True)
    def review(score) -> float:
        return total(check.map([score.load()] * 6, range(6)))

    @pipeline(dynamic=True)
    def shops():
        fits = fit.map(find_shops(), on_error="collect")
        review(total(list(fits.load().values())[:5]))
        wait(question="Send it to all shops?", name="send")

    shops.with_options(run_name="friday", max_parallelism=6)()
""")
THEMES = {
    "dark": {
        "page": "#1b1e24", "default": "#d6d6d6", "red": "#ff6b68", "green": "#5fbf5f", "brown": "#d7b34d",
        "cyan": "#4fb8cc", "blue": "#6c9ef8", "magenta": "#c586c0", "white": "#ffffff", "black": "#000000",
    },
    "light": {
        "page": "#ffffff", "default": "#24292f", "red": "#cd3131", "green": "#107c10", "brown": "#949800",
        "cyan": "#0598bc", "blue": "#0451a5", "magenta": "#bc05bc", "white": "#e5e5e5", "black": "#000000",
    },
}  # fmt: skip
"""What the colours of a terminal look like: those of a dark one, and those that a light one commonly has."""
CELL, LINE, MARGIN = 8.43, 19, 14
LINES = 40
STILL = 3.0
"""Seconds for which the last frame of the recording stands."""
EVERY = 0.2
"""Seconds between two frames of the recording, at least."""


def record(command, shown_as, columns, environment):
    """Run a command in a pseudo terminal; return the screens that it showed, each with its second."""
    screen = pyte.Screen(columns, LINES)
    stream = pyte.Stream(screen)
    stream.feed(f"$ {shown_as}\r\n")
    decode = codecs.getincrementaldecoder("utf-8")().decode
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
        os.execve(command[0], command, {**os.environ, **environment})
    begin, frames = time.monotonic(), []
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.02)
        if not ready:  # whatever was drawn is whole
            frames.append((time.monotonic() - begin, cells_of(screen)))
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(decode(data))
    os.waitpid(child, 0)
    os.close(terminal)
    return [*frames, (time.monotonic() - begin, cells_of(screen))]


def cells_of(screen):
    """Return a screen as runs of cells that look alike: row, column, text, colour, whether it is bold."""
    found = []
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        column = 0
        while column < len(cells):
            look = cells[column].fg, cells[column].bold
            end = column
            while end < len(cells) and (cells[end].fg, cells[end].bold) == look:
                end += 1
            whole = "".join(cell.data for cell in cells[column:end])
            words = re.finditer(r"\S+(?: \S+)*", whole)
            found += [(row, column + word.start(), word.group(), *look) for word in words]
            column = end
    return tuple(found)


def first_with(frames, pattern):
    """Return the first screen that shows something."""
    for _, cells in frames:
        if re.search(pattern, "\n".join(text for _, _, text, _, _ in cells)):
            return cells
    raise LookupError(f"`{pattern}` was never seen")


def texts_of(cells):
    """Return the cells as elements of SVG, in classes that a theme colours."""
    lines = []
    for row, column, text, colour, is_bold in cells:
        weight = ' font-weight="bold"' if is_bold else ""
        lines.append(
            f'<text x="{MARGIN + column * CELL:.1f}" y="{MARGIN + 14 + row * LINE}" class="{colour}"{weight} '
            f'textLength="{len(text) * CELL:.1f}">{html.escape(text)}</text>'
        )
    return "\n".join(lines)


def svg(content, columns, lines, theme, more=""):
    """Return a picture in the colours of a theme."""
    width, height = columns * CELL + 2 * MARGIN, lines * LINE + 2 * MARGIN
    colours = THEMES[theme]
    used = " ".join(f".{name}{{fill:{value}}}" for name, value in colours.items() if f'"{name}"' in content)
    edge = ' stroke="#d0d7de"' if theme == "light" else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">\n'
        f"<style>{used}{more}</style>\n"
        f'<rect x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="8" '
        f'fill="{colours["page"]}"{edge}/>\n{content}\n</svg>\n'
    )


def at_home(cells, folder):
    """Return a screen as a user would have it who keeps the files at home."""
    return tuple(
        (row, column, text.replace(folder, "/home/anna"), *look) for row, column, text, *look in cells
    )


def still(cells, columns, theme):
    """Return one screen as a picture."""
    return svg(texts_of(cells), columns, 1 + max(row for row, *_ in cells), theme)


def moving(frames, columns, theme):
    """Return all screens as a picture that plays again and again."""
    chosen = []
    for second, cells in frames:
        if not chosen or (cells != chosen[-1][1] and second - chosen[-1][0] >= EVERY):
            chosen.append((second, cells))
    if chosen[-1][1] != frames[-1][1]:
        chosen.append(frames[-1])
    begin = chosen[0][0]
    whole = chosen[-1][0] - begin + STILL
    ends = [second - begin for second, _ in chosen[1:]] + [whole]
    style, groups = [f"g{{visibility:hidden;animation:0s {whole:.2f}s step-end infinite}}"], []
    for number, ((second, cells), end) in enumerate(zip(chosen, ends, strict=True)):
        start, stop = (100 * (at / whole) for at in (second - begin, end))
        hide = f"{stop:.2f}%{{visibility:hidden}}" if number + 1 < len(chosen) else ""
        style.append(
            f"@keyframes f{number}{{0%{{visibility:{'hidden' if number else 'visible'}}}"
            f"{start:.2f}%{{visibility:visible}}{hide}}}"
            f"#f{number}{{animation-name:f{number};animation-duration:{whole:.2f}s;animation-delay:0s}}"
        )
        if number + 1 == len(chosen):  # what is seen where nothing moves
            style.append(f"#f{number}{{visibility:visible}}")
        groups.append(f'<g id="f{number}">\n{texts_of(cells)}\n</g>')
    style.append("@media (prefers-reduced-motion){g{animation:none !important}}")
    lines = 1 + max(row for _, cells in chosen for row, *_ in cells)
    return svg("\n".join(groups), columns, lines, theme, "\n".join(style))


def recordings(folder):
    """Run the pipeline in each way that is pictured; yield name, columns and screens."""
    script = Path(folder) / "forecast.py"
    script.write_text(PIPELINE, "utf-8")
    environment = {"ZENML_CONFIG_PATH": f"{folder}/store", "TERM": "xterm-256color", "NO_COLOR": ""}
    watching = [sys.executable, "-m", "zenml", "run", "watch"]

    def command(*arguments):
        return [sys.executable, str(script), *arguments]

    yield "finished", 80, record(command("monday"), "python forecast.py", 80, environment)
    yield "wide", 200, record(command("tuesday"), "python forecast.py", 200, environment)
    yield "failed", 80, record(command("wednesday", "fail"), "python forecast.py", 80, environment)
    quiet = {**os.environ, **environment, "ZENML_QUIET": "1"}
    with subprocess.Popen(command("thursday", "fail"), env=quiet, stdout=subprocess.DEVNULL) as running:
        time.sleep(0.6)
        yield "watch", 80, record([*watching, "thursday"], "zenml run watch thursday", 80, environment)
        running.wait()
    other = Path(folder) / "shops.py"
    other.write_text(DYNAMIC, "utf-8")
    yield (
        "dynamic",
        80,
        record([sys.executable, str(other)], "python shops.py", 80, {**environment, "ZENML_QUIET": ""}),
    )


def main():
    with tempfile.TemporaryDirectory() as folder:
        made = {name: (columns, frames) for name, columns, frames in recordings(folder)}
    pictures = {
        "running": (80, first_with(made["finished"][1], r"[56] of 12")),
        "running-wide": (200, first_with(made["wide"][1], r"[56] of 12")),
        "finished": (80, made["finished"][1][-1][1]),
        "failed": (80, at_home(made["failed"][1][-1][1], folder)),
        "dynamic": (80, made["dynamic"][1][-1][1]),
        "watch": (80, first_with(made["watch"][1], r"[56] of 12")),
    }
    for theme in THEMES:
        written = {name: still(cells, columns, theme) for name, (columns, cells) in pictures.items()}
        written["recording"] = moving(made["finished"][1], 80, theme)
        for name, picture in written.items():
            path = HERE / f"{name}-{theme}.svg"
            path.write_text(picture, "utf-8")
            print(f"docs/pictures/{path.name}  {len(picture.encode()) / 1024:.0f} KB")


if __name__ == "__main__":
    main()
